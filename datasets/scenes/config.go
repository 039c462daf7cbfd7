package scenes

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/ventral-lab/ventral/datasets"
)

// Splits are the names of the splits. train, val and test are independent streams of pictures in which some pairs of
// shape and colour and of word and ink never occur; every figure and every word of a heldout picture is one of
// those pairs.
var Splits = []string{"train", "val", "test", "heldout"}

// Mix weighs the kinds of picture. The weights are divided by their sum.
type Mix struct {
	Single    float64 // one figure
	Several   float64 // two or three figures of a kind, or two different ones with a layout
	Word      float64 // one written word
	WordShape float64 // a figure and a word
	Empty     float64 // nothing but a background

	// Plain is the share of the single figures that are solid on a plain white or light background, 0..1; half of
	// those are black. The plain pictures are the stimuli of the spatial-cells document.
	Plain float64
}

// DefaultMix is the mixture of a Config that does not give one.
var DefaultMix = Mix{Single: 50, Several: 15, Word: 20, WordShape: 8, Empty: 7, Plain: 0.45}

// Config says which pictures a Set holds.
type Config struct {
	N     int    // number of pictures; 0 = 1000
	Seed  uint64 // other seeds, other pictures
	Size  int    // side of the square picture in pixels, 8..2048; 0 = 64
	Split string // one of Splits; "" = "train"
	Mix   Mix    // the zero value = DefaultMix
	Masks bool   // At also computes pixel masks
}

// Set is a set of scenes. It is safe for concurrent use.
type Set struct {
	cfg     Config
	stream  string
	cum     [nKinds]float64
	probe   *probe
	factor  string
	scratch sync.Pool
}

const (
	minSize = 8
	maxSize = 2048 // 12 MB a picture; a scene has no more detail to show above it
)

// settle puts the usual number and size in the place of zeros and checks both.
func settle(n, size *int, usual int) error {
	*n, *size = cmp.Or(*n, usual), cmp.Or(*size, 64)
	return checkSize(*n, *size)
}

func checkSplit(split string) error {
	if index(Splits, split) < 0 {
		return fmt.Errorf("scenes: split %q: it is one of %s", split, strings.Join(Splits, ", "))
	}
	return nil
}

// New returns the pictures that cfg describes. It fails on a size, number, split or mixture that makes no sense.
func New(cfg Config) (*Set, error) {
	cfg.Split = cmp.Or(cfg.Split, "train")
	if err := settle(&cfg.N, &cfg.Size, 1000); err != nil {
		return nil, err
	}
	if err := checkSplit(cfg.Split); err != nil {
		return nil, err
	}
	if cfg.Mix == (Mix{}) {
		cfg.Mix = DefaultMix
	}
	if err := cfg.Mix.check(); err != nil {
		return nil, err
	}
	w, sum := cfg.Mix.weights(), 0.0
	for _, v := range w {
		sum += v
	}
	s := &Set{cfg: cfg, stream: "scenes/" + cfg.Split}
	c := 0.0
	for i, v := range w {
		c += v / sum
		s.cum[i] = c
	}
	for i := range s.cum { // trailing kinds of weight 0 stay out of reach
		if s.cum[i] >= c {
			s.cum[i] = 1
		}
	}
	return s, nil
}

func checkSize(n, size int) error {
	if n < 1 {
		return fmt.Errorf("scenes: n = %d: a set has at least one picture", n)
	}
	if size < minSize || size > maxSize {
		return fmt.Errorf("scenes: size = %d pixels: it lies between %d and %d", size, minSize, maxSize)
	}
	return nil
}

func (m Mix) weights() [nKinds]float64 {
	return [nKinds]float64{m.Single, m.Several, m.Word, m.WordShape, m.Empty}
}

// String is the mixture as it stands in a Spec: the weights of single, several, word, word+shape and empty pictures and
// the share of plain ones.
func (m Mix) String() string {
	var b strings.Builder
	for _, v := range m.weights() {
		b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
		b.WriteByte(',')
	}
	b.WriteString(strconv.FormatFloat(m.Plain, 'g', -1, 64))
	return b.String()
}

// ParseMix reads what Mix.String writes.
func ParseMix(s string) (Mix, error) {
	f := strings.Split(s, ",")
	if len(f) != nKinds+1 {
		return Mix{}, fmt.Errorf("scenes: mixture %q: it is six numbers, the weights of %s pictures and the share of plain ones, such as %s",
			s, strings.Join(kindNames[:], ", "), DefaultMix)
	}
	var v [nKinds + 1]float64
	for i := range f {
		x, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			return Mix{}, fmt.Errorf("scenes: mixture %q: %q is not a number", s, f[i])
		}
		v[i] = x
	}
	m := Mix{v[0], v[1], v[2], v[3], v[4], v[5]}
	return m, m.check()
}

// check says what is wrong with a mixture.
func (m Mix) check() error {
	sum := 0.0
	for i, v := range m.weights() {
		if !(v >= 0) || math.IsInf(v, 1) {
			return fmt.Errorf("scenes: mixture weight %g of kind %q: weights are finite and not negative", v, kindNames[i])
		}
		sum += v
	}
	if !(sum > 0) || math.IsInf(sum, 1) {
		return fmt.Errorf("scenes: the mixture weights sum to %g: at least one kind of picture needs a weight", sum)
	}
	if !(m.Plain >= 0 && m.Plain <= 1) {
		return fmt.Errorf("scenes: share of plain pictures %g: it lies between 0 and 1", m.Plain)
	}
	return nil
}

// Config is what the set was made from, defaults filled in. For a set of Probe only N, Seed, Size, Split and Masks mean something.
func (s *Set) Config() Config { return s.cfg }

// Spec is the canonical name of the set, such as "scenes?n=500&seed=1&size=64&split=test".
func (s *Set) Spec() string {
	var b strings.Builder
	if s.probe != nil {
		fmt.Fprintf(&b, "probe?factor=%s&n=%d&seed=%d&size=%d&split=%s", s.factor, s.cfg.N, s.cfg.Seed, s.cfg.Size, s.cfg.Split)
	} else {
		fmt.Fprintf(&b, "scenes?n=%d&seed=%d&size=%d&split=%s", s.cfg.N, s.cfg.Seed, s.cfg.Size, s.cfg.Split)
		if s.cfg.Mix != DefaultMix {
			fmt.Fprintf(&b, "&mix=%s", s.cfg.Mix)
		}
	}
	if s.cfg.Masks {
		b.WriteString("&masks=true")
	}
	return b.String()
}

// Len is the number of pictures.
func (s *Set) Len() int { return s.cfg.N }

// Size is the side of the pictures in pixels.
func (s *Set) Size() int { return s.cfg.Size }

// Draw draws picture i into dst, Size x Size x 3 bytes (row, column, red green blue), and returns its caption. It is
// the same picture as At(i).Image, without labels and masks: the path for training.
func (s *Set) Draw(i int, dst []uint8) (caption string, err error) {
	if err := s.check(i); err != nil {
		return "", err
	}
	if n := s.cfg.Size * s.cfg.Size * 3; len(dst) != n {
		return "", fmt.Errorf("scenes: picture %d needs %d bytes (%d x %d x 3), dst has %d", i, n, s.cfg.Size, s.cfg.Size, len(dst))
	}
	c := s.canvas()
	defer s.scratch.Put(c)
	s.sample(&c.scene, i)
	c.draw(dst)
	return c.scene.caption, nil
}

func (s *Set) check(i int) error {
	if i < 0 || i >= s.cfg.N {
		return fmt.Errorf("scenes: picture %d of %d: indices run from 0 to %d", i, s.cfg.N, s.cfg.N-1)
	}
	return nil
}

func (s *Set) canvas() *canvas {
	if c, ok := s.scratch.Get().(*canvas); ok {
		return c
	}
	return newCanvas(s.cfg.Size)
}

// At makes picture i with its labels and, if asked for, its masks.
func (s *Set) At(i int) (datasets.Stimulus, error) {
	if err := s.check(i); err != nil {
		return datasets.Stimulus{}, err
	}
	c := s.canvas()
	defer s.scratch.Put(c)
	s.sample(&c.scene, i)
	n := s.cfg.Size
	rgb := make([]uint8, n*n*3)
	c.draw(rgb)
	img := image.NewRGBA(image.Rect(0, 0, n, n))
	for p, q := 0, 0; p < len(rgb); p, q = p+3, q+4 {
		img.Pix[q], img.Pix[q+1], img.Pix[q+2], img.Pix[q+3] = rgb[p], rgb[p+1], rgb[p+2], 255
	}
	st := datasets.Stimulus{
		ID:      fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(s.stream, "/", "-"), s.cfg.Seed, i),
		Image:   img,
		Caption: c.scene.caption,
		Labels:  s.labels(&c.scene),
	}
	if s.cfg.Masks {
		st.Masks = c.masks()
	}
	return st, nil
}
