package safetensors

// The element types this package knows, as they are spelled in a header. All are little-endian.
const (
	F16  = "F16"  // IEEE 754 half precision
	BF16 = "BF16" // the upper half of an F32
	F32  = "F32"  // IEEE 754 single precision
	F64  = "F64"  // IEEE 754 double precision
	I8   = "I8"   // two's complement integers
	I16  = "I16"
	I32  = "I32"
	I64  = "I64"
	U8   = "U8" // unsigned integers
	U16  = "U16"
	U32  = "U32"
	U64  = "U64"
	BOOL = "BOOL" // one byte, zero is false
)

// ItemSize returns the bytes of one element of dtype, and 0 for a dtype this package does not know.
func ItemSize(dtype string) int {
	switch dtype {
	case I8, U8, BOOL:
		return 1
	case F16, BF16, I16, U16:
		return 2
	case F32, I32, U32:
		return 4
	case F64, I64, U64:
		return 8
	}
	return 0
}

// Tensor is a named array. Data holds its elements little-endian in row-major order; for a tensor of a *File it is a
// view of the file, must not be written to, and is valid until the file is closed.
type Tensor struct {
	Name  string
	DType string
	Shape []int // empty for a scalar
	Data  []byte
}

// Len returns the number of elements: the product of the shape, 1 for a scalar. It is meaningful for tensors that
// this package made or accepted.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// byteLen checks dtype and shape and returns the bytes they ask for.
func byteLen(dtype string, shape []int) (int64, *Error) {
	size := ItemSize(dtype)
	if size == 0 {
		return 0, &Error{Kind: ErrDType, Detail: "found " + quoted(dtype) + ", known are F16 BF16 F32 F64 I8 I16 I32 I64 U8 U16 U32 U64 BOOL",
			Remedy: "convert the tensor to one of these and save it again"}
	}
	if len(shape) > MaxRank {
		return 0, &Error{Kind: ErrShape, Detail: itoa(len(shape)) + " axes, at most " + itoa(MaxRank) + " are read", Remedy: notValid}
	}
	// Zero axes are left out of the running product, so that [0, 2^40, 2^40] is refused in whatever order it is written.
	n, zero := int64(1), false
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, &Error{Kind: ErrShape, Detail: "negative axis " + itoa(d), Remedy: notValid}
		case d == 0:
			zero = true
		case int64(d) > MaxElements/n:
			return 0, &Error{Kind: ErrShape, Detail: "the product of the shape is above 2^59", Remedy: notValid}
		default:
			n *= int64(d)
		}
	}
	if zero {
		n = 0
	}
	return n * int64(size), nil
}
