package train

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// askBatch is how many pictures a network reads at a time.
const askBatch = 50

// asker answers questions about one network. It is compiled once: one program gives all that questions need of a picture.
type asker struct {
	be      *backend.Backend
	config  models.Config
	params  *program.Params
	heads   []Head
	pre     preprocess.Spec
	seed    uint64 // of the questions; linear probes learn from pictures of another one
	encoder *clip.Encoder

	input    []int
	captures []string // "SITE:REDUCTION", "" for the output; all are read at once
	whole    string   // where a linear probe reads one row a picture
	patches  patches  // and where one a patch
	program  *program.Program

	texts  map[string][]float64
	probes map[string]*probe
}

// newAsker prepares to ask network c with the weights of params whose names begin with prefix.
func newAsker(be *backend.Backend, c models.Config, params *program.Params, prefix string, heads []Head, pre preprocess.Spec, seed uint64) (*asker, error) {
	a := &asker{be: be, config: c, params: params, heads: heads, pre: pre, seed: seed}
	a.forget()
	net, err := c.Network(pre.Size, pre.Size)
	if err != nil {
		return nil, err
	}
	a.input = net.Input()
	infos, _, err := models.Trace(net)
	if err != nil {
		return nil, err
	}
	a.whole, a.patches = readout(c, infos, pre.Size)
	for _, s := range []string{a.whole, a.patches.capture} {
		if s != "" {
			a.captures = append(a.captures, s)
		}
	}
	bound, err := site.Plan{}.Capture(a.captures...).Check(infos)
	if err != nil {
		return nil, err
	}
	a.captures = append(a.captures, "")
	a.program, err = program.New(be, "questions", params, func(g *Graph, p *program.Params, in []*Node) []*Node {
		tr := bound.Attach(g, nil)
		if prefix != "" {
			p = p.Under(prefix)
		}
		out := net.Forward(p, in[0])
		return append(tr.Outputs(), out)
	})
	if err != nil {
		return nil, err
	}
	if cc, ok := c.(clip.Config); ok && cc.TextLayers > 0 {
		tok, err := tokenizerOf(cc)
		if err != nil {
			a.close()
			return nil, err
		}
		if a.encoder, err = clip.NewEncoder(be, cc, params, tok, askBatch); err != nil {
			a.close()
			return nil, err
		}
	}
	return a, nil
}

// forget drops what was computed with the weights as they were.
func (a *asker) forget() {
	a.texts, a.probes = map[string][]float64{}, map[string]*probe{}
}

func (a *asker) close() {
	a.program.Close()
	if a.encoder != nil {
		a.encoder.Close()
	}
}

// answer tells for the first n pictures of e, or for every patch of them, whether the network is right.
func (a *asker) answer(q Question, e *examples, n int) ([]bool, error) {
	var predicted []int
	want := e.answer[:n]
	var err error
	switch q.Measure {
	case ZeroShot:
		predicted, err = a.zeroShot(e, n)
	case Classify:
		predicted, err = a.classify(q, e, n)
	case LinearProbe:
		if q.Factor == groundFactor {
			want = a.patches.figures(e.masks[:n])
		}
		predicted, err = a.probe(q, e, n)
	default:
		err = fmt.Errorf("measure %q: want %s, %s or %s", q.Measure, ZeroShot, Classify, LinearProbe)
	}
	if err != nil {
		return nil, err
	}
	ok := make([]bool, len(want))
	for i, k := range predicted {
		ok[i] = k == want[i]
	}
	return ok, nil
}

// zeroShot gives the class with the most probable prompts: those of a class are averaged (Radford et al. 2021, section 3.1.4).
func (a *asker) zeroShot(e *examples, n int) ([]int, error) {
	if a.encoder == nil {
		return nil, fmt.Errorf("a network without text tower cannot be asked by prompts")
	}
	scale, err := a.encoder.LogitScale()
	if err != nil {
		return nil, err
	}
	d := a.encoder.Config.EmbedDim
	head := &clip.Head{Classes: e.classes, Scale: scale}
	for _, prompts := range e.prompts {
		mean := make([]float32, d)
		for _, text := range prompts {
			v := a.texts[text]
			if v == nil {
				if v, err = a.encoder.Texts([]string{text}); err != nil {
					return nil, err
				}
				a.texts[text] = v
			}
			for j, x := range v {
				mean[j] += float32(x / float64(len(prompts)))
			}
		}
		head.Vectors = append(head.Vectors, clip.Unit(mean, d)...)
	}
	v, err := a.read(e.pictures, "", n)
	if err != nil {
		return nil, err
	}
	return head.Predict(clip.Unit(v, d)), nil
}

// headOf is the head that answers a question of these classes and the first of its outputs: the one that the factor is named
// after ("object-line" after "object"), for names of objects and shapes are written words too; without one the first that
// has the classes ("attack", about objects); nil where none has.
func (a *asker) headOf(factor string, classes []string) (head *Head, first int) {
	at := 0
	for i, h := range a.heads {
		if !slices.ContainsFunc(classes, func(c string) bool { return !slices.Contains(h.Classes, c) }) {
			if strings.HasPrefix(factor, h.Name) {
				return &a.heads[i], at
			}
			if head == nil {
				head, first = &a.heads[i], at
			}
		}
		at += len(h.Classes)
	}
	return head, first
}

// classify takes the most probable class among those of the question, of the head that the factor is named after.
func (a *asker) classify(q Question, e *examples, n int) ([]int, error) {
	head, at := a.headOf(q.Factor, e.classes)
	if head == nil {
		return nil, fmt.Errorf("no head has the classes of %s", q.Factor)
	}
	all := 0
	for _, h := range a.heads {
		all += len(h.Classes)
	}
	logits, err := a.read(e.pictures, "", n)
	if err != nil {
		return nil, err
	}
	columns := make([]int, len(e.classes))
	for k, c := range e.classes {
		columns[k] = at + int(class(*head, c))
	}
	return largest(logits, all, columns), nil
}

// largest is for every row of v, width values each, which of the columns has the largest value, the first of equals.
func largest[T float32 | float64](v []T, width int, columns []int) []int {
	out := make([]int, len(v)/width)
	for i := range out {
		row := v[i*width : (i+1)*width]
		for k, c := range columns {
			if row[c] > row[columns[out[i]]] {
				out[i] = k
			}
		}
	}
	return out
}

// read gives the value of one of the captures for the first n pictures of e. What one question has read of the pictures is
// there for the next.
func (a *asker) read(e *pictures, capture string, n int) ([]float32, error) {
	if v, ok := e.values[a][capture]; ok && e.rows[a] >= n {
		return v[:len(v)/e.rows[a]*n], nil
	}
	if len(e.data) == 0 {
		return nil, fmt.Errorf("the pictures are gone")
	}
	got := map[string][]float32{}
	px := a.input[0] * a.input[1] * a.input[2]
	buf := make([]float32, askBatch*px)
	for i := 0; i < n; i += askBatch {
		k := min(askBatch, n-i)
		clear(buf)
		copy(buf, e.data[i*px:(i+k)*px])
		v, err := a.program.Run(program.F32(buf, append([]int{askBatch}, a.input...)...))
		if err != nil {
			return nil, err
		}
		for c, name := range a.captures {
			if name == a.patches.capture && e.masks == nil {
				continue // every patch of every picture is much to keep
			}
			got[name] = append(got[name], v[c].F32[:k*len(v[c].F32)/askBatch]...)
		}
	}
	e.values[a], e.rows[a] = got, n
	v, ok := got[capture]
	if !ok {
		return nil, fmt.Errorf("%q was not read", capture)
	}
	return v, nil
}
