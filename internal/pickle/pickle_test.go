package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var visual = map[int64]string{0: "Unknown", 1: "V1v", 2: "V1d", 3: "V2v", 4: "V2d", 5: "V3v", 6: "V3d", 7: "hV4"}

// Files of numpy.save in every protocol, made by scripts/loaders_check.py.
func TestNumPyFiles(t *testing.T) {
	shifted := map[int64]string{}
	for k, v := range visual {
		shifted[k-3] = v
	}
	for name, want := range map[string]map[int64]string{"numpy_save": visual, "numpy1": visual, "protocol0": visual, "protocol1": visual, "protocol2": visual, "protocol3": visual,
		"protocol4": visual, "protocol5": visual, "numpy_keys": visual, "int16_keys": shifted, "empty": {}} {
		got, err := ReadLabels(filepath.Join("testdata", name+".npy"))
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// Pickles that call something, and pickles of other things.
func TestRefused(t *testing.T) {
	files, err := filepath.Glob("testdata/*_*.npy")
	if err != nil {
		t.Fatal(err)
	}
	calls, others := 0, 0
	for _, f := range files {
		name := filepath.Base(f)
		want := ErrFormat
		switch {
		case strings.HasPrefix(name, "call_"):
			want = ErrCall
			calls++
		case strings.HasPrefix(name, "bad_"):
			others++
		default:
			continue
		}
		if m, err := ReadLabels(f); !errors.Is(err, want) || m != nil || !strings.Contains(err.Error(), f) {
			t.Errorf("%s: %v, %v; want %v", f, m, err, want)
		}
	}
	if calls < 15 || others < 15 {
		t.Errorf("%d calls and %d other files", calls, others)
	}
	if _, err := ReadLabels("testdata/call_system_4.npy"); err == nil || !strings.Contains(err.Error(), "posix.system") {
		t.Errorf("the error does not name what would have been called: %v", err)
	}
}

// Every file, cut off anywhere, is an error.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"numpy_save", "protocol0", "protocol2", "numpy_keys"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		for n := range b {
			if m, err := Labels(b[:n]); err == nil {
				t.Errorf("%s cut off at %d of %d: %v", name, n, len(b), m)
			}
		}
		if _, err := Labels(append(b, '.')); !errors.Is(err, ErrFormat) {
			t.Errorf("%s with a byte more: %v", name, err)
		}
	}
	if _, err := Labels(make([]byte, MaxBytes+1)); !errors.Is(err, ErrFormat) {
		t.Errorf("a file above the limit: %v", err)
	}
}

// Programs for the machine that no writer makes.
func TestPrograms(t *testing.T) {
	head, err := Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	head = head[:bytes.Index(head, []byte("\x80\x03"))]
	array := "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
	dtype := "cnumpy\ndtype\nX\x02\x00\x00\x00O8\x89\x88\x87R"
	for _, c := range []struct {
		program string
		want    error
	}{
		{".", ErrFormat},
		{"N.", ErrFormat},
		{"}.", ErrFormat},
		{"(.", ErrFormat},
		{"NN.", ErrFormat},
		{"h\x05.", ErrFormat},
		{"a.", ErrFormat},
		{"\x80\x06N.", ErrFormat},
		{"\xff.", ErrFormat},
		{"X\xff\xff\xff\xffa.", ErrFormat},
		{"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", ErrFormat},
		{"cbuiltins\nprint\n.", ErrCall},
		{"cnumpy\nload\n.", ErrCall},
		{"cnumpy\ndtype\n)R.", ErrCall},
		{"cnumpy\nndarray\n)R.", ErrCall},
		{"X\x01\x00\x00\x00a)R.", ErrFormat},
		{"(cos\nsystem\no.", ErrCall},
		{"(ios\nsystem\n.", ErrCall},
		{"Pa\n.", ErrCall},
		{"}}b.", ErrCall},
		{array + ".", ErrFormat},
		{array + "(K\x01)" + dtype + "\x89](}}etb.", ErrFormat},    // two objects
		{array + "(K\x01)" + dtype + "\x89](K\x01etb.", ErrFormat}, // no dictionary
		{array + "(K\x01)" + dtype + "\x89](}(K\x01X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00buetb.", ErrFormat}, // a key twice
		{array + "(K\x01)" + dtype + "\x89](}(K\x01Nuetb.", ErrFormat},                                         // a value of None
		{array + "(K\x01)" + dtype + "\x89](}q\x00(K\x01h\x00uetb.", ErrFormat},                                // a dictionary that holds itself
		{array + "(K\x01)" + dtype + "\x89](}etb(K\x01)" + dtype + "\x89](}etb.", ErrCall},                     // a state twice
		{array + "(K\x01)" + strings.Replace(dtype, "O8", "i8", 1) + "\x89](}etb.", ErrFormat},                 // an array of numbers
		{strings.Repeat("N", MaxStack+2) + ".", ErrFormat},
	} {
		if m, err := Labels(append(bytes.Clone(head), c.program...)); !errors.Is(err, c.want) {
			t.Errorf("%.60q: %v, %v; want %v", c.program, m, err, c.want)
		}
	}
}

func TestEncode(t *testing.T) {
	for _, m := range []map[int64]string{{}, visual, {-5: "", 1 << 30: "Größe"}} {
		b, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Labels(b); err != nil || !maps.Equal(got, m) {
			t.Errorf("%v came back as %v, %v", m, got, err)
		}
	}
	for _, m := range []map[int64]string{{1 << 31: "a"}, {1: "\xff"}} {
		if _, err := Encode(m); err == nil {
			t.Errorf("%v was written", m)
		}
	}
	path := filepath.Join(t.TempDir(), "mapping.npy")
	if err := WriteLabels(path, visual); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadLabels(path); err != nil || !maps.Equal(got, visual) {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzLabels(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.npy")
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Labels(b)
		if err != nil {
			if m != nil || !errors.Is(err, ErrFormat) && !errors.Is(err, ErrCall) {
				t.Fatalf("%v, %v", m, err)
			}
			return
		}
		again, err := Encode(m)
		if err != nil {
			return // keys beyond 32 bits
		}
		if got, err := Labels(again); err != nil || !maps.Equal(got, m) {
			t.Fatalf("%v, written again, is %v, %v", m, got, err)
		}
	})
}

func ExampleLabels() {
	b, err := Encode(map[int64]string{0: "Unknown", 1: "EBA", 2: "FBA-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	names, err := Labels(b)
	fmt.Println(names[1], err)
	_, err = Labels(bytes.Replace(b, []byte("cnumpy\ndtype\n"), []byte("cos\nsystem\n"), 1))
	fmt.Println(err)
	// Output:
	// EBA <nil>
	// the pickle asks to call something: refused: it names "os.system"
}
