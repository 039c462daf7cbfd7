package spatial

import (
	"fmt"
	"math"
	"strings"

	"github.com/ventral-lab/ventral/pkg/method/ratemap"
	"github.com/ventral-lab/ventral/pkg/method/stats"
)

// Verdict is what the study's model says of one claim of the document.
type Verdict struct {
	Claim    string     `json:"claim"`
	Document string     `json:"document"` // what the document shows, of OpenAI's ViT-B/32: published numbers
	Source   string     `json:"source"`   // of those
	Word     string     `json:"verdict"`  // by Rule from Evidence: one of the words below
	Rule     string     `json:"rule"`
	Evidence []Evidence `json:"evidence"`
	Needs    string     `json:"needs"`   // the command that shows it on OpenAI's ViT-B/32
	Weights  string     `json:"weights"` // and what it wants: B32Weights
}

// Evidence is one number behind a verdict. Low and High are NaN for a number without an interval.
type Evidence struct {
	What  string   `json:"what"`
	Value Estimate `json:"value"`
}

// String is the evidence as a table prints it.
func (e Evidence) String() string {
	if math.IsNaN(float64(e.Value.Low)) {
		return fmt.Sprintf("%s %.3g", e.What, float64(e.Value.Mean))
	}
	return e.What + " " + e.Value.String()
}

// The words of verdicts.
const (
	Holds        = "holds"
	Partly       = "holds in part"
	NotShown     = "not shown"    // the interval includes what it would have to exclude
	Contradicted = "contradicted" // the interval is on the other side
	NotMeasured  = "not measured"
)

// B32Weights is what the commands of Verdict.Needs want.
const B32Weights = "open_clip_model.safetensors of timm/vit_base_patch32_clip_224.openai (605 MB), which `ventral models fetch openai/clip-vit-b-32` fetches"

// spatialOnB32 is the command for most rows.
const spatialOnB32 = "`ventral study spatial --model openai/clip-vit-b-32`"

// decide holds an interval against a bound: above it the claim holds, below it is contradicted.
func decide(v Estimate, bound float64) string {
	low, high := float64(v.Low), float64(v.High)
	switch {
	case math.IsNaN(low) || math.IsNaN(high):
		return NotMeasured
	case low > bound:
		return Holds
	case high < bound:
		return Contradicted
	}
	return NotShown
}

// exists is decide for the claim that there is something: a share that is not above chance does not show that there is nothing.
func exists(v Estimate, bound float64) string {
	if w := decide(v, bound); w != Contradicted {
		return w
	}
	return NotShown
}

// only is a number without an interval.
func only(v float64) Estimate {
	nan := Float(math.NaN())
	return Estimate{Float(v), nan, nan}
}

// Verdicts holds the document's claims against a result. Every number is taken from the result, and every word follows from
// them by the row's rule; parts of the result that are missing leave their rows not measured.
func Verdicts(r *Result) []Verdict {
	rows := []func(*Result) Verdict{verdictInformation, verdictGrid, verdictBorder, verdictUntrained, verdictClipped, verdictCircles,
		verdictModules, verdictTargeted, verdictLocation, verdictTraining}
	var out []Verdict
	for _, row := range rows {
		v := row(r)
		v.Source, v.Weights = source, B32Weights
		if v.Word == "" {
			v.Word = NotMeasured
		}
		if v.Needs == "" {
			v.Needs = spatialOnB32
		}
		out = append(out, v)
	}
	return out
}

// galleryTop is how many units of a layer the document's gallery shows for each score.
const galleryTop = 5

func verdictInformation(r *Result) Verdict {
	v := Verdict{Claim: "Spatial information ranks units that know the place",
		Document: "published: the five units of each layer with the most information of their signed maps, up to 15945 bits; in 239 of 240 of their maps values of both signs, so a mean near 0",
		Rule:     "holds if the five units of each layer that rank highest are on the average above the middle of their layer in the variance of their response that place explains (interval over units above .5), contradicted if below"}
	share := func(score string) (place, mean []float64) {
		for _, l := range r.Layers {
			x, err := l.Score(score)
			if err != nil || len(l.Units) < 2*galleryTop {
				continue
			}
			var tuned, level []float64
			for _, u := range l.Units {
				tuned, level = append(tuned, float64(u.Place)), append(level, math.Abs(float64(u.Mean))/float64(u.SD))
			}
			a, b := stats.Ranks(tuned), stats.Ranks(level)
			for _, u := range ratemap.Top(x, galleryTop) {
				place, mean = append(place, (a[u]-.5)/float64(len(a))), append(mean, (b[u]-.5)/float64(len(b)))
			}
		}
		return stats.Finite(place), stats.Finite(mean)
	}
	raw, level := share("info_raw")
	valid, _ := share("info")
	if len(raw) < 2 {
		return v
	}
	signs, n := 0, 0
	for _, l := range r.Layers {
		x, err := l.Score("info_raw")
		if err != nil {
			continue
		}
		for _, u := range ratemap.Top(x, galleryTop) {
			low, high := math.Inf(1), math.Inf(-1)
			for _, m := range l.Map(u) {
				low, high = min(low, m), max(high, m)
			}
			if n++; low < 0 && high > 0 {
				signs++
			}
		}
	}
	first := meanOf(raw, 1, "spatial/verdict/raw")
	v.Word = decide(first, .5)
	v.Evidence = []Evidence{{"rank of their place tuning (0 to 1)", first}, {"rank of |mean|/SD", meanOf(level, 1, "spatial/verdict/level")},
		{"share of maps with both signs", estimate(stats.Wilson(signs, n, .95))}, {"rank of place tuning by information of rates", meanOf(valid, 1, "spatial/verdict/valid")}}
	return v
}

// pooled finds a test of the result.
func (r *Result) pooled(test string) (TestShare, bool) {
	for _, t := range r.Tests {
		if t.Test == test {
			return t, true
		}
	}
	return TestShare{}, false
}

const shapeRule = "holds if the share of units with p <= %s (%s) is above what chance finds: its interval is above that; else not shown, for a share does not say that there is none"

func verdictShape(r *Result, v Verdict, test, null string, more ...string) Verdict {
	t, ok := r.pooled(test)
	v.Rule = fmt.Sprintf(shapeRule, ".05", null)
	if !ok {
		return v
	}
	v.Rule = fmt.Sprintf(shapeRule, fmt.Sprint(t.Alpha), null)
	v.Word = exists(estimate(t.Trained), t.Alpha)
	v.Evidence = []Evidence{{"share of units", estimate(t.Trained)}, {"untrained", estimate(t.Untrained)}, {"units beyond every surrogate of every unit", only(float64(t.Beyond))}}
	for _, name := range more {
		if o, ok := r.pooled(name); ok {
			v.Evidence = append(v.Evidence, Evidence{"without the control", estimate(o.Trained)})
		}
	}
	v.Needs = "`ventral study units --model openai/clip-vit-b-32 --sites 'visual.transformer.resblocks.*.attn' --no-fields`"
	return v
}

func verdictGrid(r *Result) Verdict {
	return verdictShape(r, Verdict{Claim: "There are grid-like units", Document: "published: largest grid score of a layer .55 to 1.11 (all tokens), and -.07 to .93 (class token); no null"},
		"grid", "against equally smooth isotropic maps")
}

func verdictBorder(r *Result) Verdict {
	return verdictShape(r, Verdict{Claim: "There are border-like units", Document: "published: largest border score of a layer .05 to .71; untrained .05 to .12; no null"},
		"border_area", "border score of the map less what visible area explains, against phase-randomised maps", "border")
}

// group finds a group of a border account.
func (a *BorderAccount) group(name string) (BorderGroup, bool) {
	if a == nil {
		return BorderGroup{}, false
	}
	for _, g := range a.Groups {
		if g.Name == name && len(g.Borders) > 1 && g.Units > 0 {
			return g, true
		}
	}
	return BorderGroup{}, false
}

func verdictUntrained(r *Result) Verdict {
	v := Verdict{Claim: "Untrained networks look border-like", Document: "published as an observation, without a number",
		Rule: "holds if more of the untrained networks' units than chance finds (.05) have maps that go with nearness to a wall more than under 95 % of permutations of the places"}
	g, ok := r.Border.group(Untrained)
	if !ok {
		return v
	}
	v.Word = exists(estimate(g.Borders[0].Like), .05)
	v.Evidence = []Evidence{{"share of units", estimate(g.Borders[0].Like)}, {"mean |nearness|", g.Borders[0].Nearness}, {"by chance", only(float64(g.Borders[0].Chance))}}
	if t, ok := r.Border.group(Trained); ok {
		v.Evidence = append(v.Evidence, Evidence{"trained: share", estimate(t.Borders[0].Like)})
	}
	return v
}

func verdictClipped(r *Result) Verdict {
	v := Verdict{Claim: "They do because circles are cut off at the border (the document leaves the reason open)", Document: "published as an open question",
		Rule: "holds if units that are the picture's dark area and noise, and no network, look border-like too, and the untrained units' |nearness| falls to chance when visible area (with squares and product) is taken out of their responses; in part if it falls and stays above chance; contradicted if it does not fall"}
	g, ok := r.Border.group(Untrained)
	dark, also := r.Border.group(DarkArea)
	if !ok || !also {
		return v
	}
	last := len(g.Borders) - 1
	switch stimulus := decide(estimate(dark.Borders[0].Like), .05); {
	case stimulus != Holds:
		v.Word = NotShown
	default:
		v.Word = decide(g.Dropped, 0)
		if v.Word == Holds && float64(g.Left.Low) > 0 {
			v.Word = Partly
		}
	}
	v.Evidence = []Evidence{{"dark area alone: share", estimate(dark.Borders[0].Like)}, {"untrained |nearness| falls by", g.Dropped}, {"and stays above chance by", g.Left},
		{"share of untrained units then", estimate(g.Borders[last].Like)}}
	if c, ok := r.Border.group(BorderCells); ok {
		v.Evidence = append(v.Evidence, Evidence{"planted border cells found then", estimate(c.Borders[last].Like)})
	}
	return v
}

// publishedRight is the document's mean probability of "a circle" among three texts, which it words as being right so often.
const publishedRight = .88

func verdictCircles(r *Result) Verdict {
	v := Verdict{Claim: "The network gets the circles right 88 % of the time", Document: "published: mean softmax probability of \"a circle\" .88 ± .08 (SD), which is no share of right answers",
		Rule: "holds if the circle is the most probable of three texts for more than 88 % of stimuli (interval of the share above .88), contradicted if for fewer"}
	if len(r.ZeroShot) == 0 || len(r.ZeroShot[0].P) == 0 {
		return v
	}
	p := r.ZeroShot[0]
	v.Word = decide(estimate(p.Accuracy), publishedRight)
	v.Evidence = []Evidence{{"right", estimate(p.Accuracy)}, {"mean probability", meanOf(p.Column(0), 1, "spatial/verdict/circle")}}
	return v
}

func verdictModules(r *Result) Verdict {
	v := Verdict{Claim: "A single module (block 9 c_proj) is critical", Document: "published: p(black circle) .774 intact, .047 without block 9's c_proj; .020 without conv1",
		Rule: "holds if without one module of a block of the image tower the network answers the other way: the interval of its log-odds of a circle is below 0; contradicted if all are above"}
	if r.Modules == nil || !(r.Modules.LogOdds.Low > 0) {
		return v // where the intact network does not answer "circle" there is nothing to lose
	}
	var worst *Module
	turned, of, spared := 0, 0, 0
	for i, m := range r.Modules.Modules {
		if m.Tower != "visual" || m.Block == "" || math.IsNaN(m.LogOdds.Estimate) {
			continue
		}
		of++
		if m.LogOdds.High < 0 {
			turned++
		}
		if m.LogOdds.Low > 0 {
			spared++
		}
		if worst == nil || m.LogOdds.Estimate < worst.LogOdds.Estimate {
			worst = &r.Modules.Modules[i]
		}
	}
	if worst == nil {
		return v
	}
	switch {
	case turned > 0:
		v.Word = Holds
	case spared == of:
		v.Word = Contradicted
	default:
		v.Word = NotShown
	}
	v.Evidence = []Evidence{{"intact log-odds", estimate(r.Modules.LogOdds)}, {"without " + worst.Site, estimate(worst.LogOdds)}, {fmt.Sprintf("modules of %d that turn the answer", of), only(float64(turned))}}
	return v
}

// publishedArea is the area between two curves of the document's figure of targeted lesions, in probability.
func publishedArea(name, less string) float64 {
	area := map[string]float64{}
	for _, c := range publishedTargeted() {
		area[c.Name] = stats.AUC(c.X, c.Y)
	}
	return area[name] - area[less]
}

func verdictTargeted(r *Result) Verdict {
	v := Verdict{Claim: "Targeted lesions harm less than suspected",
		Document: fmt.Sprintf("published: area under p(circle) of targeted less that of random lesions %+.3f, of absolute ones %+.3f: milder, except for small lesions", publishedArea(Targeted, Random), publishedArea(Absolute, Random)),
		Rule:     "holds if the area under the targeted lesions' log-odds is larger than under random lesions of the same stimuli (interval of the paired difference above 0), contradicted if smaller",
		Needs:    "`ventral study spatial --model openai/clip-vit-b-32 --site visual.transformer.resblocks.9.mlp.c_proj`"}
	if r.Targeted == nil {
		return v
	}
	for _, a := range r.Targeted.Arms {
		switch a.Name {
		case Targeted:
			v.Word = decide(estimate(a.VsRandom), 0)
			v.Evidence = append([]Evidence{{"targeted less random", estimate(a.VsRandom)}, {"targeted less elsewhere", estimate(a.VsElsewhere)}}, v.Evidence...)
		case Absolute:
			v.Evidence = append(v.Evidence, Evidence{"absolute less random", estimate(a.VsRandom)})
		}
	}
	return v
}

func verdictLocation(r *Result) Verdict {
	v := Verdict{Claim: "The deficit is specific to the location (lower left)", Document: "published as text; never plotted",
		Rule:  "holds if with every ablation the deficit at the lesioned place exceeds that at the same place under lesions of other places' units (interval above 0, p <= .05); in part if with some; contradicted if with all it is less (interval below 0)",
		Needs: "`ventral study spatial --model openai/clip-vit-b-32 --site visual.transformer.resblocks.9.mlp.c_proj`"}
	if len(r.Deficits) == 0 {
		return v
	}
	held, against := 0, 0
	for _, m := range r.Deficits {
		switch w := decide(m.Specificity, 0); {
		case w == Holds && m.P <= .05:
			held++
		case w == Contradicted:
			against++
		}
		v.Evidence = append(v.Evidence, Evidence{m.Ablation + " ablation: specificity", m.Specificity})
		if at := m.Side * (m.Side - 1); at >= 0 && at < len(m.Deficit) && len(m.Deficit) > 1 {
			others := 0.0
			for i, row := range m.Deficit {
				if i != at {
					others += float64(row[at]) / float64(len(m.Deficit)-1)
				}
			}
			v.Evidence = append(v.Evidence, Evidence{"at the lower left", only(float64(m.Deficit[at][at]) - others)})
		}
	}
	switch {
	case held == len(r.Deficits):
		v.Word = Holds
	case held > 0:
		v.Word = Partly
	case against == len(r.Deficits):
		v.Word = Contradicted
	default:
		v.Word = NotShown
	}
	return v
}

func verdictTraining(r *Result) Verdict {
	v := Verdict{Claim: "Selectivity arises with training", Document: "published as an open question; maps of untrained weights beside trained ones",
		Rule:  "holds if place explains more of the single units' variance at the end of training than before it (interval over sites of the rise of the median above 0) and is decoded better from all units of the best site (interval of R² above that of the first step); in part if one of the two and not the other; contradicted if neither and one is worse",
		Needs: "the weights on the way there were never published; " + spatialOnB32 + " compares its end with untrained weights"}
	if r.Development == nil || len(r.Development.Stages) < 2 {
		return v
	}
	first, last := r.Development.Stages[0], r.Development.Stages[len(r.Development.Stages)-1]
	a, b := Estimate{first.Decoded.Estimate, first.Decoded.Low, first.Decoded.High}, Estimate{last.Decoded.Estimate, last.Decoded.Low, last.Decoded.High}
	rise := last.placeRise(first)
	single, population := decide(rise, 0), NotShown
	switch {
	case math.IsNaN(float64(a.Low + a.High + b.Low + b.High)):
		population = NotMeasured
	case b.Low > a.High:
		population = Holds
	case b.High < a.Low:
		population = Contradicted
	}
	switch {
	case single == NotMeasured || population == NotMeasured:
		v.Word = NotMeasured
	case single == Holds && population == Holds:
		v.Word = Holds
	case single == Holds || population == Holds:
		v.Word = Partly
	case single == Contradicted || population == Contradicted:
		v.Word = Contradicted
	default:
		v.Word = NotShown
	}
	v.Evidence = []Evidence{{"rise of the median variance by place", rise}, {fmt.Sprintf("R² of place at step %d", first.Step), a}, {fmt.Sprintf("at step %d", last.Step), b},
		{fmt.Sprintf("tuned units at step %d", first.Step), estimate(first.Tuned)}, {fmt.Sprintf("at step %d", last.Step), estimate(last.Tuned)}}
	return v
}

// VerdictTable is the verdicts as a table: claim, what the document shows, what the model shows, what it takes.
func VerdictTable(model string, v []Verdict) (header []string, rows [][]string) {
	header = []string{"claim", "the document, on ViT-B/32", "verdict on " + model, "numbers on " + model, "on OpenAI's ViT-B/32"}
	for _, x := range v {
		var numbers []string
		for _, e := range x.Evidence {
			numbers = append(numbers, e.String())
		}
		rows = append(rows, []string{x.Claim, x.Document, x.Word, strings.Join(numbers, "; "), x.Needs})
	}
	return header, rows
}

// VerdictMarkdown is the same in Markdown, with the rules below it.
func VerdictMarkdown(model string, v []Verdict) string {
	header, rows := VerdictTable(model, v)
	var b strings.Builder
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + strings.ReplaceAll(c, "|", "\\|") + " ")
		}
		b.WriteString("|\n")
	}
	line(header)
	line(strings.Split(strings.Repeat("--- ", len(header)-1)+"---", " "))
	for _, r := range rows {
		line(r)
	}
	fmt.Fprintf(&b, "\nPublished numbers: %s. The commands want %s.\n\nRules:\n\n", source, B32Weights)
	for _, x := range v {
		fmt.Fprintf(&b, "- %s: %s.\n", x.Claim, x.Rule)
	}
	return b.String()
}
