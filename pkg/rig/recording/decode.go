package recording

import (
	"encoding/binary"
	"math"

	"github.com/ventral-lab/ventral/internal/npy"
)

// number is what elements are converted to.
type number interface{ float32 | float64 }

// toFloat converts little-endian elements of a recorded type.
func toFloat[T number](dst []T, dtype string, raw []byte) {
	switch dtype {
	case "float32":
		for i := range len(raw) / 4 {
			dst[i] = T(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
		}
	case "float16":
		for i := range len(raw) / 2 {
			dst[i] = T(npy.Float16(binary.LittleEndian.Uint16(raw[2*i:])).Float32())
		}
	case "float64":
		for i := range len(raw) / 8 {
			dst[i] = T(math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])))
		}
	case "int32":
		for i := range len(raw) / 4 {
			dst[i] = T(int32(binary.LittleEndian.Uint32(raw[4*i:])))
		}
	case "int64":
		for i := range len(raw) / 8 {
			dst[i] = T(int64(binary.LittleEndian.Uint64(raw[8*i:])))
		}
	}
}

// typed gives the elements as a slice of their own type, float16 as float32.
func typed(dtype string, raw []byte) any {
	switch dtype {
	case "float64":
		out := make([]float64, len(raw)/8)
		toFloat(out, dtype, raw)
		return out
	case "int32":
		out := make([]int32, len(raw)/4)
		for i := range out {
			out[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		return out
	case "int64":
		out := make([]int64, len(raw)/8)
		for i := range out {
			out[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
		return out
	}
	out := make([]float32, len(raw)/arrayTypes[dtype].Size())
	toFloat(out, dtype, raw)
	return out
}
