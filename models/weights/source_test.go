package weights

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

// whole and pieced are one tensor, as a view and in pieces of odd lengths.
func whole(data []byte, dtype string, shape ...int) source {
	return source{dtype: dtype, shape: shape, view: func() []byte { return data }}
}

func pieced(data []byte, dtype string, shape ...int) source {
	return source{dtype: dtype, shape: shape, stream: func(yield func([]byte) bool) {
		size := safetensors.ItemSize(dtype)
		for n, rest := 1, data; len(rest) > 0; n += 2 {
			k := min(n*size, len(rest))
			if !yield(rest[:k]) {
				return
			}
			rest = rest[k:]
		}
	}}
}

func collect(s iter.Seq[[]byte]) (out []byte) {
	for p := range s {
		out = append(out, p...)
	}
	return out
}

// permuted is the definition: element (i0, i1, ...) of the result is element (..., i_k at axis axes[k], ...) of the tensor.
func permuted(in []byte, shape, axes []int, size int) []byte {
	out := make([]byte, 0, len(in))
	index := make([]int, len(shape))
	var walk func(k int)
	walk = func(k int) {
		if k == len(axes) {
			at := 0
			for a, i := range index {
				at = at*shape[a] + i
			}
			out = append(out, in[at*size:(at+1)*size]...)
			return
		}
		for i := range shape[axes[k]] {
			index[axes[k]] = i
			walk(k + 1)
		}
	}
	walk(0)
	return out
}

// TestTurned compares transposes and permutations, of tensors larger and smaller than a tile, with the definition.
func TestTurned(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		dtype       string
		shape, axes []int
	}{
		{"F16", []int{2, 3}, []int{1, 0}}, {"F32", []int{67, 35}, []int{1, 0}}, {"F64", []int{5, 200}, []int{1, 0}},
		{"F32", []int{3, 3, 40, 50}, []int{3, 2, 0, 1}}, {"F32", []int{7, 5, 4, 33}, []int{2, 0, 3, 1}}, {"U8", []int{4, 5, 6}, []int{0, 2, 1}},
		{"F32", []int{6}, []int{0}}, {"F32", []int{0, 3}, []int{1, 0}}, {"BF16", []int{1, 1, 9}, []int{2, 1, 0}},
	} {
		size := safetensors.ItemSize(c.dtype)
		data := make([]byte, product(c.shape)*size)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		want := permuted(data, c.shape, c.axes, size)
		for _, s := range []source{whole(data, c.dtype, c.shape...), pieced(data, c.dtype, c.shape...)} {
			if got := collect(turned(s, c.shape, c.axes, size)); !bytes.Equal(got, want) {
				t.Errorf("%s %v by %v: wrong bytes", c.dtype, c.shape, c.axes)
			}
		}
	}
}

// TestTurnedInBlocks turns a tensor that takes several pieces.
func TestTurnedInBlocks(t *testing.T) {
	shape := []int{3, pieceSize / 4, 2}
	data := make([]byte, product(shape)*4)
	for i := range data {
		data[i] = byte(i * 2654435761 >> 13)
	}
	pieces := 0
	var got []byte
	for p := range turned(whole(data, "F32", shape...), shape, []int{1, 2, 0}, 4) {
		pieces++
		got = append(got, p...)
	}
	if want := permuted(data, shape, []int{1, 2, 0}, 4); !bytes.Equal(got, want) || pieces < 2 {
		t.Errorf("%d pieces, right bytes: %v", pieces, bytes.Equal(got, want))
	}
}

// TestRulesOfPieces gives every operation the same tensor as a view and in pieces, and stops reading at every place.
func TestRulesOfPieces(t *testing.T) {
	data := make([]byte, 6*5*2)
	for i := range data {
		data[i] = byte(i)
	}
	for _, r := range []Rule{
		{Operation: Copy, From: []string{"a"}}, {Operation: View, Shape: []int{30}, From: []string{"a"}}, {Operation: Transpose, From: []string{"a"}},
		{Operation: Join, From: []string{"a", "b"}}, {Operation: Part, Index: 0, Of: 3, From: []string{"a"}}, {Operation: Part, Index: 1, Of: 3, From: []string{"a"}},
		{Operation: Part, Index: 2, Of: 3, From: []string{"a"}}, {Operation: Permute, Axes: []int{1, 0}, From: []string{"a"}}, {Operation: Zeros, Shape: []int{7}, From: []string{"a"}},
		{Operation: Tail, Index: 2, From: []string{"a"}}, {Operation: Permute, As: []int{3, 2, 5}, Axes: []int{2, 0, 1}, Shape: []int{30}, From: []string{"a"}},
	} {
		r.Name = "x"
		shape, _, err := r.shape(map[string][]int{"a": {6, 5}, "b": {6, 5}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a := r.make([]source{whole(data, "F16", 6, 5), whole(data, "F16", 6, 5)}[:len(r.From)], shape)
		b := r.make([]source{pieced(data, "F16", 6, 5), pieced(data, "F16", 6, 5)}[:len(r.From)], shape)
		want := a.bytes()
		if got := b.bytes(); !bytes.Equal(got, want) || len(got) != a.size() {
			t.Errorf("%+v: %v, as a view %v", r, got, want)
		}
		for stop := range 5 {
			seen := []byte{}
			n := 0
			for p := range b.pieces() {
				if n++; n > stop {
					break
				}
				seen = append(seen, p...)
			}
			if !bytes.HasPrefix(want, seen) {
				t.Errorf("%+v, stopped after %d pieces: %v", r, stop, seen)
			}
		}
	}
}

// TestViewsAreReleased checks that what was read is given back, all of it and in order.
func TestViewsAreReleased(t *testing.T) {
	data := make([]byte, pieceSize+100)
	var back []byte
	s := whole(data, "U8", len(data))
	s.release = func(b []byte) { back = append(back, b...) }
	n := 0
	for p := range s.pieces() {
		n += len(p)
	}
	if n != len(data) || len(back) != len(data) {
		t.Errorf("%d bytes read, %d given back, of %d", n, len(back), len(data))
	}
}

// TestFillConverts reads float16 in pieces into memory of the caller and refuses memory of another size.
func TestFillConverts(t *testing.T) {
	var data []byte
	var want []float32
	for i := range 1000 {
		want = append(want, float32(i)-500)
	}
	data, err := safetensors.Float16Bytes(want)
	if err != nil {
		t.Fatal(err)
	}
	s := newSet("test", map[string]source{"a": pieced(data, "F16", 10, 100)}, nil)
	got := make([]float32, 1000)
	if err := s.Fill("a", got); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got[:5], err)
	}
	for _, n := range []int{0, 999, 1001} {
		if err := s.Fill("a", make([]float32, n)); err == nil {
			t.Errorf("%d elements fit", n)
		}
	}
	if err := s.Fill("b", got); err == nil {
		t.Error("a tensor that is not there was read")
	}
}

func ExampleSet_Fill() {
	s, err := FromTensors("example", []safetensors.Tensor{{Name: "w", DType: "F32", Shape: []int{2}, Data: safetensors.Float32Bytes([]float32{1, 2})}})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := make([]float32, 2)
	fmt.Println(s.Fill("w", w), w)
	// Output: <nil> [1 2]
}
