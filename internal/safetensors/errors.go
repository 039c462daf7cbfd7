package safetensors

import (
	"errors"
	"strconv"
	"strings"
)

// The kinds of failure; test with errors.Is. Every error of this package that concerns a file or a tensor is an
// *Error that wraps one of them.
var (
	// ErrTruncated means that the file ends before what its header promises.
	ErrTruncated = errors.New("file is cut short")
	// ErrHeader means that the header is not the JSON that the format asks for, or is beyond a limit.
	ErrHeader = errors.New("bad header")
	// ErrDuplicate means that a name or a field occurs twice.
	ErrDuplicate = errors.New("duplicate name")
	// ErrDType means an element type this package does not know, or one that an operation cannot convert.
	ErrDType = errors.New("wrong dtype")
	// ErrShape means a negative, too large or too deep shape, or one that disagrees with its bytes.
	ErrShape = errors.New("bad shape")
	// ErrOffsets means offsets that are reversed, outside the buffer, overlapping, or that leave a hole.
	ErrOffsets = errors.New("bad offsets")
	// ErrTrailing means bytes after the last tensor.
	ErrTrailing = errors.New("bytes after the last tensor")
	// ErrValue means a value that is NaN, infinite, or too large for the type it is converted to.
	ErrValue = errors.New("bad value")
)

// Error says what is wrong, where, and what to do.
type Error struct {
	Path   string // file, "" if the bytes came from memory
	Tensor string // tensor name, "" if the whole file is meant
	Kind   error  // one of the Err values of this package
	Detail string // what was found, with the numbers
	Remedy string // what to do
}

// Error returns "safetensors: PATH: tensor "NAME": KIND: DETAIL; REMEDY" without the parts that are empty.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("safetensors: ")
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	if e.Tensor != "" {
		b.WriteString("tensor " + strconv.Quote(clip(e.Tensor)) + ": ")
	}
	b.WriteString(e.Kind.Error())
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// Unwrap returns the kind, for errors.Is.
func (e *Error) Unwrap() error { return e.Kind }

// clip shortens text from a file so that a hostile header cannot fill a terminal.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
