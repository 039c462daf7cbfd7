package nsd

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/internal/checksum"
	"github.com/ventral-lab/ventral/internal/hdf5"
	"github.com/ventral-lab/ventral/internal/nifti"
)

// Numbers of the experiment.
const (
	TrialsPerSession = 750
	Repeats          = 3
	Subjects         = 8
)

// The folders and files below the root of the data set.
const (
	designFile = "nsddata/experiments/nsd/nsd_expdesign.mat"
	betasDir   = "nsddata_betas/ppdata/subj%02d/%s/betas_fithrf_GLMdenoise_RR"
)

// Design says which picture was shown when. Numbers are those of the file, from 1.
type Design struct {
	Order    []int   // masterordering: for each trial of the experiment, the number of a picture of the subject
	Pictures [][]int // subjectim: for each subject the pictures, 1 to 73,000, that those numbers mean
}

// ReadDesign reads nsd_expdesign.mat of the data set below root, or the file that path names itself.
func ReadDesign(root string) (*Design, error) {
	path := root
	if st, err := os.Stat(root); err == nil && st.IsDir() {
		path = filepath.Join(root, filepath.FromSlash(designFile))
		sums, err := checksum.Read(root)
		if err == nil {
			err = sums.Check(root, designFile)
		}
		if err != nil {
			return nil, fmt.Errorf("nsd: %w", err)
		}
	}
	vars, err := ReadMat(path)
	if err != nil {
		return nil, err
	}
	order, ok1 := vars["masterordering"]
	pictures, ok2 := vars["subjectim"]
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("read %s: %w: it has no masterordering or no subjectim", path, ErrMat)
	}
	d := &Design{}
	if err := d.fill(order, pictures); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return d, nil
}

func (d *Design) fill(order, pictures Matrix) error {
	if len(pictures.Dims) != 2 || pictures.Dims[0] < 1 || pictures.Dims[1] < 1 {
		return badMat("subjectim is %v, want subjects x pictures", pictures.Dims)
	}
	subjects, n := pictures.Dims[0], pictures.Dims[1]
	if len(order.Data) != n*Repeats || len(order.Data)%TrialsPerSession != 0 {
		return badMat("masterordering has %d trials for %d pictures: want %d times as many, in sessions of %d", len(order.Data), n, Repeats, TrialsPerSession)
	}
	seen := make([]int, n)
	for i, x := range order.Data {
		k := int(x)
		if float64(k) != x || k < 1 || k > n {
			return badMat("masterordering(%d) is %g, want 1 to %d", i+1, x, n)
		}
		if seen[k-1]++; seen[k-1] > Repeats {
			return badMat("masterordering shows picture %d more than %d times", k, Repeats)
		}
		d.Order = append(d.Order, k)
	}
	for s := range subjects {
		row := make([]int, n)
		used := make(map[int]bool, n)
		for k := range row {
			x := pictures.Data[k*subjects+s] // down the columns
			id := int(x)
			if float64(id) != x || id < 1 || id > maxStimuli || used[id] {
				return badMat("subjectim(%d, %d) is %g: want a number from 1, once a subject", s+1, k+1, x)
			}
			used[id] = true
			row[k] = id
		}
		d.Pictures = append(d.Pictures, row)
	}
	return nil
}

// Image is the picture, counted from 0, that a subject (from 1) saw in a session and trial (from 1).
func (d *Design) Image(subject, session, trial int) (int, error) {
	t := (session-1)*TrialsPerSession + trial - 1
	if subject < 1 || subject > len(d.Pictures) || session < 1 || trial < 1 || trial > TrialsPerSession || t >= len(d.Order) {
		return 0, fmt.Errorf("nsd: subject %d, session %d, trial %d: there are %d subjects, %d sessions, %d trials", subject, session, trial, len(d.Pictures), len(d.Order)/TrialsPerSession, TrialsPerSession)
	}
	return d.Pictures[subject-1][d.Order[t]-1] - 1, nil
}

// Trials maps every picture, counted from 0, that a subject saw in its first sessions to its trials, counted from 0 over all
// sessions, in the order in which they were shown.
func (d *Design) Trials(subject, sessions int) (map[int][]int, error) {
	out := map[int][]int{}
	for s := 1; s <= sessions; s++ {
		for t := 1; t <= TrialsPerSession; t++ {
			id, err := d.Image(subject, s, t)
			if err != nil {
				return nil, err
			}
			out[id] = append(out[id], (s-1)*TrialsPerSession+t-1)
		}
	}
	return out, nil
}

// Betas are the responses of one subject on a hemisphere or in a volume. Their methods may be called from many goroutines.
type Betas struct {
	dir, hemisphere string
	sessions        []session
	units           int
	dims            []int
}

// session is an open file.
type session struct {
	volume *nifti.Volume
	file   *hdf5.File
	data   *hdf5.Object
	scale  float32
}

// OpenBetas opens every session of a subject in a space: fsaverage with the hemisphere lh or rh, or func1pt8mm or func1mm with no hemisphere.
func OpenBetas(root string, subject int, space, hemisphere string) (*Betas, error) {
	b := &Betas{dir: filepath.Join(root, filepath.FromSlash(fmt.Sprintf(betasDir, subject, space))), hemisphere: hemisphere}
	for n := 1; n <= maxSessions; n++ {
		s, dims, err := b.open(n)
		if errors.Is(err, os.ErrNotExist) {
			if err := b.gap(n); err != nil {
				b.Close()
				return nil, err
			}
			break
		}
		if err != nil {
			b.Close()
			return nil, fmt.Errorf("nsd: session %d: %w", n, err)
		}
		b.sessions = append(b.sessions, s)
		if b.dims == nil {
			b.dims = dims
			b.units = dims[0] * dims[1] * dims[2]
		}
		if fmt.Sprint(dims) != fmt.Sprint(b.dims) {
			b.Close()
			return nil, fmt.Errorf("nsd: session %d in %s has %v elements, session 1 %v", n, b.dir, dims, b.dims)
		}
	}
	if len(b.sessions) == 0 {
		return nil, fmt.Errorf("nsd: %s holds no %s: get it, or give another subject, space or hemisphere", b.dir, b.name(1, ".mgh"))
	}
	return b, nil
}

func (b *Betas) name(n int, ending string) string {
	name := fmt.Sprintf("betas_session%02d%s", n, ending)
	if b.hemisphere != "" {
		name = b.hemisphere + "." + name
	}
	return name
}

// gap finds sessions behind one that is missing.
func (b *Betas) gap(missing int) error {
	for n := missing + 1; n <= maxSessions; n++ {
		for _, ending := range endings {
			if _, err := os.Stat(filepath.Join(b.dir, b.name(n, ending))); err == nil {
				return fmt.Errorf("nsd: %s has session %d but not %d", b.dir, n, missing)
			}
		}
	}
	return nil
}

var endings = []string{".mgh", ".mgz", ".nii.gz", ".nii", ".hdf5"}

func (b *Betas) open(n int) (session, []int, error) {
	for _, ending := range endings {
		path := filepath.Join(b.dir, b.name(n, ending))
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if ending == ".hdf5" {
			return openHDF5(path)
		}
		v, err := nifti.Open(path)
		if err != nil {
			return session{}, nil, err
		}
		if v.Dims[3] != TrialsPerSession {
			v.Close()
			return session{}, nil, fmt.Errorf("%s has %d trials, want %d", path, v.Dims[3], TrialsPerSession)
		}
		s := session{volume: v, scale: 1}
		if v.Format == "NIfTI-1" {
			s.scale = 1.0 / 300
		}
		return s, v.Dims[:3], nil
	}
	return session{}, nil, os.ErrNotExist
}

// openHDF5 opens /betas: int16, trials x z x y x x.
func openHDF5(path string) (session, []int, error) {
	f, err := hdf5.Open(path)
	if err != nil {
		return session{}, nil, err
	}
	o, err := f.Lookup("/betas")
	if err == nil {
		shape := o.Shape()
		if want := (hdf5.Type{Class: hdf5.Integer, Size: 2, Signed: true}); o.Type() != want || len(shape) != 4 || shape[0] != TrialsPerSession {
			err = fmt.Errorf("/betas is %v of %v, want %d trials x z x y x x of %v", shape, o.Type(), TrialsPerSession, want)
		} else {
			return session{file: f, data: o, scale: 1.0 / 300}, []int{shape[3], shape[2], shape[1]}, nil
		}
	}
	f.Close()
	return session{}, nil, fmt.Errorf("read %s: %w", path, err)
}

// Sessions is the number of sessions.
func (b *Betas) Sessions() int { return len(b.sessions) }

// Units is the number of vertices or voxels; Dims are their extents, x fastest.
func (b *Betas) Units() int  { return b.units }
func (b *Betas) Dims() []int { return append([]int(nil), b.dims...) }

// Trial reads the responses to a trial, session and trial counted from 1.
func (b *Betas) Trial(sessionNumber, trial int) ([]float32, error) {
	if sessionNumber < 1 || sessionNumber > len(b.sessions) || trial < 1 || trial > TrialsPerSession {
		return nil, fmt.Errorf("nsd: session %d, trial %d: there are %d sessions of %d trials", sessionNumber, trial, len(b.sessions), TrialsPerSession)
	}
	s := b.sessions[sessionNumber-1]
	var out []float32
	if s.volume != nil {
		var err error
		if out, err = s.volume.Frame(trial - 1); err != nil {
			return nil, fmt.Errorf("nsd: session %d, trial %d: %w", sessionNumber, trial, err)
		}
	} else {
		raw, err := s.data.Rows(trial-1, 1)
		if err != nil {
			return nil, fmt.Errorf("nsd: session %d, trial %d: %w", sessionNumber, trial, err)
		}
		out = make([]float32, b.units)
		for i := range out {
			out[i] = float32(int16(uint16(raw[2*i]) | uint16(raw[2*i+1])<<8))
		}
	}
	if s.scale != 1 {
		for i := range out {
			out[i] *= s.scale
		}
	}
	return out, nil
}

// NCSNR reads the noise ceiling signal-to-noise ratio of every unit.
func (b *Betas) NCSNR() ([]float32, error) {
	names := []string{"ncsnr.nii.gz", "ncsnr.mgh"}
	if b.hemisphere != "" {
		names = []string{b.hemisphere + ".ncsnr.mgh"}
	}
	for _, name := range names {
		v, err := nifti.Open(filepath.Join(b.dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer v.Close()
		if v.FrameLen() != b.units || v.Dims[3] != 1 {
			return nil, fmt.Errorf("nsd: %s has %v values for %d units", name, v.Dims, b.units)
		}
		return v.Frame(0)
	}
	return nil, fmt.Errorf("nsd: %s holds no %s", b.dir, strings.Join(names, " and no "))
}

// Close closes the files.
func (b *Betas) Close() error {
	var first error
	for _, s := range b.sessions {
		var err error
		if s.volume != nil {
			err = s.volume.Close()
		} else {
			err = s.file.Close()
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// NoiseCeiling is the share of the variance of averaged responses that can be predicted, NC = ncsnr^2 / (ncsnr^2 + (A/3 + B/2 + C) / (A+B+C)), where
// three, two and one are the numbers A, B and C of pictures that were shown so many times (Allen et al. 2022, Methods, "Noise ceiling estimation").
// It is a fraction, and 0 where ncsnr is.
func NoiseCeiling(ncsnr float64, three, two, one int) float64 {
	n := float64(three + two + one)
	if ncsnr <= 0 || n == 0 || math.IsNaN(ncsnr) {
		return 0
	}
	signal := ncsnr * ncsnr
	return signal / (signal + (float64(three)/3+float64(two)/2+float64(one))/n)
}
