package atlas

// maxCells bounds the cells of a sheet: 64 rows are a PNG of 2176 x 8704 pixels, 76 MB decoded.
const maxCells = 64 * Columns

// maxIndex bounds the index file: 1000 things of 200 bytes.
const maxIndex = 1 << 20
