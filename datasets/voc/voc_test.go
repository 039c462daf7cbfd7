package voc

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/datasets/scenes/export"
)

var _ datasets.Set = (*Set)(nil)

// Files of Pillow, made by scripts/loaders_check.py.
func TestPillow(t *testing.T) {
	for _, root := range []string{"testdata", "testdata/VOCdevkit", "testdata/VOCdevkit/VOC2012"} {
		for split, n := range map[string]int{"train": 1, "val": 2, "trainval": 3} {
			s, err := Open(root, Options{Split: split})
			if err != nil || s.Len() != n {
				t.Fatalf("%s %s: %v", root, split, err)
			}
		}
	}
	s, err := Open("testdata", Options{Split: "trainval", Masks: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.Spec() != "voc:testdata?split=trainval&masks=true" || !slices.Equal(s.Classes(), Classes) {
		t.Error(s.Spec(), s.Classes())
	}
	for i, id := range []string{"2007_000032", "2007_000039", "2011_003256"} {
		st, err := s.At(i)
		if err != nil {
			t.Fatal(err)
		}
		w := 20 + i
		if st.ID != id || s.ID(i) != id || st.Image.Bounds() != image.Rect(0, 0, w, 12) {
			t.Errorf("%d: %s %v", i, st.ID, st.Image.Bounds())
		}
		// persons: 6 x 7 pixels, 6 of them void; the other class: 4 x 6.
		other := Classes[i]
		if st.Labels["classes"] != other+",person" || st.Labels["objects"] != int64(2) {
			t.Errorf("%s: %v", id, st.Labels)
		}
		if want := float64(36+24) / float64(w*12-6); st.Labels["foreground"] != want {
			t.Errorf("%s: foreground %v, want %v", id, st.Labels["foreground"], want)
		}
		g, err := s.Segmentation(i)
		if err != nil {
			t.Fatal(err)
		}
		for y := range 12 {
			for x := range w {
				want := uint8(0)
				switch {
				case y >= 6 && y < 10 && x >= 12 && x < 18:
					want = uint8(1 + i)
				case y >= 2 && y < 8 && x == 9:
					want = Void
				case y >= 2 && y < 8 && x >= 3 && x < 10:
					want = 15
				}
				if g.Class[y*w+x] != want {
					t.Fatalf("%s: label %d at (%d, %d), want %d", id, g.Class[y*w+x], x, y, want)
				}
				for name, value := range map[string]uint8{other: uint8(1 + i), "person": 15, "void": Void} {
					if (st.Masks[name].GrayAt(x, y).Y == 255) != (want == value) {
						t.Fatalf("%s: mask %s at (%d, %d)", id, name, x, y)
					}
				}
			}
		}
	}
	for _, i := range []int{-1, 3} {
		if _, err := s.At(i); err == nil {
			t.Errorf("picture %d of 3", i)
		}
	}
}

// copied is testdata in a folder that a test may damage.
func copied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/VOCdevkit/VOC2012")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func encode(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDamage(t *testing.T) {
	const id = "2007_000039"
	class := "SegmentationClass/" + id + ".png"
	labels := func(w, h int, value uint8) []byte {
		p := color.Palette{}
		for i := range 256 {
			p = append(p, color.NRGBA{uint8(i), 0, 0, 255})
		}
		m := image.NewPaletted(image.Rect(0, 0, w, h), p)
		m.Pix[5] = value
		return encode(t, m)
	}
	for _, c := range []struct {
		name, file, want string
		data             []byte // nil = remove
		open             bool   // the error comes when the set is opened
	}{
		{"picture missing", "JPEGImages/" + id + ".jpg", id, nil, true},
		{"labels missing", class, class, nil, true},
		{"objects missing", "SegmentationObject/" + id + ".png", id, nil, true},
		{"list missing", "ImageSets/Segmentation/val.txt", `split "val"`, nil, true},
		{"list empty", "ImageSets/Segmentation/val.txt", "is empty", []byte("\n\n"), true},
		{"twice", "ImageSets/Segmentation/val.txt", "line 2: 2007_000039 comes twice", []byte(id + "\n" + id + "\n"), true},
		{"outside", "ImageSets/Segmentation/val.txt", "no name of a picture", []byte("../../etc/passwd\n"), true},
		{"two in a line", "ImageSets/Segmentation/val.txt", "no name of a picture", []byte(id + " 1\n"), true},
		{"unknown", "ImageSets/Segmentation/val.txt", "2007_999999", []byte("2007_999999\n"), true},
		{"classes twice", "classes.txt", "comes twice", []byte("cat\ndog\ncat\n"), true},
		{"too many classes", "classes.txt", "254", []byte(strings.Join(numbers(300), "\n")), true},
		{"no palette", class, "without a palette", encode(t, image.NewRGBA(image.Rect(0, 0, 21, 12))), false},
		{"grey", class, "without a palette", encode(t, image.NewGray(image.Rect(0, 0, 21, 12))), false},
		{"label 21", class, "label 21 in row 0, column 5", labels(21, 12, 21), false},
		{"label 254", class, "label 254", labels(21, 12, 254), false},
		{"another size", class, "classes are", labels(20, 12, 1), false},
		{"no PNG", class, class, []byte("text"), false},
		{"no JPEG", "JPEGImages/" + id + ".jpg", ".jpg", []byte("\xff\xd8\xff\xe0 text"), false},
		{"another sum", "SHA256SUMS", "SHA256SUMS", fmt.Appendf(nil, "%x  %s\n", sha256.Sum256([]byte("other")), class), false},
		{"a list of no sums", "SHA256SUMS", "line 1", []byte("text\n"), true},
	} {
		dir := copied(t)
		path := filepath.Join(dir, filepath.FromSlash(c.file))
		var err error
		if c.data == nil {
			err = os.Remove(path)
		} else {
			err = os.WriteFile(path, c.data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, Options{})
		if c.open != (err != nil) {
			t.Errorf("%s: opened with error %v", c.name, err)
			continue
		}
		if err == nil {
			if _, err := s.At(1); err != nil {
				t.Errorf("%s: the other picture: %v", c.name, err)
			}
			_, err = s.At(0)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
	}
	// Half of a label picture.
	dir := copied(t)
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(class)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range b[:len(b)-12] { // the last twelve bytes are the empty chunk IEND
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(class)), b[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.At(0); err == nil {
			t.Fatalf("labels cut off at %d of %d were read", n, len(b))
		}
	}
	for _, split := range []string{"../val", "a/b", "."} {
		if _, err := Open("testdata", Options{Split: split}); err == nil || !strings.Contains(err.Error(), "split") {
			t.Errorf("split %q: %v", split, err)
		}
	}
	for _, dir := range []string{"", "testdata/VOCdevkit/VOC2012/JPEGImages"} {
		if _, err := Open(dir, Options{}); err == nil {
			t.Errorf("%q was opened", dir)
		}
	}
}

func numbers(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

// What scenes exports comes back: every pixel of every thing, void borders aside.
func TestExportRoundTrip(t *testing.T) {
	dir := t.TempDir()
	for _, classes := range []export.Classes{export.Groups, export.Names} {
		world, err := scenes.NewWorld(scenes.WorldConfig{N: 12, Seed: 4, Size: 48, Split: "val"})
		if err != nil {
			t.Fatal(err)
		}
		if err := export.VOC(world, dir, classes, nil); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, Options{Split: "val"})
		if err != nil {
			t.Fatal(err)
		}
		names, err := classes.List()
		if err != nil {
			t.Fatal(err)
		}
		if s.Len() != 12 || !slices.Equal(s.Classes(), names) {
			t.Fatalf("%d pictures, classes %q", s.Len(), s.Classes())
		}
		void, all := 0, 0
		for i := range s.Len() {
			p, err := world.Render(i)
			if err != nil {
				t.Fatal(err)
			}
			g, err := s.Segmentation(i)
			if err != nil {
				t.Fatal(err)
			}
			for j, k := range p.Instance {
				all++
				switch {
				case g.Object[j] == Void:
					void++
				case g.Object[j] != k:
					t.Fatalf("picture %d, pixel %d: object %d, want %d", i, j, g.Object[j], k)
				case k == 0 && g.Class[j] != 0:
					t.Fatalf("picture %d, pixel %d: class %d of the ground", i, j, g.Class[j])
				case k > 0:
					it := p.Items[k-1]
					if name := names[g.Class[j]-1]; name != it.Category && name != it.Name && name != it.Group {
						t.Fatalf("picture %d, pixel %d: class %s of %s %s", i, j, name, it.Category, it.Name)
					}
				}
			}
			st, err := s.At(i)
			if err != nil {
				t.Fatal(err)
			}
			// JPEG at quality 95: near.
			sum := 0.0
			for j := range p.Instance {
				r, _, _, _ := st.Image.At(j%48, j/48).RGBA()
				d := float64(r>>8) - float64(p.RGB[3*j])
				sum += d * d
			}
			if rms := sum / float64(len(p.Instance)); rms > 30*30 {
				t.Errorf("picture %d: mean square difference %.0f", i, rms)
			}
		}
		if void == 0 || void > all/2 {
			t.Errorf("%d of %d pixels are void", void, all)
		}
	}
}

func ExampleOpen() {
	s, err := Open("testdata", Options{Split: "val"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range s.Len() {
		st, err := s.At(i)
		fmt.Println(st.ID, st.Labels["classes"], err)
	}
	// Output:
	// 2007_000039 bicycle,person <nil>
	// 2011_003256 bird,person <nil>
}
