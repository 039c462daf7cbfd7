package npy

import "github.com/ventral-lab/ventral/internal/safetensors"

// Float16 is an IEEE 754 binary16 number as its bits.
type Float16 uint16

// NewFloat16 rounds to nearest, ties to even; what is too large becomes an infinity.
func NewFloat16(f float32) Float16 { return Float16(safetensors.Float32ToFloat16(f)) }

// Float32 is the exact value.
func (h Float16) Float32() float32 { return safetensors.Float16ToFloat32(uint16(h)) }

// IsInf says whether h is an infinity of either sign.
func (h Float16) IsInf() bool { return h&0x7fff == 0x7c00 }
