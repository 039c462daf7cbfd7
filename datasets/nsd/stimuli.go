package nsd

import (
	"fmt"
	"image"
	"os"
	"path/filepath"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/hdf5"
)

const stimuliFile = "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"

// Set is the pictures of the experiment. It is safe for concurrent use.
type Set struct {
	root          string
	file          *hdf5.File
	brick         *hdf5.Object
	n             int
	height, width int
}

// Open opens the pictures of the data set below root, or the HDF5 file that root names itself.
func Open(root string) (*Set, error) {
	path := root
	st, err := os.Stat(root)
	if err != nil {
		return nil, fmt.Errorf("nsd: %w", err)
	}
	if st.IsDir() {
		path = filepath.Join(root, filepath.FromSlash(stimuliFile))
	}
	f, err := hdf5.Open(path)
	if err != nil {
		return nil, fmt.Errorf("nsd: %w", err)
	}
	brick, err := f.Lookup("/imgBrick")
	if err == nil {
		shape, t := brick.Shape(), brick.Type()
		switch {
		case t.Class != hdf5.Integer || t.Size != 1 || t.Signed || len(shape) != 4 || shape[3] != 3:
			err = fmt.Errorf("imgBrick is %v of %v, want pictures x height x width x 3 unsigned bytes", shape, t)
		case shape[0] < 1 || shape[0] > maxStimuli || shape[1] < 1 || shape[2] < 1 || shape[1] > maxPixels/shape[2]:
			err = fmt.Errorf("imgBrick is %v: want 1 to %d pictures of 1 to %d pixels", shape, maxStimuli, maxPixels)
		default:
			return &Set{filepath.Clean(root), f, brick, shape[0], shape[1], shape[2]}, nil
		}
	}
	f.Close()
	return nil, fmt.Errorf("nsd: read %s: %w", path, err)
}

// Close closes the file.
func (s *Set) Close() error { return s.file.Close() }

// Spec is "nsd:" and the path as it was given.
func (s *Set) Spec() string { return "nsd:" + filepath.ToSlash(s.root) }

// Len is the number of pictures.
func (s *Set) Len() int { return s.n }

// Columns lists the labels.
func (s *Set) Columns() []datasets.Column {
	return []datasets.Column{{Name: "nsd", Kind: datasets.Int, Doc: "number of the picture in the experiment, from 0"}}
}

// At reads picture i.
func (s *Set) At(i int) (datasets.Stimulus, error) {
	if i < 0 || i >= s.n {
		return datasets.Stimulus{}, fmt.Errorf("nsd: picture %d of %d: indices run from 0 to %d", i, s.n, s.n-1)
	}
	b, err := s.brick.Rows(i, 1)
	if err != nil {
		return datasets.Stimulus{}, fmt.Errorf("nsd: picture %d: %w", i, err)
	}
	m := image.NewRGBA(image.Rect(0, 0, s.width, s.height))
	for at, p := 0, 0; at < len(b); at, p = at+3, p+4 {
		m.Pix[p], m.Pix[p+1], m.Pix[p+2], m.Pix[p+3] = b[at], b[at+1], b[at+2], 255
	}
	return datasets.Stimulus{ID: fmt.Sprintf("nsd-%05d", i), Image: m, Labels: map[string]any{"nsd": int64(i)}}, nil
}
