package checksum

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The sum of "abc" is the first example of FIPS 180-2.
const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	if l, err := Read(dir); l != nil || err != nil {
		t.Errorf("a folder without a list: %v, %v", l, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sub", "a b.txt"), []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	sum, err := File(filepath.Join(dir, "sub", "a b.txt"))
	if err != nil || fmt.Sprintf("%x", sum) != abc {
		t.Fatalf("%x, %v", sum, err)
	}
	l := List{"sub/a b.txt": sum, "other": {1}}
	if err := l.Write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir)
	if err != nil || !reflect.DeepEqual(got, l) {
		t.Fatalf("%v, %v", got, err)
	}
	if err := got.Check(dir, "sub/a b.txt"); err != nil {
		t.Error(err)
	}
	if err := got.Check(dir, "not in the list"); err != nil {
		t.Error(err)
	}
	if err := got.Check(dir, "other"); err == nil {
		t.Error("a file that is not there passed")
	}
	if err := got.CheckBytes("sub/a b.txt", []byte("abd")); !errors.Is(err, ErrMismatch) {
		t.Errorf("other bytes: %v", err)
	}
	if err := (List{"../a": sum}).Write(dir); err == nil {
		t.Error("a path out of the folder was written")
	}
}

func TestParse(t *testing.T) {
	l, err := Parse([]byte(abc + "  ./a\n\n" + strings.ToUpper(abc) + " *b/c\n"))
	if err != nil || len(l) != 2 || l["a"] != l["b/c"] {
		t.Errorf("%v, %v", l, err)
	}
	for _, text := range []string{"a", abc + " a\n", abc + "  ", abc + "  ../a\n", abc + "  /a\n", abc + "  a\n" + abc + "  ./a\n", "x" + abc[1:] + "  a\n", abc + "  a\\b\n"} {
		if l, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q gives %v", text, l)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(abc + "  ./a\n"))
	f.Add([]byte(abc + " *b/c\n" + abc + "  d\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Parse(b)
		if err != nil {
			return
		}
		for name := range l {
			if !filepath.IsLocal(name) {
				t.Fatalf("%q leaves the folder", name)
			}
		}
	})
}

func ExampleParse() {
	l, err := Parse([]byte(abc + "  letters.txt\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(l.CheckBytes("letters.txt", []byte("abc")))
	fmt.Println(errors.Is(l.CheckBytes("letters.txt", []byte("xyz")), ErrMismatch))
	// Output:
	// <nil>
	// true
}
