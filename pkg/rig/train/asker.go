package train

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/mae"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/pkg/method/encode"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// groundFactor are the pictures of figure against ground: a probe of them tells for every patch which it is.
const groundFactor = "ground"

const (
	askBatch = 50
	// probeSeed draws the pictures that linear probes learn from, other ones than any question's.
	probeSeed = 1_000_003
	// probeRows is how many of them there are: enough for some twenty of each of the world's objects.
	probeRows = 2500
	// groundRows is the same for figure and ground, where every patch is a row.
	groundRows = 150
)

// asker answers questions about one network.
type asker struct {
	be      *backend.Backend
	config  models.Config
	params  *program.Params
	heads   []Head
	pre     preprocess.Spec
	encoder *clip.Encoder
}

func newAsker(be *backend.Backend, c models.Config, params *program.Params, heads []Head, pre preprocess.Spec) (*asker, error) {
	a := &asker{be: be, config: c, params: params, heads: heads, pre: pre}
	if cc, ok := c.(clip.Config); ok && cc.TextLayers > 0 {
		tok, err := tokenizerOf(cc)
		if err != nil {
			return nil, err
		}
		if a.encoder, err = clip.NewEncoder(be, cc, params, tok, askBatch); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *asker) close() {
	if a.encoder != nil {
		a.encoder.Close()
	}
}

// answer tells for every picture of e, or for every patch of them, whether the network is right.
func (a *asker) answer(q Question, e *examples) ([]bool, error) {
	switch q.Measure {
	case ZeroShot:
		if a.encoder == nil {
			return nil, fmt.Errorf("a network without text tower cannot be asked by prompts")
		}
		return e.zeroShot(a.encoder)
	case Classify:
		return a.classify(q, e)
	case LinearProbe:
		return a.probe(q, e)
	}
	return nil, fmt.Errorf("measure %q: want %s, %s or %s", q.Measure, ZeroShot, Classify, LinearProbe)
}

// classify takes the most probable class among those of the question, of the head that has them.
func (a *asker) classify(q Question, e *examples) ([]bool, error) {
	at, all := 0, 0
	var head *Head
	for i, h := range a.heads {
		if head == nil && !slices.ContainsFunc(e.classes, func(c string) bool { return !slices.Contains(h.Classes, c) }) {
			head, at = &a.heads[i], all
		}
		all += len(h.Classes)
	}
	if head == nil {
		return nil, fmt.Errorf("no head has the classes of %s", q.Factor)
	}
	logits, err := a.read("", e.pictures, len(e.answer))
	if err != nil {
		return nil, err
	}
	predicted := make([]int, len(e.answer))
	for i := range predicted {
		row := logits[i*all+at : i*all+at+len(head.Classes)]
		best := 0
		for k, c := range e.classes {
			if row[class(*head, c)] > row[class(*head, e.classes[best])] {
				best = k
			}
		}
		predicted[i] = best
	}
	return e.right(predicted), nil
}

// probe learns a linear probe on other pictures of the same question and tells where it is right on those of e.
func (a *asker) probe(q Question, e *examples) ([]bool, error) {
	whole, patches := readout(a.config)
	at, rows := whole, probeRows
	if q.Factor == groundFactor {
		at, rows = patches, groundRows
	}
	if at == "" {
		return nil, fmt.Errorf("%s has no patch tokens to probe", a.config.Family())
	}
	train, err := Question{Measure: q.Measure, Factor: q.Factor, Split: "test", World: q.World}.draw(rows, probeSeed, a.pre)
	if err != nil {
		return nil, err
	}
	x, y, err := a.rows(q, train, at)
	if err != nil {
		return nil, err
	}
	k := len(e.classes)
	if q.Factor == groundFactor {
		k = 2
	}
	pr, err := encode.FitProbe(x, y, len(y), len(x)/len(y), k)
	if err != nil {
		return nil, err
	}
	x, y, err = a.rows(q, e, at)
	if err != nil {
		return nil, err
	}
	got, err := pr.Classify(x, len(y))
	if err != nil {
		return nil, err
	}
	ok := make([]bool, len(y))
	for i := range y {
		ok[i] = got[i] == y[i]
	}
	return ok, nil
}

// rows are the features of examples and their classes: one row a picture, or one a patch where the question is figure or
// ground.
func (a *asker) rows(q Question, e *examples, at string) (x []float64, y []int, err error) {
	n := len(e.answer)
	v, err := a.read(at, e.pictures, n)
	if err != nil {
		return nil, nil, err
	}
	x = make([]float64, len(v))
	for i, f := range v {
		x[i] = float64(f)
	}
	if q.Factor != groundFactor {
		return x, e.answer, nil
	}
	for i := range n {
		s, err := e.set.At(i)
		if err != nil {
			return nil, nil, err
		}
		figure := s.Masks["figure"]
		if figure == nil {
			return nil, nil, fmt.Errorf("%s has no mask of figures", s.ID)
		}
		p := patchSize(a.config)
		side := figure.Rect.Dx() / p
		for gy := range side {
			for gx := range side {
				sum := 0
				for yy := range p {
					for xx := range p {
						sum += int(figure.Pix[(gy*p+yy)*figure.Stride+gx*p+xx])
					}
				}
				c := 0
				if 2*sum >= 255*p*p {
					c = 1
				}
				y = append(y, c)
			}
		}
	}
	return x, y, nil
}

// read gives the value of a site, "SITE:REDUCTION", or the network's output for "", of n pictures.
func (a *asker) read(capture string, pictures []float32, n int) ([]float32, error) {
	net, err := a.config.Network(a.pre.Size, a.pre.Size)
	if err != nil {
		return nil, err
	}
	infos, _, err := models.Trace(net)
	if err != nil {
		return nil, err
	}
	plan := site.Plan{}
	if capture != "" {
		plan = plan.Capture(capture)
	}
	bound, err := plan.Check(infos)
	if err != nil {
		return nil, err
	}
	p, err := program.New(a.be, "read", a.params, func(g *Graph, p *program.Params, in []*Node) []*Node {
		tr := bound.Attach(g, nil)
		out := net.Forward(p, in[0])
		if capture != "" {
			out = tr.Outputs()[0]
		}
		return []*Node{out}
	})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	in := net.Input()
	px := in[0] * in[1] * in[2]
	buf := make([]float32, askBatch*px)
	var out []float32
	for i := 0; i < n; i += askBatch {
		k := min(askBatch, n-i)
		clear(buf)
		copy(buf, pictures[i*px:(i+k)*px])
		v, err := p.Run(program.F32(buf, append([]int{askBatch}, in...)...))
		if err != nil {
			return nil, err
		}
		out = append(out, v[0].F32[:k*len(v[0].F32)/askBatch]...)
	}
	return out, nil
}

// readout is where a linear probe reads a network: one row a picture, and one a patch ("" without patch tokens). A masked
// autoencoder's class token is trained for nothing: its patches are averaged.
func readout(c models.Config) (whole, patches string) {
	switch c := c.(type) {
	case clip.Config:
		if c.Layers == 0 {
			return "visual", ""
		}
		return "visual", "visual.transformer:tokens=1:"
	case dinov2.Config:
		return "norm:class", fmt.Sprintf("norm:tokens=%d:", 1+c.Registers)
	case mae.Config:
		return "norm:tokens=1:,mean", "norm:tokens=1:"
	case vgg.Config:
		return "avgpool:mean", ""
	case nasnet.Config:
		return "global_pool", ""
	}
	return "", ""
}

func patchSize(c models.Config) int {
	switch c := c.(type) {
	case clip.Config:
		return c.Patch
	case dinov2.Config:
		return c.Patch
	case mae.Config:
		return c.Patch
	}
	return 0
}
