package nifti

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Files that nibabel wrote give what nibabel reads from them.
func TestNibabel(t *testing.T) {
	b, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var wanted map[string]struct {
		Dims   [4]int
		Data   []float64
		Affine [4][4]float64
	}
	if err := json.Unmarshal(b, &wanted); err != nil {
		t.Fatal(err)
	}
	if len(wanted) < 15 {
		t.Fatalf("%d files", len(wanted))
	}
	for name, want := range wanted {
		v, err := Open(filepath.Join("testdata", name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if v.Dims != want.Dims || !v.HasAffine {
			t.Errorf("%s: dims %v, want %v; affine %v", name, v.Dims, want.Dims, v.HasAffine)
			continue
		}
		for r := range 4 {
			for c := range 4 {
				if math.Abs(v.Affine[r][c]-want.Affine[r][c]) > 1e-4 {
					t.Errorf("%s: affine %v, want %v", name, v.Affine, want.Affine)
				}
			}
		}
		// Backwards as well, which starts a compressed file over.
		for pass := range 2 {
			for k := range v.Dims[3] {
				i := k
				if pass == 1 {
					i = v.Dims[3] - 1 - k
				}
				frame, err := v.Frame(i)
				if err != nil {
					t.Fatalf("%s: frame %d: %v", name, i, err)
				}
				for j, x := range frame {
					if x != float32(want.Data[i*len(frame)+j]) {
						t.Fatalf("%s: frame %d, element %d is %g, want %g", name, i, j, x, want.Data[i*len(frame)+j])
					}
				}
			}
		}
		if _, err := v.Frame(v.Dims[3]); err == nil {
			t.Errorf("%s: a frame beyond the last", name)
		}
		v.Close()
	}
}

func read(b []byte) error {
	v, err := New(bytes.NewReader(b))
	if err != nil {
		return err
	}
	for i := range v.Dims[3] {
		if _, err := v.Frame(i); err != nil {
			return err
		}
	}
	return nil
}

// Cut off anywhere, packed or not, is an error.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"i2.mgh", "surface.mgz", "i2.nii.gz", "three.nii"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		end := len(b)
		if strings.HasSuffix(name, ".mgh") {
			end = mghData + 4*3*2*2*2 // behind the data comes a footer of scan parameters, which may be missing
		}
		for n := range end {
			if err := read(b[:n]); !errors.Is(err, ErrFormat) {
				t.Fatalf("%s cut off at %d of %d: %v", name, n, end, err)
			}
		}
	}
}

func TestBadHeaders(t *testing.T) {
	mgh, err := os.ReadFile("testdata/f4.mgh")
	if err != nil {
		t.Fatal(err)
	}
	nii, err := os.ReadFile("testdata/three.nii")
	if err != nil {
		t.Fatal(err)
	}
	put := func(b []byte, at int, v []byte) []byte {
		b = bytes.Clone(b)
		copy(b[at:], v)
		return b
	}
	be := func(v int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }
	le16 := func(v int16) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(v)) }
	lef := func(v float32) []byte { return binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)) }
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(put(put(mgh, 4, be(1<<20)), 16, be(1000))[:mghData])
	z.Close()
	for _, c := range []struct {
		name, want string
		b          []byte
	}{
		{"nothing", "0 bytes", nil},
		{"text", "neither MGH", []byte("this is no volume")},
		{"mgh version 2", "neither MGH", put(mgh, 0, be(2))},
		{"mgh negative", "extent -3", put(mgh, 4, be(-3))},
		{"mgh none", "extent 0", put(mgh, 16, be(0))},
		{"mgh large", "larger than", put(put(mgh, 4, be(1<<20)), 8, be(1<<20))},
		{"mgh more than there is", "the file has", put(mgh, 16, be(1000))},
		{"mgh type", "MGH type 9", put(mgh, 20, be(9))},
		{"packed, more than there is", "frame 0", bomb.Bytes()},
		{"nifti ranks", "9 dimensions", put(nii, 40, le16(9))},
		{"nifti negative", "extent -1", put(nii, 42, le16(-1))},
		{"nifti five", "four dimensions", put(put(nii, 40, le16(5)), 50, le16(7))},
		{"nifti type", "type 32", put(nii, 70, le16(32))},
		{"nifti bits", "bitpix", put(nii, 72, le16(8))},
		{"nifti offset", "data at 100", put(nii, 108, lef(100))},
		{"nifti offset of NaN", "data at NaN", put(nii, 108, lef(float32(math.NaN())))},
		{"nifti beyond", "the file has", put(nii, 108, lef(1e6))},
		{"nifti inter", "scl_inter", put(nii, 116, lef(float32(math.Inf(1))))},
		{"nifti pair", "in one file", put(nii, 344, []byte("ni1\x00"))},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read(c.b)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: %d bytes were allocated for a file of %d", c.name, used, len(c.b))
		}
	}
	if _, err := Open("testdata/nifti2.nii"); err == nil || !strings.Contains(err.Error(), "NIfTI-2") {
		t.Errorf("NIfTI-2: %v", err)
	}
	// A bit of the data changed: gzip's checksum finds it.
	b, err := os.ReadFile("testdata/surface.mgz")
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-6] ^= 1 // in the CRC itself
	if err := read(b); !errors.Is(err, ErrFormat) {
		t.Errorf("a wrong checksum: %v", err)
	}
}

func FuzzNew(f *testing.F) {
	for _, name := range []string{"u1.mgh", "surface.mgz", "scaled.nii.gz", "three.nii", "big.nii"} {
		if b, err := os.ReadFile(filepath.Join("testdata", name)); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := New(bytes.NewReader(b))
		if err != nil {
			return
		}
		for i := range min(2, v.Dims[3]) {
			if x, err := v.Frame(i); err == nil && len(x) != v.FrameLen() {
				t.Fatalf("%d values, want %d", len(x), v.FrameLen())
			}
		}
	})
}

var _ io.Closer = (*Volume)(nil)

func ExampleOpen() {
	v, err := Open("testdata/surface.mgz")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	x, err := v.Frame(2)
	fmt.Println(v.Format, v.Dims, x[:4], err)
	// Output:
	// MGH [50 1 1 3] [2 5 8 11] <nil>
}
