package features

const (
	// maxIDBytes bounds a list of ids: a million of a hundred bytes.
	maxIDBytes = 128 << 20
)
