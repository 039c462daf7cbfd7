package safetensors

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
)

// half is the definition of binary16 (IEEE 754-2019, 3.4), in float64.
func half(h uint16) float64 {
	sign, exponent, fraction := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		if fraction == 0 {
			return math.Inf(int(sign))
		}
		return math.NaN()
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

func TestHalfToFloatIsExact(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		got, want := float64(Float16ToFloat32(h)), half(h)
		if got != want && !(got != got && want != want) || math.Signbit(got) != math.Signbit(want) && want == want {
			t.Fatalf("%#04x is %v, want %v", h, got, want)
		}
		if back := Float32ToFloat16(float32(got)); want == want && back != h {
			t.Fatalf("%#04x comes back as %#04x", h, back)
		} else if want != want && back&0x7c00|back&0x3ff <= 0x7c00 {
			t.Fatalf("NaN %#04x comes back as %#04x", h, back)
		}
	}
}

// Between two neighbouring halves the midpoint goes to the even one and the float32 values beside it to the nearer.
func TestFloatToHalfRoundsToNearestEven(t *testing.T) {
	for i := range 0x7c00 {
		lo, hi := uint16(i), uint16(i+1)
		upper := half(hi)
		if hi == 0x7c00 {
			upper = 65536 // infinity counts as the next binade for rounding (IEEE 754-2019, 4.3.1)
		}
		mid := float32((half(lo) + upper) / 2)
		even := lo
		if lo&1 == 1 {
			even = hi
		}
		for _, c := range []struct {
			v    float32
			want uint16
		}{{mid, even}, {math.Nextafter32(mid, 0), lo}, {math.Nextafter32(mid, 1e6), hi}} {
			if got := Float32ToFloat16(c.v); got != c.want {
				t.Fatalf("%b becomes %#04x, want %#04x", c.v, got, c.want)
			}
			if got := Float32ToFloat16(-c.v); got != c.want|0x8000 {
				t.Fatalf("%b becomes %#04x, want %#04x", -c.v, got, c.want|0x8000)
			}
		}
	}
}

func TestFloat16BytesOverflow(t *testing.T) {
	below := math.Nextafter32(65520, 0)
	b, err := Float16Bytes([]float32{1, below, float32(math.Inf(-1)), float32(math.NaN())})
	if err != nil {
		t.Fatal(err)
	}
	if got := binary.LittleEndian.Uint16(b[2:]); got != 0x7bff {
		t.Errorf("%g becomes %#04x, want 65504", below, got)
	}
	for _, v := range []float32{65520, -65520, math.MaxFloat32} {
		if _, err := Float16Bytes([]float32{0, v}); !errors.Is(err, ErrValue) || !strings.Contains(err.Error(), "element 1") {
			t.Errorf("%g: %v", v, err)
		}
	}
}

func TestCheckFinite(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	f64 := func(x ...float64) Tensor {
		var b []byte
		for _, v := range x {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		return Tensor{"w", F64, []int{len(x)}, b}
	}
	narrow := func(dtype string, h ...uint16) Tensor {
		var b []byte
		for _, v := range h {
			b = binary.LittleEndian.AppendUint16(b, v)
		}
		return Tensor{"w", dtype, []int{len(h)}, b}
	}
	single := func(x ...float32) Tensor { return Tensor{"w", F32, []int{len(x)}, Float32Bytes(x)} }
	for _, c := range []struct {
		tensor Tensor
		want   string // part of the message, "" for none
	}{
		{f64(0, math.MaxFloat32, -1e-300), ""},
		{f64(0, 1e39, nan, inf, -inf), "of 5 elements 1 are NaN, 2 infinite, 1 beyond the range of float32; the first is element 1"},
		{single(0, math.MaxFloat32), ""},
		{single(1, float32(nan)), "1 are NaN, 0 infinite, 0 beyond the range of float32; the first is element 1"},
		{narrow(F16, 0x7bff, 1), ""},
		{narrow(F16, 0xfc00), "0 are NaN, 1 infinite"},
		{narrow(BF16, 0x7f7f), ""},
		{narrow(BF16, 0, 0, 0x7fc0), "the first is element 2"},
		{Tensor{"w", I64, []int{1}, Int64Bytes([]int64{-1})}, ""},
		{Tensor{"w", F32, []int{2}, []byte{1}}, "bad shape"},
	} {
		err := c.tensor.CheckFinite()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.tensor.DType, err, c.want)
		}
	}
}

func TestHandMadeTensorsAreChecked(t *testing.T) {
	for _, bad := range []Tensor{{"w", F32, []int{2}, make([]byte, 7)}, {"w", "F4", nil, nil}, {"w", I8, []int{-1}, nil}} {
		if _, err := bad.Float32(); err == nil {
			t.Errorf("Float32 takes %v", bad)
		}
		if _, err := bad.Float64(); err == nil {
			t.Errorf("Float64 takes %v", bad)
		}
		if _, err := bad.Int64(); err == nil {
			t.Errorf("Int64 takes %v", bad)
		}
	}
	big := Tensor{"w", U64, []int{1}, Int64Bytes([]int64{-1})}
	if _, err := big.Int64(); !errors.Is(err, ErrValue) {
		t.Errorf("2^64-1 as int64: %v", err)
	}
}

func BenchmarkFloat32(b *testing.B) {
	const n = 1 << 20
	for _, dtype := range []string{F32, F16, BF16, F64} {
		t := Tensor{"w", dtype, []int{n}, make([]byte, n*ItemSize(dtype))}
		b.Run(dtype, func(b *testing.B) {
			b.SetBytes(int64(len(t.Data)))
			for b.Loop() {
				if _, err := t.Float32(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
