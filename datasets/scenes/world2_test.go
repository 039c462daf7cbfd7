package scenes

import (
	"fmt"
	"image"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/datasets"
)

var _ datasets.Set = (*World)(nil)

// What is held out is never shown in train, val and test, and always in heldout. The rules are read off the latents' names, not off the sampler.
func TestWorldHeldOutCombinations(t *testing.T) {
	broken := func(l *Latents) bool {
		for _, it := range l.Items {
			switch it.Category {
			case "object":
				if l.Background == HeldOutPlace(it.Name) || it.Style == HeldOutStyle(it.Name) || it.Style != "art" && it.Colour == HeldOutColour(it.Name) {
					return true
				}
			case "word":
				if HeldOutWordInk(it.Name, it.Colour) {
					return true
				}
			case "shape":
				if HeldOut(it.Name, it.Colour) {
					return true
				}
			}
		}
		return false
	}
	for _, split := range Splits {
		w := mustWorld(t, WorldConfig{N: 4000, Seed: 5, Split: split})
		for i := range w.Len() {
			l, err := w.Latents(i)
			if err != nil {
				t.Fatal(err)
			}
			if got := broken(&l); got != (split == "heldout") || l.HeldOut != got {
				t.Fatalf("%s picture %d: held out %v, label %v: %+v", split, i, got, l.HeldOut, l)
			}
		}
	}
	for _, name := range ThingNames() {
		if HeldOutPlace(name) == "" || HeldOutColour(name) == "" {
			t.Errorf("%s: held out at %q, in %q", name, HeldOutPlace(name), HeldOutColour(name))
		}
	}
	if HeldOutPlace("quokka") != "" || HeldOutColour("quokka") != "" || HeldOutStyle("quokka") != "" || HeldOutWordInk("quokka", "red") {
		t.Error("something is held out for what is no object")
	}
}

// groundOf draws a picture's ground alone, with nothing in front of it and nothing done to it.
func groundOf(w *World, i int) []uint8 {
	c := w.canvas()
	w.sample(&c.pic, i)
	c.pic.n, c.pic.nuisance = 0, Nuisance{}
	dst := make([]uint8, 3*w.Size()*w.Size())
	c.render(dst, nil)
	return dst
}

// What the items changed of the ground is covered by them, and what they cover wholly is theirs.
func TestWorldCoverageIsWhatChanged(t *testing.T) {
	w := mustWorld(t, WorldConfig{N: 1500, Seed: 6, Mix: noNuisance()})
	checked := 0
	for i := range w.Len() {
		p, err := w.Render(i)
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind == "figure" || p.Kind == "figures" || p.Kind == "empty" {
			continue
		}
		checked++
		ground := groundOf(w, i)
		covered, changed := 0, 0
		for q := range p.Instance {
			all := 0
			for _, c := range p.Coverage {
				all = max(all, int(c[q]))
			}
			d := 0
			for ch := range 3 {
				d = max(d, abs(int(p.RGB[3*q+ch])-int(ground[3*q+ch])))
			}
			if d > 0 && all == 0 {
				t.Fatalf("picture %d (%s): pixel %d changed by %d levels and nothing covers it", i, p.Caption, q, d)
			}
			if all >= 250 {
				covered++
				if d > 12 {
					changed++
				}
			}
		}
		// Art of colours near the ground's here and there still changes much of what it covers. Plates and paper may be as white as the ground.
		if it := &p.Items[0]; len(p.Items) == 1 && it.Category == "object" && it.Style != "line" && covered > 30 && changed*10 < covered*4 {
			t.Errorf("picture %d (%s): of %d covered pixels only %d look different", i, p.Caption, covered, changed)
		}
	}
	if checked < 1000 {
		t.Errorf("only %d pictures had items", checked)
	}
}

func noNuisance() WorldMix {
	m := DefaultWorldMix
	m.Spoiled = 0
	return m
}

func abs(v int) int { return max(v, -v) }

// A thing of one colour has it: silhouettes, lines, letters. Where nothing covers, a plain ground has its colour.
func TestWorldColoursAreThoseOfTheLatents(t *testing.T) {
	w := mustWorld(t, WorldConfig{N: 3000, Seed: 7, Size: 96, Mix: noNuisance()})
	seen := map[string]int{}
	for i := range w.Len() {
		p, err := w.Render(i)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Items) != 1 || p.Kind == "figure" {
			continue
		}
		it := &p.Items[0]
		inner := func(cover []uint8) (sum [3]float64, n float64) {
			for q, a := range cover {
				if a == 255 {
					n++
					for ch := range 3 {
						sum[ch] += float64(p.RGB[3*q+ch])
					}
				}
			}
			return sum, n
		}
		switch {
		case it.Style == "silhouette" && it.Texture == "solid", it.Style == "word":
			cover := p.Coverage[0]
			if it.Style == "word" {
				cover = p.Ink
			}
			sum, n := inner(cover)
			if n == 0 {
				continue
			}
			seen[it.Style]++
			for ch := range 3 {
				if got := sum[ch] / n; math.Abs(got-float64(it.RGB[ch])) > 0.5 {
					t.Fatalf("picture %d (%s): %s of colour %v, its pixels have mean %v in channel %d", i, p.Caption, it.Style, it.RGB, got, ch)
				}
			}
			fallthrough
		default:
			if c := it.Colour; c != "" {
				if got := nearestColour(it.RGB); got != c {
					t.Fatalf("picture %d (%s): %v is called %s, it is nearest to %s", i, p.Caption, it.RGB, c, got)
				}
			}
		}
		if p.Background == "white" {
			for q, a := range p.Coverage[0] {
				if a == 0 && (p.RGB[3*q] != 255 || p.RGB[3*q+1] != 255 || p.RGB[3*q+2] != 255) {
					t.Fatalf("picture %d (%s): white ground has %v at pixel %d", i, p.Caption, p.RGB[3*q:3*q+3], q)
				}
			}
		}
	}
	if seen["silhouette"] < 150 || seen["word"] < 300 {
		t.Errorf("too few checked: %v", seen)
	}
}

// nearestColour is the name whose range of hue, saturation and value is nearest, by an own conversion from RGB.
func nearestColour(c [3]uint8) string {
	r, g, b := float64(c[0])/255, float64(c[1])/255, float64(c[2])/255
	v, lo := max(r, g, b), min(r, g, b)
	s, h := 0.0, 0.0
	if v > 0 {
		s = (v - lo) / v
	}
	if d := v - lo; d > 0 {
		switch v {
		case r:
			h = math.Mod((g-b)/d+6, 6)
		case g:
			h = (b-r)/d + 2
		default:
			h = (r-g)/d + 4
		}
	}
	h *= 60
	if v < 0.14 { // hue and saturation mean nothing there
		return colourNames[black]
	}
	outside := func(x, lo, hi float64) float64 { return max(lo-x, x-hi, 0) }
	best, least := "", math.Inf(1)
	for i, p := range palette {
		hue := min(outside(h, p.h0, p.h1), outside(h+360, p.h0, p.h1)) / 60
		if d := hue + 2*outside(s, p.s0, p.s1) + 2*outside(v, p.v0, p.v1); d < least {
			best, least = colourNames[i], d
		}
	}
	return best
}

// The middle and the sides of an item's box are where its pixels are.
func TestWorldBoxesHoldTheirPixels(t *testing.T) {
	w := mustWorld(t, WorldConfig{N: 1500, Seed: 8, Size: 128, Mix: WorldMix{Object: 1, Word: 1, Region: 1}})
	n := float64(w.Size())
	for i := range w.Len() {
		p, err := w.Render(i)
		if err != nil {
			t.Fatal(err)
		}
		it := &p.Items[0]
		if len(p.Items) != 1 || it.Plate {
			continue
		}
		a := it.Rotation * math.Pi / 180
		hx := (it.Width*math.Abs(math.Cos(a)) + it.Height*math.Abs(math.Sin(a))) / 2
		hy := (it.Width*math.Abs(math.Sin(a)) + it.Height*math.Abs(math.Cos(a))) / 2
		if it.X-hx < 0 || it.X+hx > 1 || it.Y-hy < 0 || it.Y+hy > 1 {
			continue // cut by the border
		}
		box := image.Rectangle{}
		for q, c := range p.Coverage[0] {
			if c >= 100 {
				box = box.Union(image.Rect(q%p.Size, q/p.Size, q%p.Size+1, q/p.Size+1))
			}
		}
		slack := 3.0
		if it.Category == "word" {
			slack += 0.15 * n * it.Height // side bearings, and slanted letters that lean out
		}
		for _, d := range []float64{n*(it.X-hx) - float64(box.Min.X), float64(box.Max.X) - n*(it.X+hx), n*(it.Y-hy) - float64(box.Min.Y), float64(box.Max.Y) - n*(it.Y+hy)} {
			if d > slack {
				t.Fatalf("picture %d (%s): %s at (%g, %g), %g x %g, turned %g, covers %v: %g pixels outside its box", i, p.Caption, it.Name, it.X, it.Y, it.Width, it.Height, it.Rotation, box, d)
			}
		}
		if r := it.Rotation; (r < 0.5 || r > 359.5) && it.Category != "word" {
			if math.Abs(float64(box.Dx())-n*it.Width) > 4 || math.Abs(float64(box.Dy())-n*it.Height) > 4 {
				t.Fatalf("picture %d (%s): box %v of an upright thing of %g x %g", i, p.Caption, box, n*it.Width, n*it.Height)
			}
		}
	}
}

var wrongArticle = regexp.MustCompile(`\ba [aeiou]|\ban [^aeiou]|  |^ | $`)

// Captions say what is there: every colour, object, word, number and place they name is in the latents; they have at most 16 words.
func TestWorldCaptionsAreTrue(t *testing.T) {
	for _, split := range []string{"train", "heldout"} {
		w := mustWorld(t, WorldConfig{N: 12000, Seed: 9, Split: split})
		for i := range w.Len() {
			l, err := w.Latents(i)
			if err != nil {
				t.Fatal(err)
			}
			if err := untrue(&l); err != nil {
				t.Fatalf("%s picture %d: %q: %v; %+v", split, i, l.Caption, err, l)
			}
		}
	}
}

func untrue(l *Latents) error {
	c := l.Caption
	words := strings.Fields(c)
	if len(words) == 0 || len(words) > 16 || c != strings.ToLower(c) || wrongArticle.MatchString(c) {
		return fmt.Errorf("badly formed")
	}
	has := func(f func(it *Item) bool) bool {
		for k := range l.Items {
			if f(&l.Items[k]) {
				return true
			}
		}
		return false
	}
	named := func(name string) bool {
		return has(func(it *Item) bool { return it.Name == name || it.Expression == name || it.Colour == name })
	}
	for k, word := range words {
		part := false // of a phrase that means something else
		for _, phrase := range []string{"black and white photo", "green field", "blue sky", "pink bird", "inside a house", "inside of a house", "palm tree"} {
			part = part || strings.Contains(c, phrase) && strings.Contains(phrase, word)
		}
		part = part || strings.Contains(c, word+" cartoon character") // the colour of its head in art
		if index(colourNames[:], word) >= 0 && !part && !named(word) && l.BackgroundColour != word {
			return fmt.Errorf("nothing is %s", word)
		}
		if index(ThingNames(), word) >= 0 && !part && !named(word) {
			return fmt.Errorf("there is no %s", word)
		}
		if (word == "word" || word == "text") && k+1 < len(words) && k > 0 && words[k-1] != "a" && words[k-1] != "written" && !has(func(it *Item) bool { return it.Category == "word" && it.Name == words[k+1] }) {
			return fmt.Errorf("the word %s is not written", words[k+1])
		}
		if n := map[string]int{"two": 2, "three": 3, "four": 4}[word]; n > 0 && len(l.Items) != n {
			return fmt.Errorf("there are %d", len(l.Items))
		}
	}
	if l.Kind == "objects" && len(l.Items) == 2 && l.Relation != "" {
		a, b := &l.Items[0], &l.Items[1]
		if l.Relation == "left of" && a.X >= b.X || l.Relation == "right of" && a.X <= b.X || l.Relation == "above" && a.Y >= b.Y || l.Relation == "below" && a.Y <= b.Y {
			return fmt.Errorf("the first is not %s the second", l.Relation)
		}
		opposite := map[string]string{"left of": "right of", "right of": "left of", "above": "below", "below": "above", "behind": "in front of"}
		said := l.Relation
		if i, j := strings.Index(c, a.Name), strings.Index(c, b.Name); i >= 0 && j >= 0 && i > j {
			said = opposite[said]
		} else if i < 0 || j < 0 {
			said = "" // one goes by another name
		}
		for _, r := range []string{" left of ", " right of ", " above ", " below ", " behind ", " in front of "} {
			if r != " "+said+" " && said != "" && strings.Contains(c, r) && !strings.Contains(c, " in front of the s") && !strings.Contains(c, " in front of buildings") {
				return fmt.Errorf("it is %s", l.Relation)
			}
		}
	}
	for place, phrases := range placePhrases {
		for _, p := range append(phrases, placeNouns[place]...) {
			if (strings.HasSuffix(c, " "+p) || c == p) && l.Background != placeNames[place] {
				return fmt.Errorf("it is not %s", p)
			}
		}
	}
	return nil
}

// A kind of picture that alone has a weight is the only one.
func TestWorldMixKinds(t *testing.T) {
	for k := range nWorldKinds {
		f := make([]string, nWorldKinds+2)
		for i := range f {
			f[i] = "0"
		}
		f[k] = "2"
		mix, err := ParseWorldMix(strings.Join(f, ","))
		if err != nil {
			t.Fatal(err)
		}
		w := mustWorld(t, WorldConfig{N: 50, Seed: 1, Mix: mix})
		for i := range w.Len() {
			if l, _ := w.Latents(i); l.Kind != worldKindNames[k] || l.Nuisance != (Nuisance{}) && k != wkFigure && k != wkFigures && k != wkEmpty {
				t.Fatalf("mixture %s, picture %d: %+v", mix, i, l)
			}
		}
	}
}

func TestWorldErrors(t *testing.T) {
	for _, c := range []struct {
		cfg  WorldConfig
		want string
	}{
		{WorldConfig{N: -1}, "at least one picture"},
		{WorldConfig{Size: 7}, "between 8 and 2048"},
		{WorldConfig{Size: 4096}, "between 8 and 2048"},
		{WorldConfig{Split: "dev"}, "train, val, test, heldout"},
		{WorldConfig{Mix: WorldMix{Object: -1}}, "not negative"},
		{WorldConfig{Mix: WorldMix{Plain: 1}}, "sum to 0"},
		{WorldConfig{Mix: WorldMix{Object: 1, Spoiled: 2}}, "between 0 and 1"},
		{WorldConfig{Mix: WorldMix{Object: math.NaN()}}, "finite"},
		{WorldConfig{Mix: WorldMix{Face: 1}, Split: "heldout"}, "no weight"},
	} {
		if _, err := NewWorld(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.cfg, err, c.want)
		}
	}
	w := mustWorld(t, WorldConfig{N: 3})
	if _, err := w.Draw(3, make([]uint8, 64*64*3)); err == nil || !strings.Contains(err.Error(), "from 0 to 2") {
		t.Error(err)
	}
	if _, err := w.Draw(0, make([]uint8, 5)); err == nil || !strings.Contains(err.Error(), "12288 bytes") {
		t.Error(err)
	}
	if _, err := w.Latents(-1); err == nil {
		t.Error("picture -1 exists")
	}
	if _, err := w.At(17); err == nil {
		t.Error("picture 17 of 3 exists")
	}
	if w.Classes() != nil || w.Prompts() != nil || w.Ensemble() != nil {
		t.Error("a set that is no probe has classes")
	}
}

// Every picture has every label, of its kind, and masks of the picture's size that add up.
func TestWorldStimuli(t *testing.T) {
	w := mustWorld(t, WorldConfig{N: 400, Seed: 10, Size: 48, Masks: true})
	ids := map[string]bool{}
	for i := range w.Len() {
		s, err := w.At(i)
		if err != nil {
			t.Fatal(err)
		}
		if ids[s.ID] {
			t.Fatalf("two pictures are called %s", s.ID)
		}
		ids[s.ID] = true
		if len(s.Labels) != len(w.Columns()) {
			t.Fatalf("%d labels, %d columns", len(s.Labels), len(w.Columns()))
		}
		for _, c := range w.Columns() {
			ok := false
			switch c.Kind {
			case datasets.String:
				_, ok = s.Labels[c.Name].(string)
			case datasets.Float:
				_, ok = s.Labels[c.Name].(float64)
			case datasets.Int:
				_, ok = s.Labels[c.Name].(int64)
			case datasets.Bool:
				_, ok = s.Labels[c.Name].(bool)
			}
			if !ok {
				t.Fatalf("picture %d: label %s is %T", i, c.Name, s.Labels[c.Name])
			}
		}
		figure := s.Masks["figure"]
		for q, f := range figure.Pix {
			sum := 0
			for _, name := range worldMasks {
				sum += int(s.Masks[name].Pix[q])
			}
			if d := sum - int(f); d < -4 || d > 4 {
				t.Fatalf("picture %d (%s), pixel %d: the things cover %d in all, the figure mask has %d", i, s.Caption, q, sum, f)
			}
			if w := s.Masks["word"].Pix[q]; int(w) > int(f)+1 {
				t.Fatalf("picture %d (%s), pixel %d: ink %d where the figure covers %d", i, s.Caption, q, w, f)
			}
		}
		if s.Labels["kind"] == "object" && s.Labels["object"] == "" || s.Labels["kind"] == "word" && s.Labels["word"] == "" {
			t.Fatalf("picture %d: %v", i, s.Labels)
		}
	}
}

// A scene drawn at 256 pixels and averaged down is nearly the scene drawn at 64.
func TestWorldSizesAgree(t *testing.T) {
	small, large := mustWorld(t, WorldConfig{N: 250, Seed: 11, Size: 64, Mix: noNuisance()}), mustWorld(t, WorldConfig{N: 250, Seed: 11, Size: 256, Mix: noNuisance()})
	a, b := make([]uint8, 3*64*64), make([]uint8, 3*256*256)
	for i := range small.Len() {
		caption, _ := small.Draw(i, a)
		large.Draw(i, b)
		l, _ := small.Latents(i)
		if l.Background == "noisy" || l.Nuisance.Noise > 0 {
			continue // noise averages out
		}
		sum := 0.0
		for y := range 64 {
			for x := range 64 {
				for ch := range 3 {
					m := 0
					for dy := range 4 {
						for dx := range 4 {
							m += int(b[3*((4*y+dy)*256+4*x+dx)+ch])
						}
					}
					sum += math.Abs(float64(m)/16 - float64(a[3*(64*y+x)+ch]))
				}
			}
		}
		if mean := sum / (3 * 64 * 64); mean > 6 {
			t.Errorf("picture %d (%s): the sizes differ by %.1f levels on average", i, caption, mean)
		}
	}
}

// Every word can be written in every font, and every letter of the probes is high enough to be read at 64 pixels.
func TestWorldWordsCanBeRead(t *testing.T) {
	for _, f := range worldFontFaces() {
		for _, w := range allWords {
			for style := range 3 {
				if _, err := f.Width(letters(w, style)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	seen := map[string]bool{}
	for _, w := range allWords {
		if len(w) > 10 || seen[w] {
			t.Errorf("word %q is too long or there twice", w)
		}
		seen[w] = true
	}
	w := mustWorldProbe(t, WorldProbeConfig{Factor: "word", N: 2000, Seed: 1})
	for i := range w.Len() {
		l, _ := w.Latents(i)
		if h := 64 * l.Items[0].Height; h < 5.6 { // ten bold capitals fill the frame at that height
			t.Errorf("%q in %s: %.1f pixels high", l.Items[0].Name, l.Items[0].Font, h)
		}
	}
}

func TestWorldLists(t *testing.T) {
	if n := len(ThingNames()); n < 100 {
		t.Errorf("%d objects", n)
	}
	if len(regions) != len(flags) || len(faceWords) != len(faces) || len(Expressions()) != 12 || Expressions()[sick] != "sick" || Expressions()[surprised] != "surprised" {
		t.Error("the tables beside the atlas are out of step")
	}
	if len(WrittenWords()) != len(ThingNames())+nColours+nShapes+len(faces)+len(flags)+nCharacters || WrittenWords()[colourWord0] != "black" || WrittenWords()[figureWord0] != "pip" {
		t.Errorf("words %v", WrittenWords())
	}
	for name := range nounOf {
		if index(ThingNames(), name) < 0 {
			t.Errorf("a noun for %q, which is no object", name)
		}
	}
	for i, c := range []struct {
		name     string
		lon, lat float64
	}{{"argentina", -64, -34}, {"japan", 138, 37}} {
		k := index(Regions(), c.name)
		if k < 0 || regions[k].lon != c.lon || regions[k].lat != c.lat {
			t.Errorf("%d: region %s is not where it should be", i, c.name)
		}
	}
}
