package spatial

import (
	"fmt"
	"math"

	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/figure"
	"github.com/ventral-lab/ventral/pkg/method/ratemap"
)

// galleryFigures are the makers of the galleries of a result: the layer in which most units are tuned, as the document would
// show it and as it should be shown. (Figures has the whole series of GalleryFigure.)
func (s *Study) galleryFigures(r *Result) []func() (*figure.Figure, error) {
	l, ok := mostTuned(r.Layers)
	if !ok {
		return nil
	}
	makers := []func() (*figure.Figure, error){
		func() (*figure.Figure, error) { return s.DocumentGalleryFigure(l, galleryTop) },
		func() (*figure.Figure, error) { return s.ValidGalleryFigure(l, galleryTop) },
		func() (*figure.Figure, error) { return s.InformationFigure(r.Layers) },
	}
	return makers
}

// mostTuned is the layer with the largest mean variance by place.
func mostTuned(layers []Layer) (best Layer, ok bool) {
	most := math.Inf(-1)
	for _, l := range layers {
		sum := 0.0
		for _, u := range l.Units {
			if v := float64(u.Place); !math.IsNaN(v) {
				sum += v / float64(len(l.Units))
			}
		}
		if len(l.Units) > 0 && sum > most {
			best, most, ok = l, sum, true
		}
	}
	return best, ok
}

// galleryRow is the maps of the units with the highest scores of a layer, each with a title.
func galleryRow(l Layer, score []float64, top int, title func(u int, m []float64) string) []figure.Map {
	var row []figure.Map
	for _, u := range ratemap.Top(score, top) {
		m := l.Map(u)
		row = append(row, figure.Map{Values: m, Cols: l.Bins, Title: title(u, m)})
	}
	return row
}

// DocumentGalleryFigure is the document's main figure for one layer: the units with the highest spatial information of signed
// activations, grid score and border score, as it ranks them, and nothing that says which of them chance would give.
func (s *Study) DocumentGalleryFigure(l Layer, top int) (*figure.Figure, error) {
	return s.documentGallery(l, top, fmt.Sprintf("document_gallery_block%d", l.Block))
}

func (s *Study) documentGallery(l Layer, top int, name string) (*figure.Figure, error) {
	o := figure.HeatmapsOptions{Meta: s.meta(name, fmt.Sprintf("%s, block %d, as the document ranks", s.Model.Name, l.Block),
		fmt.Sprintf("The document's ranking of the units of %s: highest spatial information of signed activations, which divides by their mean, grid score and border score; above each map score, minimum and maximum. Maps of information have values of both signs: the score is large where the mean is nearly 0.", l.Site), source)}
	for _, sc := range []struct{ name, label string }{{"info_raw", "spatial information"}, {"grid", "grid score"}, {"border", "border score"}} {
		v, err := l.Score(sc.name)
		if err != nil {
			return nil, err
		}
		o.Maps = append(o.Maps, galleryRow(l, v, top, func(u int, m []float64) string { return figure.MapTitle(fmt.Sprintf("unit %d", u), v[u], m) }))
		o.RowLabels = append(o.RowLabels, sc.label)
	}
	return figure.Heatmaps(o)
}

// surrogateMaps is how many surrogates of a map ValidGalleryFigure draws, to show the one with the highest grid score.
const surrogateMaps = 19

// ValidGalleryFigure is its honest counterpart: units by the variance that place explains and by the information of rates,
// with q values, and under the units with the highest grid scores the best of 19 surrogates of each, as smooth as it and
// without a lattice.
func (s *Study) ValidGalleryFigure(l Layer, top int) (*figure.Figure, error) {
	o := figure.HeatmapsOptions{Meta: s.meta(fmt.Sprintf("valid_gallery_block%d", l.Block), fmt.Sprintf("%s, block %d, with chance", s.Model.Name, l.Block),
		fmt.Sprintf("Units of %s with the highest variance by place (η² less its mean under permuted places) and information of rates (bits a stimulus), each with its q over all units of all blocks, and with the highest grid scores; below those, of %d surrogate maps of each, as smooth and as large but isotropic by construction, the one with the highest grid score. Where a surrogate scores as high, the lattice is not one.", l.Site, surrogateMaps), source)}
	for _, sc := range []struct {
		name, label string
		q           func(Unit) Float
	}{{"place", "variance by place", func(u Unit) Float { return u.Q }}, {"info", "information of rates", func(u Unit) Float { return u.QInfo }}} {
		v, err := l.Score(sc.name)
		if err != nil {
			return nil, err
		}
		o.Maps = append(o.Maps, galleryRow(l, v, top, func(u int, _ []float64) string {
			return fmt.Sprintf("unit %d\n%.2g, q = %.2g", u, v[u], float64(sc.q(l.Units[u])))
		}))
		o.RowLabels = append(o.RowLabels, sc.label)
	}
	grid, err := l.Score("grid")
	if err != nil {
		return nil, err
	}
	o.Maps = append(o.Maps, galleryRow(l, grid, top, func(u int, _ []float64) string { return fmt.Sprintf("unit %d\n%.2f", u, grid[u]) }))
	o.RowLabels = append(o.RowLabels, "grid score", "its best surrogate")
	var row []figure.Map
	for _, u := range ratemap.Top(grid, top) {
		m, score, err := s.bestSurrogate(l, u)
		if err != nil {
			return nil, err
		}
		row = append(row, figure.Map{Values: m, Cols: l.Bins, Title: fmt.Sprintf("of %d\n%.2f", u, score)})
	}
	o.Maps = append(o.Maps, row)
	return figure.Heatmaps(o)
}

// bestSurrogate is the surrogate of a unit's map with the highest grid score.
func (s *Study) bestSurrogate(l Layer, u int) (values []float64, score float64, err error) {
	m, err := ratemap.NewMap(l.Bins, l.Bins, l.Map(u), nil)
	if err != nil {
		return nil, 0, err
	}
	m = m.Smooth(smoothBins)
	score = math.NaN()
	for k := range surrogateMaps {
		x, err := ratemap.SurrogateOf(m, ratemap.IsotropicField, rng.New(s.Options.Seed, "spatial/gallery", uint64(l.Block), uint64(u), uint64(k)).Uint64(), "spatial/gallery")
		if err != nil {
			return nil, 0, err
		}
		if g := ratemap.GridScore(x).Score; values == nil || g > score || math.IsNaN(score) {
			values, score = x.Rate, g
		}
	}
	return values, score, nil
}

// InformationFigure shows what the document's information ranks by: against how near a unit's mean is to 0, and against the
// variance that place explains.
func (s *Study) InformationFigure(layers []Layer) (*figure.Figure, error) {
	var level, place, raw, valid []float64
	for _, l := range layers {
		for _, u := range l.Units {
			i, v := float64(u.InfoRaw), float64(u.Info)
			m, p := math.Abs(float64(u.Mean))/float64(u.SD), float64(u.Place)
			if !(i > 0) || !(m > 0) || math.IsInf(m, 0) || math.IsInf(i, 0) || math.IsNaN(p) {
				continue
			}
			level, place, raw = append(level, m), append(place, p), append(raw, i)
			valid = append(valid, v)
		}
	}
	if len(raw) == 0 {
		return nil, fmt.Errorf("spatial: no unit has an information to show")
	}
	panel := func(name, title string, x, y []float64, xl, yl figure.Axis) (*figure.Figure, error) {
		return figure.Scatter(figure.ScatterOptions{Meta: figure.Meta{Name: name, Title: title}, X: xl, Y: yl, Legend: figure.LegendNone,
			Points: []figure.PointSet{{Name: "unit", X: x, Y: y, Radius: .9, Alpha: .5}}})
	}
	bits := figure.Axis{Label: "information, signed (bits)", Log: true}
	a, err := panel("mean", "what it ranks", level, raw, figure.Axis{Label: "|mean| / SD", Log: true}, bits)
	if err != nil {
		return nil, err
	}
	b, err := panel("place", "what it should rank", place, raw, figure.Axis{Label: "variance by place"}, bits)
	if err != nil {
		return nil, err
	}
	c, err := panel("valid", "information of rates", place, valid, figure.Axis{Label: "variance by place"}, figure.Axis{Label: "information (bits a stimulus)"})
	if err != nil {
		return nil, err
	}
	return figure.Compose(figure.ComposeOptions{Meta: s.meta("information", "",
		fmt.Sprintf("Spatial information of the %d units that have one. (a) The document's, of signed activations, goes with how near the unit's mean is to 0. (b) The same against the variance that place explains. (c) Information of rates, relative to a blank picture and rectified before binning.", len(raw)), source),
		Rows: [][]*figure.Figure{{a, b, c}}, Weights: [][]float64{{1, 1, 1}}})
}

// Frames are the figures of a slider, one a label.
type Frames struct {
	Labels  []string
	Figures []*figure.Figure
}

// GalleryFrames are DocumentGalleryFigure for every layer, for the document's slider; name keeps the files of one network
// from those of another.
func (s *Study) GalleryFrames(name string, layers []Layer) (Frames, error) {
	var f Frames
	for _, l := range layers {
		g, err := s.documentGallery(l, galleryTop, fmt.Sprintf("gallery_%s_block%d", name, l.Block))
		if err != nil {
			return f, err
		}
		f.Labels, f.Figures = append(f.Labels, fmt.Sprintf("block %d", l.Block)), append(f.Figures, g)
	}
	return f, nil
}

// Galleries are DocumentGalleryFigure, ValidGalleryFigure and InformationFigure of the layer that knows the place best.
func (s *Study) Galleries(layers []Layer) ([]*figure.Figure, error) {
	return made(s.galleryFigures(&Result{Layers: layers}))
}

// Distributions are DistributionFigure of every test of a unit's map that has scores.
func (s *Study) Distributions(c *UnitComparison) ([]*figure.Figure, error) {
	return made(s.outlookFigures(&Result{Units: c}))
}

// made calls makers of figures in turn.
func made(makers []func() (*figure.Figure, error)) ([]*figure.Figure, error) {
	var out []*figure.Figure
	for _, m := range makers {
		f, err := m()
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}
