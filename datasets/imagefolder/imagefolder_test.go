package imagefolder

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ventral-lab/ventral/datasets"
)

var _ datasets.Set = (*Set)(nil)

func picture(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, color.RGBA{uint8(40 * x), uint8(30 * y), 77, 255})
		}
	}
	return m
}

func encoded(t testing.TB, w, h int, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&b, picture(w, h))
	case "jpeg":
		err = jpeg.Encode(&b, picture(w, h), nil)
	case "gif":
		err = gif.Encode(&b, picture(w, h), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "dogs/b.PNG", encoded(t, 5, 4, "png"))
	write(t, dir, "dogs/a.jpg", encoded(t, 9, 8, "jpeg"))
	write(t, dir, "cats/deep/er/c.gif", encoded(t, 6, 6, "gif"))
	write(t, dir, "cats-and-dogs/d.png", encoded(t, 2, 2, "png"))
	write(t, dir, "alone.png", encoded(t, 3, 2, "png"))
	write(t, dir, "cats/notes.txt", []byte("no picture"))
	write(t, dir, "cats/.hidden.png", encoded(t, 2, 2, "png"))
	write(t, dir, ".cache/x.png", encoded(t, 2, 2, "png"))
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	// Byte order: '-' comes before '/'.
	want := []struct {
		id, class string
		w, h      int
	}{{"alone.png", "", 3, 2}, {"cats-and-dogs/d.png", "cats-and-dogs", 2, 2}, {"cats/deep/er/c.gif", "cats", 6, 6}, {"dogs/a.jpg", "dogs", 9, 8}, {"dogs/b.PNG", "dogs", 5, 4}}
	if s.Len() != len(want) || s.Skipped() != 1 || s.Spec() != "folder:"+filepath.ToSlash(dir) {
		t.Fatalf("%s: %d pictures, %d other files", s.Spec(), s.Len(), s.Skipped())
	}
	var wg sync.WaitGroup
	errs := make([]error, len(want))
	for i, w := range want {
		wg.Go(func() {
			st, err := s.At(i)
			switch {
			case err != nil:
				errs[i] = err
			case st.ID != w.id || s.ID(i) != w.id || st.Labels["class"] != w.class || st.Image.Bounds().Size() != image.Pt(w.w, w.h):
				errs[i] = fmt.Errorf("got %s, class %v, %v", st.ID, st.Labels["class"], st.Image.Bounds())
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("picture %d: %v; want %+v", i, err, want[i])
		}
	}
}

// bomb is a valid PNG header that claims w x h pixels, and no data.
func bomb(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	head := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	head = append(head, 8, 6, 0, 0, 0)
	b = append(b, 0, 0, 0, 13)
	b = append(b, head...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(head))
}

// A picture that cannot be read is an error for its index alone.
func TestBrokenPictures(t *testing.T) {
	dir := t.TempDir()
	good := encoded(t, 40, 40, "png")
	write(t, dir, "a.png", good)
	write(t, dir, "b-cut.png", good[:len(good)/2])
	write(t, dir, "c-empty.jpg", nil)
	write(t, dir, "d-text.gif", []byte("this is not a picture"))
	write(t, dir, "e-bomb.png", bomb(60000, 60000))
	write(t, dir, "f-bomb.png", bomb(30000, 5000))
	if err := os.Symlink(filepath.Join(dir, "nowhere.png"), filepath.Join(dir, "g-link.png")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "h.png", good)
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 8 {
		t.Fatalf("%d pictures, want 8", s.Len())
	}
	for i := range 8 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		st, err := s.At(i)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%s took %d bytes", s.ID(i), got)
		}
		switch {
		case i == 0 || i == 7:
			if err != nil || st.Image.Bounds().Dx() != 40 {
				t.Errorf("%s: %v", s.ID(i), err)
			}
		case err == nil:
			t.Errorf("%s was read", s.ID(i))
		case !strings.Contains(err.Error(), s.ID(i)):
			t.Errorf("the error does not name %s: %v", s.ID(i), err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "a.png")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.At(0); err == nil || s.Len() != 8 {
		t.Errorf("a removed file: %v, %d pictures", err, s.Len())
	}
	for _, i := range []int{-1, 8} {
		if _, err := s.At(i); err == nil {
			t.Errorf("picture %d of 8 was read", i)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "full/a.png", encoded(t, 2, 2, "png"))
	write(t, dir, "empty/readme.txt", nil)
	write(t, dir, "loop/in/a.png", encoded(t, 2, 2, "png"))
	if err := os.Symlink(filepath.Join(dir, "loop"), filepath.Join(dir, "loop/in/back")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "deep/"+strings.Repeat("d/", maxDepth)+"a.png", nil)
	for _, c := range []struct{ dir, want string }{
		{"", "folder:PATH"},
		{filepath.Join(dir, "none"), "none"},
		{filepath.Join(dir, "full/a.png"), "is a file"},
		{filepath.Join(dir, "empty"), "no picture"},
		{filepath.Join(dir, "loop"), "link to a folder above"},
		{filepath.Join(dir, "deep"), "folders deep"},
	} {
		if _, err := Open(c.dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.dir, err, c.want)
		}
	}
}

func TestLinkedFolders(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	write(t, other, "a.png", encoded(t, 2, 3, "png"))
	if err := os.Symlink(other, filepath.Join(dir, "class1")); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := s.At(0); err != nil || st.ID != "class1/a.png" || st.Labels["class"] != "class1" {
		t.Errorf("%v %v", st, err)
	}
}

func TestOwnDecoder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.png", []byte("7x3"))
	write(t, dir, "b.png", []byte("0x3"))
	write(t, dir, "c.png", []byte("nil"))
	s, err := OpenWith(dir, Options{Decode: func(r io.Reader) (image.Image, string, error) {
		var w, h int
		if _, err := fmt.Fscanf(r, "%dx%d", &w, &h); err != nil {
			return nil, "", nil
		}
		return image.NewGray(image.Rect(0, 0, w, h)), "own", nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if st, err := s.At(0); err != nil || st.Image.Bounds().Dx() != 7 {
		t.Errorf("%v %v", st.Image, err)
	}
	for i := 1; i < 3; i++ {
		if _, err := s.At(i); err == nil {
			t.Errorf("%s: an empty picture passed", s.ID(i))
		}
	}
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "pictures")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"cat/tom.png", "dog/rex.png"} {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			fmt.Println(err)
			return
		}
		f, err := os.Create(p)
		if err != nil {
			fmt.Println(err)
			return
		}
		png.Encode(f, picture(8, 8))
		f.Close()
	}
	s, err := Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range s.Len() {
		st, err := s.At(i)
		fmt.Println(st.ID, st.Labels["class"], err)
	}
	// Output:
	// cat/tom.png cat <nil>
	// dog/rex.png dog <nil>
}
