package safetensors

import (
	"bytes"
	"reflect"
	"testing"
)

// Whatever Parse accepts is consistent, converts without a panic and survives being written and parsed again. The
// corpus in testdata/fuzz holds the files of TestMalformedFilesAreRefused and some valid ones, one by the Python package.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			if file != nil || err.Error() == "" {
				t.Fatalf("%v and %v", file, err)
			}
			return
		}
		total, tensors := 0, []Tensor{}
		for _, name := range file.Names() {
			x, ok := file.Lookup(name)
			if !ok || x.Name != name || x.Len()*ItemSize(x.DType) != len(x.Data) {
				t.Fatalf("%q: %v %s %v with %d bytes", name, ok, x.DType, x.Shape, len(x.Data))
			}
			total += len(x.Data)
			if _, err := x.Float32(); err != nil {
				if _, err := x.Int64(); err != nil && x.DType != U64 {
					t.Fatal(err)
				}
			}
			if name != "" { // the format allows an empty name, Write does not
				tensors = append(tensors, x)
			}
		}
		if total > len(data) {
			t.Fatalf("%d bytes of tensors in %d bytes of file", total, len(data))
		}
		var b bytes.Buffer
		if err := Write(&b, tensors, file.Metadata()); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(again.Metadata(), file.Metadata()) {
			t.Fatalf("metadata %q became %q", file.Metadata(), again.Metadata())
		}
		for _, x := range tensors {
			y, _ := again.Lookup(x.Name)
			if !reflect.DeepEqual(x.Shape, y.Shape) || x.DType != y.DType || !bytes.Equal(x.Data, y.Data) {
				t.Fatalf("%v became %v", x, y)
			}
		}
	})
}
