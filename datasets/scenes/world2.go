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
	"github.com/ventral-lab/ventral/internal/rng"
)

// WorldMix weighs the kinds of picture of the second world. The weights are divided by their sum.
type WorldMix struct {
	Object     float64 // one object
	Objects    float64 // two or three objects with a layout, or two to four of a kind
	Word       float64 // one written word
	ObjectWord float64 // an object and a word: seven in ten its own name
	Face       float64 // a face with an expression
	Region     float64 // a flag, or a map with a mark
	Character  float64 // a cartoon character
	Figure     float64 // one plain shape, as in the first world
	Figures    float64 // several shapes
	Empty      float64 // a place or a ground with nothing in it

	// Plain is the share of the single figures that are solid on a plain white or light ground, 0..1; half of those are black.
	Plain float64
	// Spoiled is the share of the pictures with photographic nuisance, 0..1.
	Spoiled float64
}

// DefaultWorldMix is the mixture of a WorldConfig that does not give one.
var DefaultWorldMix = WorldMix{Object: 32, Objects: 8, Word: 23, ObjectWord: 8, Face: 6, Region: 5, Character: 4, Figure: 9, Figures: 2, Empty: 3, Plain: 0.5, Spoiled: 0.25}

// WorldConfig says which pictures a World holds.
type WorldConfig struct {
	N     int      // number of pictures; 0 = 1000
	Seed  uint64   // other seeds, other pictures
	Size  int      // side of the square picture in pixels, 8..2048; 0 = 64
	Split string   // one of Splits; "" = "train"
	Mix   WorldMix // the zero value = DefaultWorldMix
	Masks bool     // At also computes pixel masks
}

// World is a set of pictures of the second, complete world. It is safe for concurrent use.
type World struct {
	cfg     WorldConfig
	stream  string
	cum     [nWorldKinds]float64
	probe   *worldProbe
	probing WorldProbeConfig
	scratch sync.Pool
}

func (m WorldMix) weights() [nWorldKinds]float64 {
	return [nWorldKinds]float64{m.Object, m.Objects, m.Word, m.ObjectWord, m.Face, m.Region, m.Character, m.Figure, m.Figures, m.Empty}
}

// String is the mixture as it stands in a Spec: the weights in the order of WorldKinds, the share of plain figures and that of
// spoiled pictures.
func (m WorldMix) String() string {
	w := m.weights()
	var b strings.Builder
	for _, v := range append(w[:], m.Plain, m.Spoiled) {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
	}
	return b.String()
}

// ParseWorldMix reads what WorldMix.String writes.
func ParseWorldMix(s string) (WorldMix, error) {
	f := strings.Split(s, ",")
	var v [nWorldKinds + 2]float64
	if len(f) != len(v) {
		return WorldMix{}, fmt.Errorf("scenes: mixture %q: it is %d numbers, the weights of %s pictures and the shares of plain figures and of spoiled pictures, such as %s",
			s, len(v), strings.Join(worldKindNames[:], ", "), DefaultWorldMix)
	}
	for i := range f {
		x, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			return WorldMix{}, fmt.Errorf("scenes: mixture %q: %q is not a number", s, f[i])
		}
		v[i] = x
	}
	m := WorldMix{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11]}
	return m, m.check()
}

func (m WorldMix) check() error {
	sum := 0.0
	for i, v := range m.weights() {
		if !(v >= 0) || math.IsInf(v, 1) {
			return fmt.Errorf("scenes: mixture weight %g of kind %q: weights are finite and not negative", v, worldKindNames[i])
		}
		sum += v
	}
	if !(sum > 0) || math.IsInf(sum, 1) {
		return fmt.Errorf("scenes: the mixture weights sum to %g: at least one kind of picture needs a weight", sum)
	}
	if !(m.Plain >= 0 && m.Plain <= 1 && m.Spoiled >= 0 && m.Spoiled <= 1) {
		return fmt.Errorf("scenes: share of plain figures %g, of spoiled pictures %g: both lie between 0 and 1", m.Plain, m.Spoiled)
	}
	return nil
}

// heldOutKinds are the kinds of picture of the split heldout: those whose combinations can be held out.
var heldOutKinds = [nWorldKinds]bool{wkObject: true, wkWord: true, wkFigure: true, wkFigures: true}

// NewWorld returns the pictures that cfg describes. It fails on a size, number, split or mixture that makes no sense.
func NewWorld(cfg WorldConfig) (*World, error) {
	cfg.Split = cmp.Or(cfg.Split, "train")
	if err := settle(&cfg.N, &cfg.Size, 1000); err != nil {
		return nil, err
	}
	if err := checkSplit(cfg.Split); err != nil {
		return nil, err
	}
	if cfg.Mix == (WorldMix{}) {
		cfg.Mix = DefaultWorldMix
	}
	if err := cfg.Mix.check(); err != nil {
		return nil, err
	}
	w, sum := cfg.Mix.weights(), 0.0
	for i, v := range w {
		if cfg.Split == "heldout" && !heldOutKinds[i] {
			w[i] = 0
			continue
		}
		sum += v
	}
	if !(sum > 0) {
		return nil, fmt.Errorf("scenes: split heldout has pictures of the kinds object, word, figure and figures alone, and the mixture %s gives them no weight", cfg.Mix)
	}
	s := &World{cfg: cfg, stream: "scenes/2/" + cfg.Split}
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

// Config is what the set was made from, defaults filled in. For a set of NewWorldProbe only N, Seed, Size, Split and Masks mean something.
func (s *World) Config() WorldConfig { return s.cfg }

// Spec is the canonical name of the set, such as "scenes?world=2&n=500&seed=1&size=64&split=test".
func (s *World) Spec() string {
	var b strings.Builder
	if s.probe != nil {
		fmt.Fprintf(&b, "probe?world=2&factor=%s&n=%d&seed=%d&size=%d&split=%s", s.probing.Factor, s.cfg.N, s.cfg.Seed, s.cfg.Size, s.cfg.Split)
		if s.probing.Nuisance != "" {
			fmt.Fprintf(&b, "&nuisance=%s", s.probing.Nuisance)
		}
	} else {
		fmt.Fprintf(&b, "scenes?world=2&n=%d&seed=%d&size=%d&split=%s", s.cfg.N, s.cfg.Seed, s.cfg.Size, s.cfg.Split)
		if s.cfg.Mix != DefaultWorldMix {
			fmt.Fprintf(&b, "&mix=%s", s.cfg.Mix)
		}
	}
	if s.cfg.Masks {
		b.WriteString("&masks=true")
	}
	return b.String()
}

// Len is the number of pictures.
func (s *World) Len() int { return s.cfg.N }

// Size is the side of the pictures in pixels.
func (s *World) Size() int { return s.cfg.Size }

func (s *World) check(i int) error {
	if i < 0 || i >= s.cfg.N {
		return fmt.Errorf("scenes: picture %d of %d: indices run from 0 to %d", i, s.cfg.N, s.cfg.N-1)
	}
	return nil
}

func (s *World) canvas() *worldCanvas {
	if c, ok := s.scratch.Get().(*worldCanvas); ok {
		return c
	}
	return newWorldCanvas(s.cfg.Size)
}

// sample fills p with the latents of picture i.
func (s *World) sample(p *picture, i int) {
	d := draws{rng.Fast(s.cfg.Seed, s.stream, uint64(i))}
	*p = picture{relation: -1, noiseKey: d.Uint64()}
	p.ground.place = nowhere
	if s.probe != nil {
		s.probe.sample(d, p, i, &s.probing)
		return
	}
	held := s.cfg.Split == "heldout"
	u := d.Float64()
	for p.kind < nWorldKinds-1 && u >= s.cum[p.kind] {
		p.kind++
	}
	switch p.kind {
	case wkObject:
		p.sampleObject(d, held)
	case wkObjects:
		p.sampleObjects(d)
	case wkWord:
		p.sampleWord(d, held)
	case wkObjectWord:
		p.sampleObjectWord(d)
	case wkFace:
		p.sampleFace(d)
	case wkRegion:
		p.sampleRegion(d)
	case wkCharacter:
		p.sampleCharacter(d)
	case wkFigure:
		p.sampleFigure(d, kindSingle, s.cfg.Mix.Plain, held)
	case wkFigures:
		p.sampleFigure(d, kindSeveral, 0, held)
	case wkEmpty:
		p.sampleEmpty(d, held)
	}
	if (p.fig == nil || !p.fig.plain) && d.yes(s.cfg.Mix.Spoiled) {
		p.sampleNuisance(d)
	}
	p.caption = describe(d, p)
}

// Draw draws picture i into dst, Size x Size x 3 bytes (row, column, red green blue), and returns its caption. It is
// the same picture as At(i).Image, without labels and masks: the path for training.
func (s *World) Draw(i int, dst []uint8) (caption string, err error) {
	if err := s.check(i); err != nil {
		return "", err
	}
	if n := s.cfg.Size * s.cfg.Size * 3; len(dst) != n {
		return "", fmt.Errorf("scenes: picture %d needs %d bytes (%d x %d x 3), dst has %d", i, n, s.cfg.Size, s.cfg.Size, len(dst))
	}
	c := s.canvas()
	defer s.scratch.Put(c)
	s.sample(&c.pic, i)
	c.render(dst, nil)
	return c.pic.caption, nil
}

// Latents is everything that picture i was drawn from. It draws nothing.
func (s *World) Latents(i int) (Latents, error) {
	if err := s.check(i); err != nil {
		return Latents{}, err
	}
	c := s.canvas()
	defer s.scratch.Put(c)
	s.sample(&c.pic, i)
	return c.pic.latents(), nil
}

// Picture is a drawn picture with its latents and the pixels of each thing in it.
type Picture struct {
	Latents
	Size int
	// RGB is the picture, Size x Size x 3: row, column, channel.
	RGB []uint8
	// Coverage is, for each of Items, the share of every pixel that the item's paint covers, 0..255, Size x Size, also where something
	// in front hides it. Words and line drawings on a plate cover their plate.
	Coverage [][]uint8
	// Ink is the coverage of all letters, Size x Size.
	Ink []uint8
	// Instance is, for every pixel, 1 + the number of the item that covers most of it in front of the others, or 0 for the ground: an item
	// owns a pixel of which it covers at least half.
	Instance []uint8
}

// Render draws picture i with the pixels of each thing in it.
func (s *World) Render(i int) (*Picture, error) {
	if err := s.check(i); err != nil {
		return nil, err
	}
	c := s.canvas()
	defer s.scratch.Put(c)
	s.sample(&c.pic, i)
	n := s.cfg.Size
	out := &Picture{Latents: c.pic.latents(), Size: n, RGB: make([]uint8, 3*n*n), Ink: make([]uint8, n*n), Instance: make([]uint8, n*n)}
	c.render(out.RGB, func(k int) {
		cover := append([]uint8(nil), c.alpha...)
		out.Coverage = append(out.Coverage, cover)
		for p, a := range cover {
			if a >= 128 {
				out.Instance[p] = uint8(k + 1)
			}
			// What lies behind shows no letters where this covers it.
			ink := uint32(c.ink[p])
			out.Ink[p] = uint8(max(uint32(out.Ink[p])*uint32(255-a)/255, ink))
		}
	})
	return out, nil
}

// At makes picture i with its labels and, if asked for, its masks: figure (all items), word (letters), and object0 to object4 (each item, as far as
// nothing in front of it hides it).
func (s *World) At(i int) (datasets.Stimulus, error) {
	p, err := s.Render(i)
	if err != nil {
		return datasets.Stimulus{}, err
	}
	n := s.cfg.Size
	img := image.NewRGBA(image.Rect(0, 0, n, n))
	for a, b := 0, 0; a < len(p.RGB); a, b = a+3, b+4 {
		img.Pix[b], img.Pix[b+1], img.Pix[b+2], img.Pix[b+3] = p.RGB[a], p.RGB[a+1], p.RGB[a+2], 255
	}
	st := datasets.Stimulus{
		ID:      fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(s.stream, "/", "-"), s.cfg.Seed, i),
		Image:   img,
		Caption: p.Caption,
		Labels:  s.labels(p, i),
	}
	if s.cfg.Masks {
		st.Masks = p.masks()
	}
	return st, nil
}
