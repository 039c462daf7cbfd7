package gtseg

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/checksum"
	"github.com/ventral-lab/ventral/internal/hdf5"
)

// FileName is the name of the published file.
const FileName = "gtsegs_ijcv.mat"

// Set is the pictures of a file. It is safe for concurrent use.
type Set struct {
	given   string
	file    *hdf5.File
	img, gt []hdf5.Ref
	ids     []string
}

// Open opens a file, or gtsegs_ijcv.mat in a folder.
func Open(path string) (*Set, error) {
	if path == "" {
		return nil, errors.New("gtseg: no file given; write gtseg:PATH")
	}
	full := path
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("gtseg: %w", err)
	}
	if st.IsDir() {
		full = filepath.Join(path, FileName)
	}
	sums, err := checksum.Read(filepath.Dir(full))
	if err == nil {
		err = sums.Check(filepath.Dir(full), filepath.Base(full))
	}
	if err != nil {
		return nil, fmt.Errorf("gtseg: %w", err)
	}
	f, err := hdf5.Open(full)
	if err != nil {
		return nil, fmt.Errorf("gtseg: %w", err)
	}
	s := &Set{given: filepath.Clean(path), file: f}
	if err := s.list(); err != nil {
		f.Close()
		return nil, fmt.Errorf("gtseg: read %s: %w", full, err)
	}
	return s, nil
}

func (s *Set) list() error {
	var err error
	if s.img, err = s.references("/value/img"); err != nil {
		return err
	}
	if s.gt, err = s.references("/value/gt"); err != nil {
		return err
	}
	if len(s.img) != len(s.gt) {
		return fmt.Errorf("%d pictures and %d labels", len(s.img), len(s.gt))
	}
	names, err := s.references("/value/id")
	switch {
	case errors.Is(err, hdf5.ErrNotFound):
		for i := range s.img {
			s.ids = append(s.ids, fmt.Sprintf("gtseg_%06d", i))
		}
		return nil
	case err != nil:
		return err
	case len(names) != len(s.img):
		return fmt.Errorf("%d pictures and %d names", len(s.img), len(names))
	}
	seen := map[string]bool{}
	for i, r := range names {
		o, err := s.file.Deref(r)
		if err != nil {
			return fmt.Errorf("name %d: %w", i, err)
		}
		n := 1
		for _, d := range o.Shape() {
			if d > maxNameBytes || n*d > maxNameBytes {
				return fmt.Errorf("name %d has shape %v: at most %d characters", i, o.Shape(), maxNameBytes)
			}
			n *= d
		}
		name, err := o.Text()
		if err != nil {
			return fmt.Errorf("name %d: %w", i, err)
		}
		if name == "" || seen[name] {
			return fmt.Errorf("name %d, %q, is empty or comes twice", i, name)
		}
		seen[name] = true
		s.ids = append(s.ids, name)
	}
	return nil
}

// references reads a column or row of references, none of which may point nowhere.
func (s *Set) references(path string) ([]hdf5.Ref, error) {
	o, err := s.file.Lookup(path)
	if err != nil {
		return nil, err
	}
	shape := o.Shape()
	if len(shape) != 2 || shape[0] != 1 && shape[1] != 1 || shape[0] < 1 || shape[1] < 1 || shape[0]*shape[1] > maxPictures {
		return nil, fmt.Errorf("%s has shape %v, want n x 1 with n from 1 to %d", path, shape, maxPictures)
	}
	refs, err := o.References()
	if err != nil {
		return nil, err
	}
	for i, r := range refs {
		if r == 0 {
			return nil, fmt.Errorf("%s: reference %d points nowhere", path, i)
		}
	}
	return refs, nil
}

// Close closes the file.
func (s *Set) Close() error { return s.file.Close() }

// Spec is "gtseg:" and the path as it was given.
func (s *Set) Spec() string { return "gtseg:" + filepath.ToSlash(s.given) }

// Len is the number of pictures.
func (s *Set) Len() int { return len(s.img) }

// ID is the name of picture i. It panics on an index outside the set.
func (s *Set) ID(i int) string { return s.ids[i] }

// Columns lists the labels.
func (s *Set) Columns() []datasets.Column {
	return []datasets.Column{{Name: "figure", Kind: datasets.Float, Unit: "1", Doc: "share of the pixels that are figure"}}
}

// At reads picture i; its mask "figure" is 255 where the label is 1.
func (s *Set) At(i int) (datasets.Stimulus, error) {
	if i < 0 || i >= len(s.img) {
		return datasets.Stimulus{}, fmt.Errorf("gtseg: picture %d of %d: indices run from 0 to %d", i, len(s.img), len(s.img)-1)
	}
	m, err := s.picture(s.img[i])
	if err != nil {
		return datasets.Stimulus{}, fmt.Errorf("gtseg: picture %d, %s: %w", i, s.ids[i], err)
	}
	mask, n, err := s.label(s.gt[i], m.Rect)
	if err != nil {
		return datasets.Stimulus{}, fmt.Errorf("gtseg: labels of picture %d, %s: %w", i, s.ids[i], err)
	}
	return datasets.Stimulus{ID: s.ids[i], Image: m, Labels: map[string]any{"figure": float64(n) / float64(len(mask.Pix))},
		Masks: map[string]*image.Gray{"figure": mask}}, nil
}

func (s *Set) picture(r hdf5.Ref) (*image.RGBA, error) {
	o, err := s.file.Deref(r)
	if err != nil {
		return nil, err
	}
	shape := o.Shape()
	if len(shape) != 3 || shape[0] != 3 || shape[1] < 1 || shape[2] < 1 || shape[1] > maxPixels/shape[2] {
		return nil, fmt.Errorf("shape %v, want 3 x width x height with 1 to %d pixels", shape, maxPixels)
	}
	b, err := o.Uint8s()
	if err != nil {
		return nil, err
	}
	w, h := shape[1], shape[2]
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p := m.Pix[y*m.Stride+4*x:]
			for c := range 3 {
				p[c] = b[(c*w+x)*h+y]
			}
			p[3] = 255
		}
	}
	return m, nil
}

func (s *Set) label(r hdf5.Ref, size image.Rectangle) (*image.Gray, int, error) {
	o, err := s.file.Deref(r)
	if err != nil {
		return nil, 0, err
	}
	seen := map[hdf5.Ref]bool{r: true}
	for o.Type().Class == hdf5.Reference {
		n := 1
		for _, d := range o.Shape() {
			if d < 1 || n > maxPictures/d {
				return nil, 0, fmt.Errorf("a cell of shape %v", o.Shape())
			}
			n *= d
		}
		refs, err := o.References()
		if err != nil {
			return nil, 0, err
		}
		if seen[refs[0]] || len(seen) > maxCells {
			return nil, 0, fmt.Errorf("its cells refer to one another in a circle, or lie more than %d deep", maxCells)
		}
		seen[refs[0]] = true
		if o, err = s.file.Deref(refs[0]); err != nil {
			return nil, 0, err
		}
	}
	w, h := size.Dx(), size.Dy()
	if shape := o.Shape(); len(shape) != 2 || shape[0] != w || shape[1] != h {
		return nil, 0, fmt.Errorf("shape %v for a picture of %d x %d (want width x height)", shape, w, h)
	}
	v, err := o.Float64s() // uint8, logical or double
	if err != nil {
		return nil, 0, err
	}
	m, n := image.NewGray(size), 0
	for y := range h {
		for x := range w {
			switch v[x*h+y] {
			case 0:
			case 1:
				m.Pix[y*m.Stride+x] = 255
				n++
			default:
				return nil, 0, fmt.Errorf("label %g in row %d, column %d, want 0 or 1", v[x*h+y], y, x)
			}
		}
	}
	return m, n, nil
}
