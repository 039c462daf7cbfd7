package subject

import (
	"math"

	"github.com/ventral-lab/ventral/datasets/algonauts"
	"github.com/ventral-lab/ventral/internal/parallel"
	"github.com/ventral-lab/ventral/internal/rng"
)

// Term is the weight of one feature.
type Term struct {
	Feature int
	Weight  float64
}

// least is the share of the largest weight below which a weight is left out.
const least = 0.02

// terms draws the weights of a vertex, before scaling.
func (s *Subject) terms(h algonauts.Hemisphere, i int, v *Vertex) []Term {
	r := rng.New(s.cfg.Seed, "subject/weights/"+string(h), uint64(s.cfg.Subject), uint64(i))
	g := &regions[v.region]
	var out []Term
	add := func(f int, w float64) {
		if w != 0 {
			out = append(out, Term{f, w})
		}
	}
	field := func(f *Feature) float64 {
		dx, dy := f.X-v.FieldX, f.Y-v.FieldY
		return math.Exp(-(dx*dx + dy*dy) / (2 * v.FieldSize * v.FieldSize))
	}
	switch v.Group {
	case "gabor":
		v.Orientation = 180 * r.Float64()
		// V1 is tuned most sharply and prefers the fine scale.
		kappa, fine := 2.5, 0.5+0.5*r.Float64()
		switch g.name[:2] {
		case "V2":
			kappa, fine = 1.5, r.Float64()
		case "V3":
			kappa, fine = 1, 0.5*r.Float64()
		}
		for k := range s.features {
			f := &s.features[k]
			if f.Group != "gabor" {
				continue
			}
			scale := fine
			if f.Scale == 1 {
				scale = 1 - fine
			}
			w := field(f) * scale * math.Exp(kappa*(math.Cos(2*(f.Orientation-v.Orientation)*math.Pi/180)-1))
			if w >= least {
				add(k, w)
			}
		}
	case "colour":
		colour := r.Float64()
		hue := 2 * math.Pi * r.Float64()
		// Tuning over the four half-axes red, green, blue, yellow.
		axes := [4]float64{math.Cos(hue), -math.Cos(hue), math.Sin(hue), -math.Sin(hue)}
		turn := 180 * r.Float64()
		axis := 0
		for k := range s.features {
			f := &s.features[k]
			switch f.Group {
			case "colour":
				if w := field(f) * colour * max(0, axes[axis%4]); w >= least {
					add(k, w)
				}
				axis++
			case "curvature":
				if w := field(f) * (1 - colour) * math.Exp(1.5*(math.Cos(2*(f.Orientation-turn)*math.Pi/180)-1)); w >= least {
					add(k, w)
				}
			}
		}
	default:
		side := " right"
		if h == algonauts.Right {
			side = " left"
		}
		for k := range s.features {
			f := &s.features[k]
			switch {
			case f.Group == v.Group && (f.Name == f.Group+" area" || f.Name == "place any"):
				add(k, 1+0.5*r.Float64())
			case f.Group == v.Group && (f.Name == f.Group+" left" || f.Name == f.Group+" right"):
				// The other side of space weighs more.
				w := 0.2 * r.Float64()
				if f.Name == f.Group+side {
					w += 0.5
				}
				add(k, w)
			case f.Group == v.Group:
				add(k, 0.6*r.NormFloat64())
			case f.Group == "statistics":
				add(k, 0.15*r.NormFloat64())
			}
		}
	}
	return out
}

// draw makes the vertices of a hemisphere with their weights, noise and defects.
func (s *Subject) draw(h algonauts.Hemisphere) (*side, error) {
	vertices, err := place(h, s.cfg.Vertices)
	if err != nil {
		return nil, err
	}
	d := &side{vertices: vertices, weights: make([][]Term, len(vertices)), noise: make([]float64, len(vertices))}
	number := uint64(s.cfg.Subject)
	order := rng.New(s.cfg.Seed, "subject/defects/"+string(h), number).Perm(len(vertices))
	defects := min(len(vertices), max(2, int(math.Round(s.cfg.Defects*float64(len(vertices))))))
	if s.cfg.Defects < 0 {
		defects = 0
	}
	for k, i := range order[:defects] {
		// By turns, so that there is at least one of each.
		vertices[i].Dead, vertices[i].Null = k%2 == 0, k%2 == 1
	}
	n := len(s.features)
	parallel.For(len(vertices), func(i int) {
		v := &vertices[i]
		v.retinotopy(h)
		g := &regions[v.region]
		r := rng.New(s.cfg.Seed, "subject/ceiling/"+string(h), number, uint64(i))
		ceiling := g.low + (g.high-g.low)*r.Float64()
		terms := s.terms(h, i, v)
		if v.Dead || v.Null {
			return
		}
		// The variance of the signal over the training pictures; its mean is 0, as that of every feature is.
		sum := 0.0
		for p := range s.cfg.Training {
			x := dot(terms, s.values[algonauts.Training][p*n:(p+1)*n])
			sum += x * x
		}
		deviation := math.Sqrt(sum / float64(s.cfg.Training))
		if !(deviation > 1e-9) { // nothing in the pictures drives it
			v.Null = true
			return
		}
		for t := range terms {
			terms[t].Weight /= deviation
		}
		d.weights[i] = terms
		// NC = ncsnr^2 / (ncsnr^2 + 1/n)
		v.Ceiling = ceiling
		v.NCSNR = math.Sqrt(ceiling / (1 - ceiling) / float64(s.cfg.Repeats))
		d.noise[i] = 1 / v.NCSNR
	})
	return d, nil
}

func dot(terms []Term, z []float64) float64 {
	sum := 0.0
	for _, t := range terms {
		sum += t.Weight * z[t.Feature]
	}
	return sum
}
