package voc

import (
	"bytes"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/checksum"
	"github.com/ventral-lab/ventral/internal/imageio"
)

// Void is the label of pixels that count for nothing.
const Void = 255

// Classes are the names of VOC's classes 1 to 20; 0 is the background.
var Classes = []string{"aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike",
	"person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"}

// Options say which pictures, and what At adds to them.
type Options struct {
	Split string // name of a list in ImageSets/Segmentation: train, val, trainval; "" = val
	Masks bool   // At gives a mask for every class in the picture, by name, and "void"
}

// Set is a list of pictures with segmentations. It is safe for concurrent use.
type Set struct {
	given, root string
	options     Options
	ids         []string
	classes     []string
	sums        checksum.List
}

// Open reads a list and looks for its files.
func Open(dir string, o Options) (*Set, error) {
	if o.Split == "" {
		o.Split = "val"
	}
	if dir == "" {
		return nil, fmt.Errorf("voc: no folder given; write voc:PATH")
	}
	if !plain(o.Split) {
		return nil, fmt.Errorf("voc: split %q: it is train, val or trainval", o.Split)
	}
	s := &Set{given: filepath.Clean(dir), options: o, classes: Classes}
	for _, sub := range []string{"", "VOC2012", "VOCdevkit/VOC2012"} {
		root := filepath.Join(dir, filepath.FromSlash(sub))
		if st, err := os.Stat(filepath.Join(root, "ImageSets", "Segmentation")); err == nil && st.IsDir() {
			s.root = root
			break
		}
	}
	if s.root == "" {
		return nil, fmt.Errorf("voc: %s holds no ImageSets/Segmentation: give the folder VOC2012, or the one VOCdevkit is in", dir)
	}
	var err error
	if s.sums, err = checksum.Read(s.root); err != nil {
		return nil, fmt.Errorf("voc: %w", err)
	}
	if err := s.list(); err != nil {
		return nil, fmt.Errorf("voc: %w", err)
	}
	return s, nil
}

// plain tells whether a name is one file, here and on other systems.
func plain(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, `/\:`+"\x00")
}

func (s *Set) list() error {
	name := filepath.Join("ImageSets", "Segmentation", s.options.Split+".txt")
	b, err := s.file(name, maxListBytes)
	if err != nil {
		return fmt.Errorf("split %q: %w", s.options.Split, err)
	}
	seen := map[string]bool{}
	for n, line := range strings.Split(string(b), "\n") {
		id := strings.TrimSpace(line)
		if id == "" {
			continue
		}
		if !plain(id) || strings.ContainsAny(id, " \t") {
			return fmt.Errorf("%s, line %d: %.80q is no name of a picture", name, n+1, id)
		}
		if seen[id] {
			return fmt.Errorf("%s, line %d: %s comes twice", name, n+1, id)
		}
		seen[id] = true
		for _, f := range []string{picture(id), label("Class", id), label("Object", id)} {
			if st, err := os.Stat(filepath.Join(s.root, f)); err != nil {
				return fmt.Errorf("%s, line %d: %w", name, n+1, err)
			} else if !st.Mode().IsRegular() {
				return fmt.Errorf("%s, line %d: %s is no file", name, n+1, f)
			}
		}
		s.ids = append(s.ids, id)
	}
	if len(s.ids) == 0 {
		return fmt.Errorf("%s is empty", name)
	}
	if _, err := os.Stat(filepath.Join(s.root, "classes.txt")); err == nil {
		b, err := s.file("classes.txt", maxListBytes)
		if err != nil {
			return err
		}
		s.classes = strings.Split(strings.TrimSpace(string(b)), "\n")
		twice := map[string]bool{"": true, "void": true}
		for i := range s.classes {
			s.classes[i] = strings.TrimSpace(s.classes[i])
			if twice[s.classes[i]] {
				return fmt.Errorf("classes.txt, line %d: %q is empty, void or comes twice", i+1, s.classes[i])
			}
			twice[s.classes[i]] = true
		}
		if len(s.classes) > maxClasses {
			return fmt.Errorf("classes.txt: %d classes, at most %d", len(s.classes), maxClasses)
		}
	}
	return nil
}

func picture(id string) string     { return filepath.Join("JPEGImages", id+".jpg") }
func label(kind, id string) string { return filepath.Join("Segmentation"+kind, id+".png") }

// file reads a file of the data set and checks its sum where there is one.
func (s *Set) file(name string, limit int64) ([]byte, error) {
	f, err := os.Open(filepath.Join(s.root, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return b, s.sums.CheckBytes(filepath.ToSlash(name), b)
}

// Spec is such as "voc:PATH?split=val".
func (s *Set) Spec() string {
	out := "voc:" + filepath.ToSlash(s.given) + "?split=" + s.options.Split
	if s.options.Masks {
		out += "&masks=true"
	}
	return out
}

// Len is the number of pictures.
func (s *Set) Len() int { return len(s.ids) }

// ID is the name of picture i. It panics on an index outside the set.
func (s *Set) ID(i int) string { return s.ids[i] }

// Classes are the names of the classes 1, 2, ...
func (s *Set) Classes() []string { return append([]string(nil), s.classes...) }

// Columns lists the labels.
func (s *Set) Columns() []datasets.Column {
	return []datasets.Column{
		{Name: "classes", Kind: datasets.String, Doc: "the classes in the picture, in the order of their numbers, joined by commas"},
		{Name: "objects", Kind: datasets.Int, Doc: "number of objects"},
		{Name: "foreground", Kind: datasets.Float, Unit: "1", Doc: "share of the pixels that are not void that belong to a class"},
	}
}

// Segmentation is the labels of a picture, row by row.
type Segmentation struct {
	Width, Height int
	Class         []uint8 // 0 background, 1.. the classes, Void
	Object        []uint8 // 0 background, 1.. the objects in the picture, Void
}

// Segmentation reads the label pictures of picture i.
func (s *Set) Segmentation(i int) (*Segmentation, error) {
	if err := s.inside(i); err != nil {
		return nil, err
	}
	g, err := s.segmentation(s.ids[i])
	if err != nil {
		return nil, fmt.Errorf("voc: picture %d, %s: %w", i, s.ids[i], err)
	}
	return g, nil
}

func (s *Set) inside(i int) error {
	if i < 0 || i >= len(s.ids) {
		return fmt.Errorf("voc: picture %d of %d: indices run from 0 to %d", i, len(s.ids), len(s.ids)-1)
	}
	return nil
}

func (s *Set) segmentation(id string) (*Segmentation, error) {
	class, err := s.labels(label("Class", id))
	if err != nil {
		return nil, err
	}
	object, err := s.labels(label("Object", id))
	if err != nil {
		return nil, err
	}
	size := class.Rect.Size()
	if object.Rect.Size() != size {
		return nil, fmt.Errorf("classes are %v pixels, objects %v", size, object.Rect.Size())
	}
	g := &Segmentation{Width: size.X, Height: size.Y, Class: tight(class), Object: tight(object)}
	for p, c := range g.Class {
		if c != Void && int(c) > len(s.classes) {
			return nil, fmt.Errorf("%s: label %d in row %d, column %d: there are %d classes, and %d is void", label("Class", id), c, p/size.X, p%size.X, len(s.classes), Void)
		}
	}
	return g, nil
}

// labels reads a picture of palette indices.
func (s *Set) labels(name string) (*image.Paletted, error) {
	b, err := s.file(name, maxLabelBytes)
	if err != nil {
		return nil, err
	}
	m, format, err := imageio.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p, ok := m.(*image.Paletted)
	// A one-bit grey PNG comes as a palette of black and white: it has none in the file.
	if !ok || format != "png" || !bytes.Contains(b[:min(len(b), 4096)], []byte("PLTE")) {
		return nil, fmt.Errorf("%s is a %s of %T without a palette: the labels are palette indices, which a conversion to colours or grey loses; get the original", name, format, m)
	}
	return p, nil
}

// tight copies the indices without the gaps between rows that a picture may have.
func tight(m *image.Paletted) []uint8 {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := make([]uint8, 0, w*h)
	for y := range h {
		out = append(out, m.Pix[y*m.Stride:y*m.Stride+w]...)
	}
	return out
}

// At reads picture i.
func (s *Set) At(i int) (datasets.Stimulus, error) {
	if err := s.inside(i); err != nil {
		return datasets.Stimulus{}, err
	}
	st, err := s.at(s.ids[i])
	if err != nil {
		return datasets.Stimulus{}, fmt.Errorf("voc: picture %d, %s: %w", i, s.ids[i], err)
	}
	return st, nil
}

func (s *Set) at(id string) (datasets.Stimulus, error) {
	b, err := s.file(picture(id), maxPictureBytes)
	if err != nil {
		return datasets.Stimulus{}, err
	}
	m, _, err := imageio.Decode(bytes.NewReader(b))
	if err != nil {
		return datasets.Stimulus{}, fmt.Errorf("%s: %w", picture(id), err)
	}
	g, err := s.segmentation(id)
	if err != nil {
		return datasets.Stimulus{}, err
	}
	if size := m.Bounds().Size(); size != image.Pt(g.Width, g.Height) {
		return datasets.Stimulus{}, fmt.Errorf("the picture is %v pixels, its labels %dx%d", size, g.Width, g.Height)
	}
	var count, objects [256]int
	for p, c := range g.Class {
		count[c]++
		objects[g.Object[p]]++
	}
	st := datasets.Stimulus{ID: id, Image: m}
	var present []string
	foreground, known, things := 0, count[0], 0
	for c := 1; c <= len(s.classes); c++ {
		if count[c] > 0 {
			present = append(present, s.classes[c-1])
			foreground += count[c]
		}
	}
	known += foreground
	for o := 1; o < Void; o++ {
		if objects[o] > 0 {
			things++
		}
	}
	share := 0.0
	if known > 0 {
		share = float64(foreground) / float64(known)
	}
	st.Labels = map[string]any{"classes": strings.Join(present, ","), "objects": int64(things), "foreground": share}
	if s.options.Masks {
		st.Masks = map[string]*image.Gray{}
		bounds := m.Bounds()
		add := func(name string, value uint8) {
			mask := image.NewGray(bounds)
			for p, c := range g.Class {
				if c == value {
					mask.Pix[p] = 255
				}
			}
			st.Masks[name] = mask
		}
		for c := 1; c <= len(s.classes); c++ {
			if count[c] > 0 {
				add(s.classes[c-1], uint8(c))
			}
		}
		if count[Void] > 0 {
			add("void", Void)
		}
	}
	return st, nil
}
