package table

const (
	// MaxParquetValues bounds the values a row of a Parquet file: a row group of rows this wide is still held in
	// memory by readers, and beyond it an array format is the better choice.
	MaxParquetValues = 1 << 20
	// MaxCSVValues bounds the columns of a CSV file: 16,384 is what spreadsheet programs open.
	MaxCSVValues = 1 << 14
	// rowGroupBytes is about what a Parquet row group holds before it is written; readers load one at a time.
	rowGroupBytes = 32 << 20
)
