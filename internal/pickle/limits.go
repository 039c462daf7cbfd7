package pickle

const (
	// MaxBytes bounds a file. The mapping dictionaries of Algonauts have at most eight entries, 500 bytes; a label
	// table of a whole cortical atlas has some hundred.
	MaxBytes = 1 << 20
	// MaxStack bounds the values that are under construction at once: every one needs at least a byte of the file.
	MaxStack = 1 << 16
)
