package train

import (
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/pkg/method/encode"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// groundFactor are the pictures of figure against ground: a probe of them tells for every patch which it is.
const groundFactor = "ground"

const (
	// probeOffset makes of the seed of the questions that of the pictures that linear probes learn from.
	probeOffset = 1_000_003
	// groundRows is how many pictures the probe of figure and ground learns from: every patch of them is a row.
	groundRows = 150
	// mapGrid is how many places a side the feature map of a convolutional network has at least that is probed for figure and
	// ground: 8 at 64 pixels, 7 at 224.
	mapGrid = 7
)

// probeRows is how many pictures the probe of k classes learns from: fewer a class of many, so that a card is measured in a
// minute.
func probeRows(k int) int {
	if k <= 30 {
		return 100 * k
	}
	return 40 * k
}

// space names the pictures that a probe of the factor learns from: one probe of objects, of pictures in every style, is asked
// about all of them.
func space(factor string) string {
	for _, s := range []string{"object", "attack"} {
		if factor == s || strings.HasPrefix(factor, s+"-") {
			return "object"
		}
	}
	return factor
}

// probe is a linear probe and what it answers.
type probe struct {
	*encode.Probe
	classes []string
	rows    int
}

// probe tells what a linear probe makes of the first n pictures of e, or of every patch of them.
func (a *asker) probe(q Question, e *examples, n int) ([]int, error) {
	pr := a.probes[space(q.Factor)]
	if pr == nil {
		if err := fit(q, a); err != nil {
			return nil, err
		}
		pr = a.probes[space(q.Factor)]
	}
	x, rows, err := a.features(q, e, n)
	if err != nil {
		return nil, err
	}
	score, err := pr.Scores(x, rows)
	if err != nil {
		return nil, err
	}
	columns := []int{0, 1}
	if q.Factor != groundFactor {
		columns = columns[:0]
		for _, c := range e.classes {
			k := slices.Index(pr.classes, c)
			if k < 0 {
				return nil, fmt.Errorf("the probe of %s does not know %q", space(q.Factor), c)
			}
			columns = append(columns, k)
		}
	}
	return largest(score, pr.Classes, columns), nil
}

// fit learns the probe of a question's space for every asker, from the same pictures, none of which is in a question.
func fit(q Question, askers ...*asker) error {
	factor := space(q.Factor)
	train := Question{Measure: LinearProbe, Factor: factor, Split: "test", World: q.World}
	k, err := train.classes()
	if err != nil {
		return err
	}
	rows := probeRows(k)
	if factor == groundFactor {
		k, rows = 2, groundRows
	}
	e, err := train.draw(rows, askers[0].seed+probeOffset, askers[0].pre, nil)
	if err != nil {
		return err
	}
	for _, a := range askers {
		if a.probes[factor] != nil {
			continue
		}
		y := e.answer
		if factor == groundFactor {
			y = a.patches.figures(e.masks)
		}
		x, n, err := a.features(train, e, rows)
		if err != nil {
			return err
		}
		m, err := encode.FitProbe(x, y, n, len(x)/n, k)
		if err != nil {
			return err
		}
		a.probes[factor] = &probe{m, e.classes, rows}
	}
	return nil
}

// readAt is the site, with its reduction, that a probe of the question reads.
func (a *asker) readAt(q Question) string {
	if q.Factor == groundFactor {
		return a.patches.capture
	}
	return a.whole
}

// features are the rows of the first n pictures of e that a linear probe reads: one a picture, or one a patch where the
// question is figure or ground.
func (a *asker) features(q Question, e *examples, n int) (x []float64, rows int, err error) {
	at := a.readAt(q)
	if at == "" {
		return nil, 0, fmt.Errorf("no site of %s is known to probe for %s", a.config.Family(), q.Factor)
	}
	v, err := a.read(e.pictures, at, n)
	if err != nil {
		return nil, 0, err
	}
	x = make([]float64, len(v))
	if q.Factor != groundFactor {
		for i, f := range v {
			x[i] = float64(f)
		}
		return x, n, nil
	}
	places := a.patches.grid * a.patches.grid
	channels := len(v) / (n * places)
	for i := range n {
		of := v[i*places*channels : (i+1)*places*channels]
		to := x[i*places*channels:]
		for p := range places {
			for c := range channels {
				if a.patches.channelFirst {
					to[p*channels+c] = float64(of[c*places+p])
				} else {
					to[p*channels+c] = float64(of[p*channels+c])
				}
			}
		}
	}
	return x, n * places, nil
}

// patches is a site with one row a cell of the picture.
type patches struct {
	capture      string // "" if there is none
	grid         int    // cells a side
	channelFirst bool
}

// figures tells of every cell of every picture, row by row, whether the figure covers half of it or more.
func (p patches) figures(masks []*image.Gray) []int {
	var out []int
	for _, m := range masks {
		side := m.Rect.Dx() / p.grid
		for cell := range p.grid * p.grid {
			at := cell/p.grid*side*m.Stride + cell%p.grid*side
			sum := 0
			for y := range side {
				for _, v := range m.Pix[at+y*m.Stride : at+y*m.Stride+side] {
					sum += int(v)
				}
			}
			figure := 0
			if 2*sum >= 255*side*side {
				figure = 1
			}
			out = append(out, figure)
		}
	}
	return out
}

// readout is where a linear probe reads a network: one row a picture, and one a cell. A masked autoencoder's class token is
// trained for nothing: its patches are averaged. Of a convolutional network the cells are the places of its last feature map
// of 7x7 or more, before VGG's average, which may enlarge.
func readout(c models.Config, infos []site.Info, side int) (whole string, p patches) {
	switch c := c.(type) {
	case clip.Config:
		if !c.ResNet() {
			return "visual", patches{capture: "visual.transformer:tokens=1:", grid: side / c.Patch}
		}
		whole = "visual"
	case dinov2.Config:
		return "norm:class", patches{capture: fmt.Sprintf("norm:tokens=%d:", 1+c.Registers), grid: side / c.Patch}
	case mae.Config:
		return "norm:tokens=1:,mean", patches{capture: "norm:tokens=1:", grid: side / c.Patch}
	case vgg.Config:
		whole = "avgpool:mean"
	case nasnet.Config:
		whole = "global_pool"
	}
	for _, i := range infos {
		if slices.Equal(i.Axes, []site.Axis{site.Channel, site.Y, site.X}) && i.Shape[1] >= mapGrid && i.Shape[2] == i.Shape[1] && i.Name != "avgpool" {
			p = patches{capture: i.Name, grid: i.Shape[1], channelFirst: true}
		}
	}
	return whole, p
}
