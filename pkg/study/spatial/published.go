package spatial

import (
	"fmt"
	"math"

	"github.com/ventral-lab/ventral/pkg/figure"
)

// source is where the published numbers come from: the values behind the document's figures, for OpenAI's ViT-B/32.
const source = "M. Frey, Exploring spatial representations in visual foundation models (2023)"

// published tells whether the document's numbers are of this model, so that they can be drawn beside ours.
func (s *Study) published() bool { return s.Model.Name == "openai/clip-vit-b-32" }

// publishedZeroShot are the boxes of the document's logits figure.
var publishedZeroShot = []figure.Summary{
	{Group: "shape only", Hue: "circle", Low: .770, Q1: .863, Median: .904, Q3: .926, High: .967},
	{Group: "shape only", Hue: "square", Low: .012, Q1: .032, Median: .042, Q3: .058, High: .098},
	{Group: "shape only", Hue: "triangle", Low: .017, Q1: .036, Median: .052, Q3: .082, High: .150},
	{Group: "+ empty", Hue: "circle", Low: .003, Q1: .042, Median: .079, Q3: .126, High: .248},
	{Group: "+ empty", Hue: "empty", Low: .731, Q1: .863, Median: .913, Q3: .951, High: .994},
	{Group: "+ colour", Hue: "circle", Low: .346, Q1: .665, Median: .816, Q3: .878, High: .947},
	{Group: "+ colour", Hue: "square", Low: .011, Q1: .043, Median: .052, Q3: .063, High: .096},
	{Group: "+ colour", Hue: "triangle", Low: 0, Q1: .0017, Median: .0027, Q3: .0042, High: .0062},
	{Group: "+ colour", Hue: "empty", Low: .022, Q1: .070, Median: .125, Q3: .257, High: .538},
}

// Mean probability of "a black circle" for every lesioned module of the document's figure 3: rows are blocks, columns
// attn, attn.out_proj, ln_1, mlp.c_fc, mlp.c_proj, ln_2 (Frey 2023, lesioned_logits). conv1 .020, ln_pre .173,
// token_embedding .500; intact .7739.
var publishedVisual = [12][6]float64{
	{.602, .602, .694, .365, .624, .223}, {.535, .535, .671, .091, .382, .661}, {.621, .621, .724, .606, .529, .769},
	{.394, .394, .631, .588, .555, .545}, {.352, .352, .352, .731, .656, .850}, {.658, .658, .811, .773, .700, .335},
	{.706, .706, .783, .193, .361, .179}, {.449, .449, .557, .261, .435, .149}, {.671, .671, .658, .348, .523, .525},
	{.686, .686, .465, .169, .047, .112}, {.857, .857, .789, .780, .893, .690}, {.166, .166, .225, .957, .932, .713},
}

var publishedText = [12][6]float64{
	{.249, .249, .497, .299, .379, .718}, {.704, .704, .825, .740, .420, .626}, {.883, .883, .827, .759, .834, .879},
	{.887, .887, .891, .855, .511, .720}, {.862, .862, .806, .942, .670, .859}, {.732, .732, .693, .975, .849, .948},
	{.766, .766, .802, .753, .818, .938}, {.696, .696, .751, .865, .665, .649}, {.814, .814, .809, .814, .571, .701},
	{.930, .930, .935, .802, .786, .712}, {.595, .595, .692, .837, .836, .850}, {.688, .688, .765, .799, .795, .814},
}

func publishedLesions() map[string]float64 {
	m := map[string]float64{"visual.conv1": .020, "visual.ln_pre": .173, "token_embedding": .500}
	for l := range 12 {
		for k, kind := range blockModules {
			m[fmt.Sprintf("visual.transformer.resblocks.%d.%s", l, kind)] = publishedVisual[l][k]
			m[fmt.Sprintf("transformer.resblocks.%d.%s", l, kind)] = publishedText[l][k]
		}
	}
	return m
}

// publishedTargeted are the three curves of the document's figure 4, shares 0 to 1 in steps of .025.
func publishedTargeted() []figure.Published {
	curves := []struct {
		name string
		y    []float64
	}{
		{Random, []float64{.7808, .7725, .7617, .7505, .7422, .7310, .7197, .7051, .6938, .6797, .6670, .6509, .6353, .6187, .6001, .5815, .5615, .5396, .5249, .4944, .4678, .4456, .4229, .3906, .3650, .3379, .3105, .2847, .2581, .2285, .2096, .1805, .1571, .1356, .1105, .0923, .0787, .0681, .0585, .0523, .0460}},
		{Targeted, []float64{.7808, .7622, .7080, .6709, .6421, .6294, .6240, .6250, .6250, .6230, .6187, .6108, .6001, .5869, .5747, .5640, .5562, .5498, .5400, .5317, .5234, .5146, .5039, .4934, .4761, .4521, .4321, .4058, .3760, .3540, .3210, .2886, .2610, .2317, .2096, .1835, .1604, .1505, .1504, .1295, .0460}},
		{Absolute, []float64{.7808, .8096, .7832, .7427, .7109, .6997, .6895, .6807, .6685, .6504, .6304, .6040, .5771, .5527, .5264, .5039, .4766, .4502, .4199, .3867, .3530, .3145, .2803, .2588, .2264, .1935, .1654, .1455, .1226, .1084, .0945, .0856, .0753, .0681, .0645, .0588, .0551, .0526, .0502, .0475, .0460}},
	}
	var out []figure.Published
	for _, c := range curves {
		p := figure.Published{Name: c.name, Y: c.y, Source: source}
		for i := range c.y {
			p.X = append(p.X, math.Round(float64(i)*25)/1000)
		}
		out = append(out, p)
	}
	return out
}
