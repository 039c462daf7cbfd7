package train

import (
	"math"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/ops"
	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/dinov2"
	"github.com/ventral-lab/ventral/models/initial"
)

// Distilled is self-distillation without labels (DINO, Caron et al. 2021): a student learns to give, for any crop of a
// picture, the distribution over prototypes that a teacher gives for another, larger crop of it. The teacher is the
// running mean of the student, and its outputs are centred and sharpened so that they neither collapse to one prototype
// nor to all.
type Distilled struct {
	Config     dinov2.Config
	Data       string
	Crops      Crops
	Hidden     int // of the head's two hidden layers
	Bottleneck int // channels before the prototypes
	Prototypes int

	StudentTemperature float64
	TeacherTemperature float64 // reached after TemperatureWarmup steps, from FirstTemperature
	FirstTemperature   float64
	TemperatureWarmup  int
	Momentum           float64 // of the teacher at the start; it rises to 1 along a cosine
	Steps              int
	CentreMomentum     float64

	Train Pictures `json:"-"`
}

const (
	teacherPrefix = "teacher/"
	headPrefix    = "dino_head."
	centreName    = "dino_centre"
	meanName      = "dino_mean"    // running mean of the teacher's distributions
	entropyName   = "dino_entropy" // running mean of their entropies, nats
)

// measureMomentum averages what Measures tells over some twenty steps.
const measureMomentum = 0.95

// headShapes are the weights of the projection head, as in DINO's DINOHead: three layers, then prototypes on the sphere.
func (d Distilled) headShapes() map[string][]int {
	return map[string][]int{
		headPrefix + "mlp.0.weight": {d.Hidden, d.Config.Width}, headPrefix + "mlp.0.bias": {d.Hidden},
		headPrefix + "mlp.2.weight": {d.Hidden, d.Hidden}, headPrefix + "mlp.2.bias": {d.Hidden},
		headPrefix + "mlp.4.weight": {d.Bottleneck, d.Hidden}, headPrefix + "mlp.4.bias": {d.Bottleneck},
		headPrefix + "last_layer.weight": {d.Prototypes, d.Bottleneck},
	}
}

// Start draws the student's weights and gives the teacher the same.
func (d Distilled) Start(seed uint64) (*program.Params, error) {
	p, err := models.Random(d.Config, seed)
	if err != nil {
		return nil, err
	}
	head, err := initial.Draw("dino-head", seed, d.headShapes(), func(name string, dims []int) initial.Law {
		if strings.HasSuffix(name, ".bias") {
			return initial.Law{}
		}
		return initial.Law{Normal: 0.02}
	})
	if err != nil {
		return nil, err
	}
	defer head.Close()
	for _, from := range []*program.Params{p, head} {
		for _, name := range append([]string(nil), from.Names()...) {
			data, dims, err := from.Get(name)
			if err != nil {
				return nil, err
			}
			if from == head {
				if err := p.Set(name, data, dims...); err != nil {
					return nil, err
				}
			}
			if err := p.Set(teacherPrefix+name, data, dims...); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range []string{centreName, meanName} {
		if err := p.Set(name, make([]float32, d.Prototypes), d.Prototypes); err != nil {
			return nil, err
		}
	}
	return p, p.Set(entropyName, make([]float32, 1), 1)
}

// Measures tell the two ways of collapsing, which the loss does not (Caron et al. 2021, section 5.3): "spread", the entropy
// of the mean of the teacher's distributions, falls to 0 where all pictures go to one prototype; "width", the mean of their
// entropies, rises to 1 where every picture goes to all. Both are shares of the largest there is, ln(prototypes); they are
// running means of some twenty steps.
func (d Distilled) Measures(p *program.Params) (map[string]float64, error) {
	mean, _, err := p.Get(meanName)
	if err != nil {
		return nil, err
	}
	width, _, err := p.Get(entropyName)
	if err != nil {
		return nil, err
	}
	sum, entropy := 0.0, 0.0
	for _, v := range mean {
		sum += float64(v)
	}
	if sum == 0 { // before the first step
		return nil, nil
	}
	for _, v := range mean {
		if q := float64(v) / sum; q > 0 {
			entropy -= q * math.Log(q)
		}
	}
	largest := math.Log(float64(d.Prototypes))
	return map[string]float64{"spread": entropy / largest, "width": float64(width[0]) / sum / largest}, nil
}

// Moved is true of the student's weights.
func (d Distilled) Moved(name string) bool {
	return !strings.HasPrefix(name, teacherPrefix) && name != centreName && name != meanName && name != entropyName
}

// After does nothing: the teacher follows in the graph.
func (d Distilled) After(*program.Params) error { return nil }

// Batch draws pictures k·n to (k+1)·n: global crops [Global·n, 3, size, size], crop by crop, local ones likewise, and the
// step's teacher temperature and momentum.
func (d Distilled) Batch(seed uint64, k, n int) ([]program.Value, error) {
	size := d.Config.ImageSize
	g, l := d.Crops.GlobalSize, d.Crops.LocalSize
	global := make([]float32, d.Crops.Global*n*3*g*g)
	local := make([]float32, d.Crops.Local*n*3*l*l)
	err := drawEach(k, n, 3*size*size, func(j, i int, rgb []uint8) error {
		if _, err := d.Train.Draw(i, rgb); err != nil {
			return err
		}
		for c := range d.Crops.Global {
			at := (c*n + j) * 3 * g * g
			d.Crops.apply(global[at:at+3*g*g], rgb, size, g, d.Crops.GlobalScale, seed, uint64(i), uint64(c))
		}
		for c := range d.Crops.Local {
			at := (c*n + j) * 3 * l * l
			d.Crops.apply(local[at:at+3*l*l], rgb, size, l, d.Crops.LocalScale, seed, uint64(i), uint64(d.Crops.Global+c))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	temperature := d.TeacherTemperature
	if k < d.TemperatureWarmup {
		temperature = d.FirstTemperature + (d.TeacherTemperature-d.FirstTemperature)*float64(k)/float64(d.TemperatureWarmup)
	}
	momentum := 1 - (1-d.Momentum)*(1+math.Cos(math.Pi*float64(k)/float64(d.Steps)))/2
	return []program.Value{program.F32(global, d.Crops.Global*n, 3, g, g), program.F32(local, d.Crops.Local*n, 3, l, l),
		program.F32([]float32{float32(temperature), float32(momentum)}, 2)}, nil
}

// Loss is the mean cross-entropy of the student's distribution for a crop against the teacher's for another, over all
// pairs of a global and any other crop (Caron et al. 2021, equation 3).
func (d Distilled) Loss(p *program.Params, in []*Node) *Node {
	global, local := in[0], in[1]
	at := func(i int) *Node { return Reshape(Slice(in[2], AxisElem(i))) }
	temperature, momentum := at(0), at(1)
	g := global.Graph()

	teacher := d.scores(p.Under(teacherPrefix), global)
	centre := p.Node(g, centreName, d.Prototypes)
	wide := func(v *Node) *Node { return BroadcastToShape(v, teacher.Shape()) }
	target := StopGradient(Softmax(Div(Sub(teacher, wide(Reshape(centre, 1, d.Prototypes))), wide(temperature)), -1))
	p.Update(centreName, StopGradient(Add(MulScalar(centre, d.CentreMomentum), MulScalar(ReduceMean(teacher, 0), 1-d.CentreMomentum))))

	ema := func(name string, v *Node) {
		was := p.Node(g, name, v.Shape().Dimensions...)
		p.Update(name, StopGradient(Add(MulScalar(was, measureMomentum), MulScalar(v, 1-measureMomentum))))
	}
	ema(meanName, ReduceMean(target, 0))
	ema(entropyName, Reshape(DivScalar(Neg(ops.SumAll(Mul(target, Log(AddScalar(target, 1e-12))))), float64(target.Shape().Dimensions[0])), 1))

	student := LogSoftmax(DivScalar(d.scores(p, global), d.StudentTemperature), -1)
	crops := d.Crops.Global
	if d.Crops.Local > 0 {
		student = Concatenate([]*Node{student, LogSoftmax(DivScalar(d.scores(p, local), d.StudentTemperature), -1)}, 0)
		crops += d.Crops.Local
	}
	n := global.Shape().Dimensions[0] / d.Crops.Global
	loss := ScalarZero(g, global.DType())
	pairs := 0
	for t := range d.Crops.Global {
		for s := range crops {
			if s == t {
				continue
			}
			part := func(v *Node, i int) *Node { return Slice(v, AxisRange(i*n, (i+1)*n)) }
			loss = Sub(loss, DivScalar(ops.SumAll(Mul(part(target, t), part(student, s))), float64(n)))
			pairs++
		}
	}
	d.follow(p, g, momentum)
	return DivScalar(loss, float64(pairs))
}

// scores are the cosines of a crop's projection with every prototype, [crops, prototypes].
func (d Distilled) scores(p *program.Params, x *Node) *Node {
	g := x.Graph()
	v := d.Config.Features(p, x, nil)
	b := v.Shape().Dimensions[0]
	v = Reshape(Slice(v, AxisRange(), AxisElem(0)), b, d.Config.Width)
	linear := func(v *Node, name string, out int) *Node {
		in := v.Shape().Dimensions[1]
		return ops.Dense(v, p.Node(g, headPrefix+name+".weight", out, in), p.Node(g, headPrefix+name+".bias", out))
	}
	v = ops.GELU(linear(v, "mlp.0", d.Hidden))
	v = ops.GELU(linear(v, "mlp.2", d.Hidden))
	v = ops.Unit(linear(v, "mlp.4", d.Bottleneck))
	return ops.Dense(v, ops.Unit(p.Node(g, headPrefix+"last_layer.weight", d.Prototypes, d.Bottleneck)), nil)
}

// follow moves every weight of the teacher towards the student's as it was before this step.
func (d Distilled) follow(p *program.Params, g *Graph, momentum *Node) {
	for _, name := range p.Names() { // in a fixed order: the same graph, the same bits
		dims := p.Shapes()[name]
		student, ok := strings.CutPrefix(name, teacherPrefix)
		if !ok {
			continue
		}
		t, s := p.Node(g, name, dims...), p.Node(g, student, dims...)
		m := BroadcastToShape(momentum, t.Shape())
		p.Update(name, StopGradient(Add(Mul(t, m), Mul(s, OneMinus(m)))))
	}
}
