package export

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/imagefolder"
	"github.com/ventral-lab/ventral/datasets/scenes"
)

func world(t testing.TB, cfg scenes.WorldConfig) *scenes.World {
	t.Helper()
	w, err := scenes.NewWorld(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func read(t testing.TB, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What ImageFolder writes, datasets/imagefolder reads: the same pictures, the classes of the label.
func TestImageFolderRoundTrip(t *testing.T) {
	w, err := scenes.NewWorldProbe(scenes.WorldProbeConfig{Factor: "expression", N: 30, Seed: 1, Size: 24})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	n := 0
	if err := ImageFolder(w, dir, "class", func() { n++ }); err != nil {
		t.Fatal(err)
	}
	back, err := imagefolder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if back.Len() != w.Len() {
		t.Fatalf("%d pictures came back of %d", back.Len(), w.Len())
	}
	want := map[string]datasets.Stimulus{}
	for i := range w.Len() {
		s, _ := w.At(i)
		want[s.Labels["class"].(string)+"/"+s.ID+".png"] = s
	}
	for i := range back.Len() {
		s, err := back.At(i)
		if err != nil {
			t.Fatal(err)
		}
		a, ok := want[s.ID]
		if !ok || s.Labels["class"] != a.Labels["class"] {
			t.Fatalf("%s of class %v was not written", s.ID, s.Labels["class"])
		}
		for y := range 24 {
			for x := range 24 {
				if color.RGBAModel.Convert(s.Image.At(x, y)) != color.RGBAModel.Convert(a.Image.At(x, y)) {
					t.Fatalf("%s: pixel %d, %d is %v, was %v", s.ID, x, y, s.Image.At(x, y), a.Image.At(x, y))
				}
			}
		}
	}
	rows, err := csv.NewReader(bytes.NewReader(read(t, dir, "labels.csv"))).ReadAll()
	if err != nil || len(rows) != 31 || rows[0][0] != "file" || len(rows[0]) != len(w.Columns())+2 {
		t.Errorf("labels.csv: %d rows, %v", len(rows), err)
	}
	if rows[1][0] != "happy/scenes-2-probe-expression-test-1-0.png" {
		t.Errorf("first row %v", rows[1])
	}
	if err := ImageFolder(w, dir, "hue", nil); err == nil || !strings.Contains(err.Error(), "it has kind") {
		t.Errorf("a label that is not there: %v", err)
	}
}

func TestFolderNames(t *testing.T) {
	for in, want := range map[string]string{"cat": "cat", "": "none", "..": "none", "../x": "_x", "a/b": "a_b", "a\\b:c": "a_b_c", ".hidden": "hidden", "left of": "left of", "dot.": "dot", "a\x00b": "a_b"} {
		if got := folderName(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// broken is a set whose third stimulus cannot be read.
type broken struct{ datasets.Set }

func (b broken) At(i int) (datasets.Stimulus, error) {
	if i == 3 {
		return datasets.Stimulus{}, errors.New("a hole in the film")
	}
	return b.Set.At(i)
}

func TestBrokenStimuli(t *testing.T) {
	set := broken{world(t, scenes.WorldConfig{N: 6, Size: 16})}
	dir := t.TempDir()
	if err := ImageFolder(set, dir, "kind", nil); err == nil || !strings.Contains(err.Error(), "stimulus 3: a hole") {
		t.Errorf("an export with a hole: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "labels.csv")); err == nil {
		t.Error("the export that failed has its list")
	}
	sheet, err := Sheet(set, SheetOptions{Columns: 6})
	if err != nil {
		t.Fatal(err)
	}
	if got := sheet.RGBAAt(gap+3*(16+gap), gap); got != (color.RGBA{200, 0, 0, 255}) {
		t.Errorf("the cell of the stimulus that cannot be read is %v in its corner", got)
	}
}

// The VOC folder holds what the latents say: palette indices, void where things meet, boxes of what is visible, lists.
func TestVOC(t *testing.T) {
	for _, classes := range []Classes{Groups, Names} {
		dir := t.TempDir()
		train, val := world(t, scenes.WorldConfig{N: 25, Seed: 3, Size: 64}), world(t, scenes.WorldConfig{N: 5, Seed: 3, Size: 64, Split: "val"})
		for _, w := range []*scenes.World{train, val} {
			if err := VOC(w, dir, classes, nil); err != nil {
				t.Fatal(err)
			}
		}
		root := filepath.Join(dir, "VOCdevkit", "VOC2012")
		list := func(name string) []string {
			return strings.Fields(string(read(t, root, "ImageSets", "Segmentation", name+".txt")))
		}
		if len(list("train")) != 25 || len(list("val")) != 5 || len(list("trainval")) != 30 {
			t.Fatalf("lists of %d, %d, %d", len(list("train")), len(list("val")), len(list("trainval")))
		}
		names := strings.Fields(string(read(t, root, "classes.txt")))
		for i, id := range list("train") {
			p, err := train.Render(i)
			if err != nil {
				t.Fatal(err)
			}
			photo, err := jpeg.Decode(bytes.NewReader(read(t, root, "JPEGImages", id+".jpg")))
			if err != nil || photo.Bounds().Dx() != 64 {
				t.Fatal(err)
			}
			class, object := palette(t, root, "SegmentationClass", id), palette(t, root, "SegmentationObject", id)
			for q, k := range p.Instance {
				if class.Pix[q] == void != (object.Pix[q] == void) {
					t.Fatalf("%s pixel %d: void in one of the two", id, q)
				}
				if class.Pix[q] == void {
					continue
				}
				want := ""
				if k > 0 {
					want = classes.of(&p.Items[k-1])
				}
				got := ""
				if c := class.Pix[q]; c > 0 {
					got = names[c-1]
				}
				if got != want || object.Pix[q] != k {
					t.Fatalf("%s pixel %d: %q, instance %d, want %q, %d", id, q, got, object.Pix[q], want, k)
				}
			}
			var a struct {
				Filename string `xml:"filename"`
				Object   []struct {
					Name string `xml:"name"`
					Box  struct {
						XMin int `xml:"xmin"`
						YMin int `xml:"ymin"`
						XMax int `xml:"xmax"`
						YMax int `xml:"ymax"`
					} `xml:"bndbox"`
				} `xml:"object"`
			}
			if err := xml.Unmarshal(read(t, root, "Annotations", id+".xml"), &a); err != nil || a.Filename != id+".jpg" {
				t.Fatalf("%s: %v %+v", id, err, a)
			}
			for _, o := range a.Object {
				found := false
				for k := range p.Items {
					found = found || classes.of(&p.Items[k]) == o.Name
				}
				if !found || o.Box.XMin < 1 || o.Box.XMax > 64 || o.Box.XMin > o.Box.XMax || o.Box.YMin > o.Box.YMax {
					t.Fatalf("%s: object %+v", id, o)
				}
			}
		}
	}
	if err := VOC(world(t, scenes.WorldConfig{N: 1}), t.TempDir(), "pets", nil); err == nil || !strings.Contains(err.Error(), "groups or names") {
		t.Errorf("classes that are not: %v", err)
	}
	for _, c := range []Classes{Groups, Names} {
		l, err := c.List()
		if err != nil || len(l) > 254 || c == Groups && len(l) > 20 {
			t.Errorf("%s: %d classes, %v", c, len(l), err)
		}
	}
}

// palette reads a palette picture and checks its colours against the first of the VOC colour map.
func palette(t *testing.T, parts ...string) *image.Paletted {
	t.Helper()
	parts[len(parts)-1] += ".png"
	img, err := png.Decode(bytes.NewReader(read(t, parts...)))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := img.(*image.Paletted)
	if !ok {
		t.Fatalf("%v is a %T, want a palette picture", parts, img)
	}
	// From the development kit's documentation: background black, aeroplane (128, 0, 0), bicycle (0, 128, 0), void (224, 224, 192).
	for i, want := range map[int]color.RGBA{0: {0, 0, 0, 255}, 1: {128, 0, 0, 255}, 2: {0, 128, 0, 255}, 15: {192, 128, 128, 255}, 255: {224, 224, 192, 255}} {
		if got := color.RGBAModel.Convert(p.Palette[i]); got != want {
			t.Fatalf("colour %d of %v is %v, want %v", i, parts, got, want)
		}
	}
	return p
}

// The same set gives the same files, whatever the number of processors.
func TestExportsAreReproducible(t *testing.T) {
	w := world(t, scenes.WorldConfig{N: 12, Seed: 4, Size: 32})
	write := func() map[string]string {
		dir := t.TempDir()
		if err := errors.Join(VOC(w, dir, Groups, nil), GTSeg(w, dir, nil), ImageFolder(w, filepath.Join(dir, "folder"), "kind", nil)); err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err == nil && !info.IsDir() {
				rel, _ := filepath.Rel(dir, path)
				files[rel] = string(read(t, path))
			}
			return err
		})
		return files
	}
	a := write()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(7))
	if b := write(); !reflect.DeepEqual(a, b) || len(a) < 12*5 {
		t.Errorf("%d files, then %d, not the same", len(a), len(b))
	}
}

// h5 reads the file that GTSeg writes, as the HDF5 specification says, one address after another.
type h5 []byte

func (f h5) u(at, n uint64) uint64 {
	var b [8]byte
	copy(b[:], f[at:at+n])
	return binary.LittleEndian.Uint64(b[:])
}

// message finds a message of the object header at an address (from the superblock).
func (f h5) message(header, kind uint64) uint64 {
	at := header + userBlock
	count, end := f.u(at+2, 2), at+16+f.u(at+8, 4)
	if f[at] != 1 {
		panic("no object header")
	}
	for at += 16; count > 0 && at < end; count-- {
		if f.u(at, 2) == kind {
			return at + 8
		}
		at += 8 + f.u(at+2, 2)
	}
	panic(fmt.Sprintf("no message %d", kind))
}

// member finds a member of a group.
func (f h5) member(group uint64, name string) uint64 {
	table := f.message(group, 0x11)
	tree, heap := f.u(table, 8)+userBlock, f.u(table+8, 8)+userBlock
	names := f.u(heap+24, 8) + userBlock
	if string(f[tree:tree+4]) != "TREE" || string(f[heap:heap+4]) != "HEAP" {
		panic("no group")
	}
	for c := range f.u(tree+6, 2) {
		node := f.u(tree+32+16*c, 8) + userBlock
		if string(f[node:node+4]) != "SNOD" {
			panic("no symbol node")
		}
		for s := range f.u(node+6, 2) {
			at := node + 8 + 40*s
			n := names + f.u(at, 8)
			if got, _, _ := strings.Cut(string(f[n:n+32]), "\x00"); got == name {
				return f.u(at+8, 8)
			}
		}
	}
	panic("no member " + name)
}

func (f h5) data(header uint64) []byte {
	at := f.message(header, 8)
	from := f.u(at+2, 8) + userBlock
	return f[from : from+f.u(at+10, 8)]
}

func (f h5) dims(header uint64) (out []uint64) {
	at := f.message(header, 1)
	for i := range uint64(f[at+1]) {
		out = append(out, f.u(at+8+8*i, 8))
	}
	return out
}

func TestGTSeg(t *testing.T) {
	w := world(t, scenes.WorldConfig{N: 90, Seed: 5, Size: 20}) // more references than one symbol node of the smallest kind holds
	dir := t.TempDir()
	if err := GTSeg(w, dir, nil); err != nil {
		t.Fatal(err)
	}
	f := h5(read(t, dir, "gtsegs_ijcv.mat"))
	if !strings.HasPrefix(string(f), "MATLAB 7.3") || f.u(126, 2) != uint64('I')|uint64('M')<<8 || string(f[userBlock+1:userBlock+4]) != "HDF" || f.u(userBlock+40, 8) != uint64(len(f)) {
		t.Fatal("the head is not MATLAB's")
	}
	root := f.u(userBlock+64, 8)
	value := f.member(root, "value")
	img, gt, id := f.member(value, "img"), f.member(value, "gt"), f.member(value, "id")
	for _, d := range []uint64{img, gt, id} {
		if got := f.dims(d); !reflect.DeepEqual(got, []uint64{90, 1}) {
			t.Fatalf("references of shape %v", got)
		}
	}
	for k := range 90 {
		p, _ := w.Render(k)
		at := func(d uint64) uint64 { return binary.LittleEndian.Uint64(f.data(d)[8*k:]) }
		cell := at(gt)
		label := binary.LittleEndian.Uint64(f.data(cell))
		if got := f.dims(at(img)); !reflect.DeepEqual(got, []uint64{3, 20, 20}) {
			t.Fatalf("picture of shape %v", got)
		}
		if got := f.dims(label); !reflect.DeepEqual(got, []uint64{20, 20}) || !reflect.DeepEqual(f.dims(cell), []uint64{1, 1}) {
			t.Fatalf("label of shape %v", got)
		}
		pix, lab := f.data(at(img)), f.data(label)
		for y := range 20 {
			for x := range 20 {
				want := uint8(min(p.Instance[20*y+x], 1))
				if lab[20*x+y] != want {
					t.Fatalf("picture %d: label %d at %d, %d, want %d", k, lab[20*x+y], x, y, want)
				}
				for ch := range 3 {
					if pix[(20*ch+x)*20+y] != p.RGB[3*(20*y+x)+ch] {
						t.Fatalf("picture %d: pixel %d, %d, channel %d", k, x, y, ch)
					}
				}
			}
		}
		if name := f.data(at(id)); string(name[:2]) != "t\x00" || len(name) != 2*len("train_5_000000") {
			t.Fatalf("picture %d is called %q", k, name)
		}
		if f.member(f.member(root, "#refs#"), fmt.Sprintf("img%06d", k)) != at(img) {
			t.Fatalf("picture %d is not under its name", k)
		}
	}
}

func TestSheetLayout(t *testing.T) {
	w := world(t, scenes.WorldConfig{N: 10, Size: 16})
	s, err := Sheet(w, SheetOptions{Columns: 4, Zoom: 2})
	if err != nil {
		t.Fatal(err)
	}
	if s.Rect != image.Rect(0, 0, 4*36+4, 3*36+4) {
		t.Errorf("sheet of %v", s.Rect)
	}
	p, _ := w.Render(5)
	if got, want := s.RGBAAt(gap+36+2*7, gap+36+2*9), (color.RGBA{p.RGB[3*(9*16+7)], p.RGB[3*(9*16+7)+1], p.RGB[3*(9*16+7)+2], 255}); got != want {
		t.Errorf("pixel 7, 9 of stimulus 5 is %v on the sheet, want %v", got, want)
	}
	c, err := Sheet(w, SheetOptions{N: 2, Start: 8, Zoom: 8, Captions: true})
	if err != nil || c.Rect.Dy() != gap+128+maxLines*lineStep+2+gap || c.Rect.Dx() != gap+2*(128+gap) {
		t.Errorf("with captions %v, %v", c.Rect, err)
	}
	ink := 0
	for i := 0; i < len(c.Pix); i += 4 {
		if y := i / c.Stride; y > gap+128 && c.Pix[i] < 100 {
			ink++
		}
	}
	if ink < 40 {
		t.Errorf("%d dark pixels of captions", ink)
	}
	for _, o := range []SheetOptions{{N: 11}, {Start: -1}, {Start: 10}, {Columns: -1}, {Zoom: 17}, {N: -3}} {
		if _, err := Sheet(w, o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	if _, err := Sheet(world(t, scenes.WorldConfig{N: 100, Size: 256}), SheetOptions{N: 9, Columns: 9, Zoom: 8}); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("an enormous sheet: %v", err)
	}
}

func ExampleSheet() {
	w, err := scenes.NewWorld(scenes.WorldConfig{N: 100, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	sheet, err := Sheet(w, SheetOptions{N: 20, Columns: 10, Zoom: 2, Captions: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sheet.Rect.Size())
	// Output: (1324,350)
}
