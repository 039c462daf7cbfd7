package subject

import (
	"fmt"
	"image"
	"math"
	"sync"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/algonauts"
	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
)

// Config says which subject sees which pictures.
type Config struct {
	Subject  int     // number of the subject, from 1: other receptive fields, weights and noise; 0 = 1
	Seed     uint64  // other seeds, other pictures and subjects
	Training int     // pictures of the training split; 0 = 1000
	Test     int     // pictures of the test split; 0 = 200
	Size     int     // side of the pictures in pixels; 0 = 64
	Vertices int     // vertices a hemisphere, about; 0 = 400
	Repeats  int     // presentations of each picture; 0 = 3
	Defects  float64 // share of vertices that are null or dead, at least two; 0 = 0.02, below 0 = none
}

// Bounds of a Config: what fits in memory and in file names of four digits or more.
const (
	maxPictures = 100_000
	maxVertices = 20_000
	maxRepeats  = 100
)

func (c Config) filled() (Config, error) {
	for _, d := range []struct {
		name        string
		v           *int
		usual, most int
	}{{"subject", &c.Subject, 1, 99}, {"training", &c.Training, 1000, maxPictures}, {"test", &c.Test, 200, maxPictures}, {"size", &c.Size, 64, 2048},
		{"vertices", &c.Vertices, 400, maxVertices}, {"repeats", &c.Repeats, 3, maxRepeats}} {
		if *d.v == 0 {
			*d.v = d.usual
		}
		if *d.v < 1 || *d.v > d.most {
			return c, fmt.Errorf("subject: %s = %d: it is 1 to %d", d.name, *d.v, d.most)
		}
	}
	if c.Size < 8 {
		return c, fmt.Errorf("subject: size = %d: it is 8 to 2048", c.Size)
	}
	if c.Training < 2 {
		return c, fmt.Errorf("subject: training = %d: features are standardised over at least 2 pictures", c.Training)
	}
	if c.Defects == 0 {
		c.Defects = 0.02
	}
	if !(c.Defects <= 1) {
		return c, fmt.Errorf("subject: defects = %g: it is a share", c.Defects)
	}
	return c, nil
}

// splits of the world that the splits of the subject show.
var worldSplits = map[string]string{algonauts.Training: "train", algonauts.Test: "test"}

// Subject is a simulated subject. It is safe for concurrent use.
type Subject struct {
	cfg      Config
	worlds   map[string]*scenes.World
	features []Feature
	values   map[string][]float64 // pictures x features, standardised
	sides    map[algonauts.Hemisphere]*side
}

// side is a hemisphere.
type side struct {
	vertices []Vertex
	weights  [][]Term
	noise    []float64 // standard deviation of one presentation's noise, in deviations of the signal

	mu        sync.Mutex
	responses map[string][]float32
}

// New simulates a subject: it draws all pictures once and computes their features.
func New(cfg Config) (*Subject, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	s := &Subject{cfg: cfg, worlds: map[string]*scenes.World{}, values: map[string][]float64{}, sides: map[algonauts.Hemisphere]*side{}}
	if err := s.open(); err != nil {
		return nil, err
	}
	s.features = append(pixelFeatures(), latentFeatures()...)
	for split := range worldSplits {
		if s.values[split], err = s.compute(split); err != nil {
			return nil, err
		}
	}
	s.standardise()
	for _, h := range algonauts.Hemispheres {
		if s.sides[h], err = s.draw(h); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// open makes the worlds of both splits.
func (s *Subject) open() error {
	for split, name := range worldSplits {
		w, err := scenes.NewWorld(scenes.WorldConfig{N: s.pictures(split), Seed: s.cfg.Seed, Size: s.cfg.Size, Split: name})
		if err != nil {
			return fmt.Errorf("subject: %w", err)
		}
		s.worlds[split] = w
	}
	return nil
}

// compute gives the raw features of a split.
func (s *Subject) compute(split string) ([]float64, error) {
	n, k := s.pictures(split), len(s.features)
	out := make([]float64, n*k)
	bank := newBank(s.cfg.Size)
	objects := map[string]bool{}
	for _, name := range scenes.ThingNames() {
		objects[name] = true
	}
	errs := make([]error, n)
	parallel.For(n, func(i int) {
		rgb := make([]uint8, 3*s.cfg.Size*s.cfg.Size)
		if _, errs[i] = s.worlds[split].Draw(i, rgb); errs[i] != nil {
			return
		}
		l, err := s.worlds[split].Latents(i)
		if err != nil {
			errs[i] = err
			return
		}
		row := out[i*k : i*k : (i+1)*k]
		row = latents(bank.pixels(row, rgb), &l, objects)
		if len(row) != k {
			errs[i] = fmt.Errorf("%d features, want %d", len(row), k)
		}
	})
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("subject: picture %d of split %s: %w", i, split, err)
		}
	}
	return out, nil
}

// standardise gives every feature mean 0 and variance 1 over the training pictures; one that never changes becomes 0.
func (s *Subject) standardise() {
	k, train := len(s.features), s.values[algonauts.Training]
	parallel.For(k, func(f int) {
		n := len(train) / k
		mean := 0.0
		for i := range n {
			mean += train[i*k+f]
		}
		mean /= float64(n)
		square := 0.0
		for i := range n {
			d := train[i*k+f] - mean
			square += d * d
		}
		scale := 0.0
		if deviation := math.Sqrt(square / float64(n)); deviation > 1e-9 {
			scale = 1 / deviation
		}
		for _, v := range s.values {
			for i := f; i < len(v); i += k {
				v[i] = (v[i] - mean) * scale
			}
		}
	})
}

func (s *Subject) pictures(split string) int {
	if split == algonauts.Test {
		return s.cfg.Test
	}
	return s.cfg.Training
}

// Config is what the subject was made from, defaults filled in.
func (s *Subject) Config() Config { return s.cfg }

// Vertices are the vertices of a hemisphere, in the order of the columns of its responses.
func (s *Subject) Vertices(h algonauts.Hemisphere) []Vertex {
	return append([]Vertex(nil), s.sides[h].vertices...)
}

// Features is the truth of a split: the standardised features that drive the responses, pictures x features row by row, and what they are.
func (s *Subject) Features(split string) ([]float64, []Feature) {
	return append([]float64(nil), s.values[split]...), append([]Feature(nil), s.features...)
}

// Weights are, for each vertex, the weights of the features that drive it, by ascending feature; the signal is their product. Null and dead
// vertices have none.
func (s *Subject) Weights(h algonauts.Hemisphere) [][]Term {
	out := make([][]Term, len(s.sides[h].weights))
	for i, t := range s.sides[h].weights {
		out[i] = append([]Term(nil), t...)
	}
	return out
}

// Ceiling is the noise ceiling of each vertex for a split: the share of the variance of its Responses that the truth predicts. Over the training pictures
// it is Vertex.Ceiling. Over others the signal varies more or less than 1, the more so the rarer what drives it is, and the ceiling with it:
// NC = v / (v + 1/(ncsnr^2 Repeats)), v being the signal's variance there.
func (s *Subject) Ceiling(h algonauts.Hemisphere, split string) []float64 {
	d, n := s.sides[h], s.pictures(split)
	signal, v := s.Signal(h, split), len(d.vertices)
	out := make([]float64, v)
	for j := range out {
		x := &d.vertices[j]
		if x.Ceiling == 0 || split == algonauts.Training {
			out[j] = x.Ceiling
			continue
		}
		mean, square := 0.0, 0.0
		for i := range n {
			mean += signal[i*v+j]
		}
		mean /= float64(n)
		for i := range n {
			e := signal[i*v+j] - mean
			square += e * e
		}
		square /= float64(n)
		out[j] = square / (square + 1/(x.NCSNR*x.NCSNR*float64(s.cfg.Repeats)))
	}
	return out
}

// Signal is what a noiseless presentation would give: pictures x vertices, variance 1 over the training pictures.
func (s *Subject) Signal(h algonauts.Hemisphere, split string) []float64 {
	d, k := s.sides[h], len(s.features)
	n, v := s.pictures(split), len(d.vertices)
	out := make([]float64, n*v)
	parallel.For(n, func(i int) {
		for j := range v {
			out[i*v+j] = dot(d.weights[j], s.values[split][i*k:(i+1)*k])
		}
	})
	return out
}

// presentation adds one presentation of picture i to dst, a value a vertex.
func (s *Subject) presentation(dst []float64, h algonauts.Hemisphere, split string, i, repeat int) {
	d, k := s.sides[h], len(s.features)
	r := rng.Fast(s.cfg.Seed, "subject/noise/"+string(h)+"/"+split, uint64(s.cfg.Subject), uint64(i), uint64(repeat))
	z := s.values[split][i*k : (i+1)*k]
	for j := range d.vertices {
		e := r.NormFloat64() // drawn for every vertex, so that defects do not shift the others' noise
		switch v := &d.vertices[j]; {
		case v.Dead:
		case v.Null:
			dst[j] += e
		default:
			dst[j] += dot(d.weights[j], z) + e*d.noise[j]
		}
	}
}

// Trials is one presentation of every picture, repeat counted from 0: pictures x vertices, the signal having variance 1 and the noise 1/ncsnr^2 (for null
// vertices 1).
func (s *Subject) Trials(h algonauts.Hemisphere, split string, repeat int) ([]float32, error) {
	if repeat < 0 || repeat >= s.cfg.Repeats {
		return nil, fmt.Errorf("subject: presentation %d of %d", repeat, s.cfg.Repeats)
	}
	v := len(s.sides[h].vertices)
	out := make([]float32, s.pictures(split)*v)
	parallel.ForScratch(s.pictures(split), func() []float64 { return make([]float64, v) }, func(i int, sum []float64) {
		clear(sum)
		s.presentation(sum, h, split, i, repeat)
		for j, x := range sum {
			out[i*v+j] = float32(x)
		}
	})
	return out, nil
}

// Responses are the means over all presentations, scaled to an expected variance of 1: pictures x vertices, what the files of the challenge hold.
func (s *Subject) Responses(h algonauts.Hemisphere, split string) []float32 {
	d := s.sides[h]
	d.mu.Lock()
	defer d.mu.Unlock()
	if out, ok := d.responses[split]; ok {
		return append([]float32(nil), out...)
	}
	v, repeats := len(d.vertices), float64(s.cfg.Repeats)
	out := make([]float32, s.pictures(split)*v)
	parallel.ForScratch(s.pictures(split), func() []float64 { return make([]float64, v) }, func(i int, sum []float64) {
		clear(sum)
		for repeat := range s.cfg.Repeats {
			s.presentation(sum, h, split, i, repeat)
		}
		for j, x := range sum {
			// The mean has the variance 1 + 1/(ncsnr^2 n) = 1/NC; that of noise alone 1/n.
			scale := math.Sqrt(d.vertices[j].Ceiling) / repeats
			if d.vertices[j].Null {
				scale = 1 / math.Sqrt(repeats)
			}
			out[i*v+j] = float32(x * scale)
		}
	})
	if d.responses == nil {
		d.responses = map[string][]float32{}
	}
	d.responses[split] = out
	return append([]float32(nil), out...)
}

// Images is the pictures of a split as a set of stimuli, in the order of the rows of the responses.
type Images struct {
	subject *Subject
	split   string
}

// Open is New for its pictures alone: a set that computes no features.
func Open(cfg Config, split string) (*Images, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	if split == "" {
		split = algonauts.Training
	}
	if worldSplits[split] == "" {
		return nil, fmt.Errorf("subject: split %q: it is training or test", split)
	}
	s := &Subject{cfg: cfg, worlds: map[string]*scenes.World{}}
	if err := s.open(); err != nil {
		return nil, err
	}
	return &Images{s, split}, nil
}

// Images are the pictures of a split.
func (s *Subject) Images(split string) *Images { return &Images{s, split} }

// Config is that of the subject who sees the pictures; New(Config()) gives the responses.
func (m *Images) Config() Config { return m.subject.cfg }

// Spec is such as "subject?subject=1&seed=0&training=1000&test=200&split=training"; parameters that have their defaults follow only where they have not.
func (m *Images) Spec() string {
	c := m.subject.cfg
	out := fmt.Sprintf("subject?subject=%d&seed=%d&training=%d&test=%d&size=%d", c.Subject, c.Seed, c.Training, c.Test, c.Size)
	if c.Vertices != 400 {
		out += fmt.Sprintf("&vertices=%d", c.Vertices)
	}
	if c.Repeats != 3 {
		out += fmt.Sprintf("&repeats=%d", c.Repeats)
	}
	return out + "&split=" + m.split
}

// Len is the number of pictures.
func (m *Images) Len() int { return m.subject.pictures(m.split) }

// Columns lists the labels: the row of the responses, NSD's number as file names have it, and those of scenes.
func (m *Images) Columns() []datasets.Column {
	return append([]datasets.Column{
		{Name: "number", Kind: datasets.Int, Doc: "row of the responses, from 0"},
		{Name: "nsd", Kind: datasets.Int, Doc: "number that stands for NSD's in file names, from 0"},
	}, m.subject.worlds[m.split].Columns()...)
}

// nsd is the number that stands for NSD's: the training pictures come first.
func (m *Images) nsd(i int) int {
	if m.split == algonauts.Test {
		return m.subject.cfg.Training + i
	}
	return i
}

// name is the picture's name in the challenge's folders, without its ending.
func (m *Images) name(i int) string {
	return fmt.Sprintf("%s-%04d_nsd-%05d", worldSplits[m.split], i+1, m.nsd(i))
}

// At draws picture i.
func (m *Images) At(i int) (datasets.Stimulus, error) {
	st, err := m.subject.worlds[m.split].At(i)
	if err != nil {
		return st, err
	}
	st.ID = m.name(i)
	st.Labels["number"], st.Labels["nsd"] = int64(i), int64(m.nsd(i))
	return st, nil
}

// rgb draws picture i without its labels.
func (m *Images) rgb(i int) (*image.RGBA, error) {
	n := m.subject.cfg.Size
	buf := make([]uint8, 3*n*n)
	if _, err := m.subject.worlds[m.split].Draw(i, buf); err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, n, n))
	for a, p := 0, 0; a < len(buf); a, p = a+3, p+4 {
		img.Pix[p], img.Pix[p+1], img.Pix[p+2], img.Pix[p+3] = buf[a], buf[a+1], buf[a+2], 255
	}
	return img, nil
}
