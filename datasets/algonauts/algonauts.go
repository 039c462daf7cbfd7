package algonauts

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"

	"github.com/ventral-lab/ventral/internal/checksum"
	"github.com/ventral-lab/ventral/internal/npy"
	"github.com/ventral-lab/ventral/internal/pickle"
)

// Hemisphere is a side of the brain, as file names spell it.
type Hemisphere string

// The hemispheres.
const (
	Left  Hemisphere = "lh"
	Right Hemisphere = "rh"
)

// Hemispheres are both, in the order in which results are joined.
var Hemispheres = []Hemisphere{Left, Right}

// The splits.
const (
	Training = "training"
	Test     = "test"
)

// FsaverageVertices is the number of vertices of a hemisphere of FreeSurfer's fsaverage.
const FsaverageVertices = 163842

// Classes are the kinds of regions: maps of the visual field, regions that prefer bodies, faces, places and words, and the processing streams.
// Regions of different classes overlap.
var Classes = []string{"prf-visualrois", "floc-bodies", "floc-faces", "floc-places", "floc-words", "streams"}

// Subject is the data of one subject.
type Subject struct {
	root   string // as given
	dir    string
	number int
	images map[string][]picture
	sides  map[Hemisphere]*side
	sums   checksum.List
}

// picture is a file of a split.
type picture struct {
	name string
	nsd  int
}

// side is what is known of a hemisphere.
type side struct {
	vertices  []int // index in fsaverage of every column
	labels    map[string][]int64
	names     map[string]map[int64]string
	responses map[string]*Responses
	ceiling   []float64
}

// Open opens subject number (from 1) below root and checks that its parts fit together. root holds the folders subj01, subj02, ... or is the
// subject's folder itself.
func Open(root string, number int) (*Subject, error) {
	if root == "" {
		return nil, errors.New("algonauts: no folder given; write algonauts:PATH?subject=1")
	}
	if number < 1 || number > 99 {
		return nil, fmt.Errorf("algonauts: subject %d: they are numbered from 1", number)
	}
	s := &Subject{root: filepath.Clean(root), number: number, images: map[string][]picture{}, sides: map[Hemisphere]*side{}}
	name := fmt.Sprintf("subj%02d", number)
	s.dir = filepath.Join(root, name)
	if st, err := os.Stat(s.dir); err != nil || !st.IsDir() {
		if abs, err := filepath.Abs(root); err != nil || filepath.Base(abs) != name {
			return nil, fmt.Errorf("algonauts: %s holds no folder %s", root, name)
		}
		s.dir = s.root
	}
	if err := s.open(); err != nil {
		s.Close()
		return nil, fmt.Errorf("algonauts: %s: %w", s.dir, err)
	}
	return s, nil
}

func (s *Subject) open() error {
	var err error
	if s.sums, err = checksum.Read(s.dir); err != nil {
		return err
	}
	for name := range s.sums {
		if filepath.Ext(name) != ".png" {
			if err := s.sums.Check(s.dir, name); err != nil {
				return err
			}
		} else if _, err := os.Stat(filepath.Join(s.dir, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	if err := s.list(Training, "training_split/training_images", "train"); err != nil {
		return err
	}
	if err := s.list(Test, "test_split/test_images", "test"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	seen := map[int]bool{}
	for _, split := range []string{Training, Test} {
		for _, p := range s.images[split] {
			if seen[p.nsd] {
				return fmt.Errorf("picture %05d of NSD comes twice (%s)", p.nsd, p.name)
			}
			seen[p.nsd] = true
		}
	}
	for _, h := range Hemispheres {
		s.sides[h] = &side{labels: map[string][]int64{}, names: map[string]map[int64]string{}, responses: map[string]*Responses{}}
		if err := s.side(h, s.sides[h]); err != nil {
			return err
		}
	}
	return nil
}

var fileName = regexp.MustCompile(`^(train|test)-(\d{4,7})_nsd-(\d{5,7})\.png$`)

// list reads the names of a split's pictures.
func (s *Subject) list(split, sub, prefix string) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, filepath.FromSlash(sub)))
	if err != nil {
		return err
	}
	byNumber := map[int]picture{}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".png" || e.Name()[0] == '.' {
			continue
		}
		m := fileName.FindStringSubmatch(e.Name())
		if m == nil || m[1] != prefix {
			return fmt.Errorf("%s/%s: want %s-NUMBER_nsd-NUMBER.png", sub, e.Name(), prefix)
		}
		n, _ := strconv.Atoi(m[2]) // at most seven digits
		nsd, _ := strconv.Atoi(m[3])
		if _, twice := byNumber[n]; twice {
			return fmt.Errorf("%s: number %d comes twice", sub, n)
		}
		byNumber[n] = picture{sub + "/" + e.Name(), nsd}
	}
	if len(byNumber) == 0 || len(byNumber) > maxImages {
		return fmt.Errorf("%s holds %d pictures, want 1 to %d", sub, len(byNumber), maxImages)
	}
	for n := 1; n <= len(byNumber); n++ {
		p, ok := byNumber[n]
		if !ok {
			return fmt.Errorf("%s holds %d pictures, but none has number %d", sub, len(byNumber), n)
		}
		s.images[split] = append(s.images[split], p)
	}
	return nil
}

// side opens what belongs to a hemisphere.
func (s *Subject) side(h Hemisphere, d *side) error {
	all, err := s.mask(fmt.Sprintf("roi_masks/%s.all-vertices_fsaverage_space.npy", h), FsaverageVertices)
	if err != nil {
		return err
	}
	for v, x := range all {
		switch x {
		case 0:
		case 1:
			d.vertices = append(d.vertices, v)
		default:
			return fmt.Errorf("roi_masks/%s.all-vertices_fsaverage_space.npy: vertex %d is %d, want 0 or 1", h, v, x)
		}
	}
	if len(d.vertices) == 0 {
		return fmt.Errorf("roi_masks/%s.all-vertices_fsaverage_space.npy marks no vertex", h)
	}
	for _, split := range []string{Training, Test} {
		name := fmt.Sprintf("%[1]s_split/%[1]s_fmri/%[2]s_%[1]s_fmri.npy", split, h)
		r, err := openResponses(filepath.Join(s.dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) && split == Test {
			continue
		}
		if err != nil {
			return err
		}
		d.responses[split] = r
		if r.Images != len(s.images[split]) {
			return fmt.Errorf("%s has %d rows for %d pictures", name, r.Images, len(s.images[split]))
		}
		if r.Vertices != len(d.vertices) {
			return fmt.Errorf("%s has %d columns, but the mask of all vertices marks %d", name, r.Vertices, len(d.vertices))
		}
	}
	for _, class := range Classes {
		if err := s.class(h, d, class); err != nil {
			return err
		}
	}
	return s.ceiling(h, d)
}

// class reads the regions of a class: both masks and the mapping, or none of the three.
func (s *Subject) class(h Hemisphere, d *side, class string) error {
	full := fmt.Sprintf("roi_masks/%s.%s_fsaverage_space.npy", h, class)
	part := fmt.Sprintf("roi_masks/%s.%s_challenge_space.npy", h, class)
	mapping := filepath.Join(s.dir, "roi_masks", "mapping_"+class+".npy")
	labels, err := s.mask(part, len(d.vertices))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(s.dir, filepath.FromSlash(full))); err == nil {
			return fmt.Errorf("%s is there but not %s", full, part)
		}
		return nil
	}
	if err != nil {
		return err
	}
	whole, err := s.mask(full, FsaverageVertices)
	if err != nil {
		return err
	}
	names, err := pickle.ReadLabels(mapping)
	if err != nil {
		return err
	}
	at := 0
	for v, x := range whole {
		inside := at < len(d.vertices) && d.vertices[at] == v
		switch {
		case inside && labels[at] != x:
			return fmt.Errorf("%s has %d for vertex %d, %s has %d", full, x, v, part, labels[at])
		case x != 0 && names[x] == "":
			return fmt.Errorf("%s: vertex %d has label %d, which mapping_%s.npy does not name", full, v, x, class)
		}
		if inside {
			at++
		}
	}
	d.labels[class], d.names[class] = labels, names
	return nil
}

// mask reads n labels.
func (s *Subject) mask(name string, n int) ([]int64, error) {
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if st, err := os.Stat(path); err != nil {
		return nil, err
	} else if st.Size() > maxMaskBytes {
		return nil, fmt.Errorf("%s has %d bytes, at most %d", name, st.Size(), maxMaskBytes)
	}
	a, err := npy.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(a.Shape) != 1 || a.Shape[0] != n {
		return nil, fmt.Errorf("%s has shape %v, want (%d)", name, a.Shape, n)
	}
	v, err := a.Int64s()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

func (s *Subject) ceiling(h Hemisphere, d *side) error {
	name := fmt.Sprintf("test_split/noise_ceiling/%s_noise_ceiling.npy", h)
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	a, err := npy.ReadFile(path)
	if err != nil {
		return err
	}
	v, err := a.Float64s()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(a.Shape) != 1 || len(v) != len(d.vertices) {
		return fmt.Errorf("%s has shape %v for %d vertices", name, a.Shape, len(d.vertices))
	}
	for i, x := range v {
		if !(x >= 0) || math.IsInf(x, 1) {
			return fmt.Errorf("%s: vertex %d has %g", name, i, x)
		}
	}
	d.ceiling = v
	return nil
}

// Number is the subject's number, from 1.
func (s *Subject) Number() int { return s.number }

// Vertices are the indices in fsaverage of the columns of a hemisphere's responses, ascending.
func (s *Subject) Vertices(h Hemisphere) []int { return append([]int(nil), s.sides[h].vertices...) }

// Responses are those of a hemisphere to a split; an error where the split has none. They are valid until Close.
func (s *Subject) Responses(h Hemisphere, split string) (*Responses, error) {
	d := s.sides[h]
	if d == nil || d.responses[split] == nil {
		return nil, fmt.Errorf("algonauts: %s has no responses of hemisphere %q to split %q (hemispheres are lh and rh, splits training and test)", s.dir, h, split)
	}
	return d.responses[split], nil
}

// NoiseCeiling is the share of each vertex's variance that can be predicted, as the file has it; nil where there is no file.
func (s *Subject) NoiseCeiling(h Hemisphere) []float64 {
	return append([]float64(nil), s.sides[h].ceiling...)
}

// Labels are a class's label of every column of a hemisphere, 0 outside, and the names of the labels; nil where the subject has no such class.
func (s *Subject) Labels(h Hemisphere, class string) (labels []int64, names map[int64]string) {
	d := s.sides[h]
	if d == nil || d.labels[class] == nil {
		return nil, nil
	}
	names = map[int64]string{}
	for k, v := range d.names[class] {
		names[k] = v
	}
	return append([]int64(nil), d.labels[class]...), names
}

// Regions are the names of the regions that have a vertex in the hemisphere, class by class in the order of their labels.
func (s *Subject) Regions(h Hemisphere) []string {
	var out []string
	d := s.sides[h]
	for _, class := range Classes {
		used := map[int64]bool{}
		for _, l := range d.labels[class] {
			used[l] = true
		}
		var labels []int64
		for l := range used {
			if l != 0 {
				labels = append(labels, l)
			}
		}
		sort.Slice(labels, func(i, j int) bool { return labels[i] < labels[j] })
		for _, l := range labels {
			out = append(out, d.names[class][l])
		}
	}
	return out
}

// Region is the columns of a hemisphere's responses that belong to a region, such as "V1v"; an error that lists the regions where there is none. A
// region of a subject may be empty on one side.
func (s *Subject) Region(h Hemisphere, name string) ([]int, error) {
	d := s.sides[h]
	if d == nil {
		return nil, fmt.Errorf("algonauts: hemisphere %q: it is lh or rh", h)
	}
	known := false
	for _, class := range Classes {
		for label, n := range d.names[class] {
			if n != name || label == 0 {
				continue
			}
			known = true
			var out []int
			for i, l := range d.labels[class] {
				if l == label {
					out = append(out, i)
				}
			}
			return out, nil
		}
	}
	if !known {
		return nil, fmt.Errorf("algonauts: %s has no region %q; with vertices there are %v", s.dir, name, s.Regions(h))
	}
	return nil, nil
}

// Scatter puts one value a column at its place among the 163,842 vertices of fsaverage; the others get fill.
func (s *Subject) Scatter(h Hemisphere, values []float64, fill float64) ([]float64, error) {
	d := s.sides[h]
	if d == nil || len(values) != len(d.vertices) {
		return nil, fmt.Errorf("algonauts: %d values for hemisphere %q of %d vertices", len(values), h, len(d.vertices))
	}
	out := make([]float64, FsaverageVertices)
	for i := range out {
		out[i] = fill
	}
	for i, v := range d.vertices {
		out[v] = values[i]
	}
	return out, nil
}

// Close closes the files. Responses must not be used afterwards.
func (s *Subject) Close() error {
	var first error
	for _, d := range s.sides {
		for _, r := range d.responses {
			if err := r.close(); err != nil && first == nil {
				first = err
			}
		}
	}
	return first
}
