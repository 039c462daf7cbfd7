package scenes

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/raster"
)

var _ datasets.Set = (*Set)(nil)

func mustNew(t testing.TB, cfg Config) *Set {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func at(t testing.TB, s *Set, i int) datasets.Stimulus {
	t.Helper()
	st, err := s.At(i)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func rgb(img image.Image) []uint8 {
	p := img.(*image.RGBA).Pix
	out := make([]uint8, 0, len(p)/4*3)
	for i := 0; i < len(p); i += 4 {
		out = append(out, p[i], p[i+1], p[i+2])
	}
	return out
}

// A picture is the same from Draw and At, alone and among goroutines, with any N, and with or without masks.
func TestSameBytesHoweverAsked(t *testing.T) {
	const n = 160
	s := mustNew(t, Config{N: n, Seed: 4, Size: 48})
	want, captions := make([][]uint8, n), make([]string, n)
	for i := range n {
		want[i] = make([]uint8, 48*48*3)
		var err error
		if captions[i], err = s.Draw(i, want[i]); err != nil {
			t.Fatal(err)
		}
	}
	other := mustNew(t, Config{N: 1 << 40, Seed: 4, Size: 48, Masks: true, Split: "train"})
	var wg sync.WaitGroup
	errs := make([]error, n)
	for w := range 5 {
		wg.Go(func() {
			dst := make([]uint8, 48*48*3)
			for i := n - 1 - w; i >= 0; i -= 5 {
				st, err := other.At(i)
				if err != nil {
					errs[i] = err
					continue
				}
				c, err := other.Draw(i, dst)
				if err != nil || !bytes.Equal(rgb(st.Image), want[i]) || !bytes.Equal(dst, want[i]) || st.Caption != captions[i] || c != captions[i] {
					errs[i] = fmt.Errorf("another picture or caption (%v)", err)
				}
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("picture %d: %v", i, err)
		}
	}
	for _, cfg := range []Config{{N: n, Seed: 5, Size: 48}, {N: n, Seed: 4, Size: 48, Split: "val"}} {
		c := mustNew(t, cfg)
		same := 0
		dst := make([]uint8, 48*48*3)
		for i := range n {
			if _, err := c.Draw(i, dst); err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(dst, want[i]) {
				same++
			}
		}
		if same > 4 { // two blank white pictures are alike
			t.Errorf("%s shares %d of %d pictures with %s", c.Spec(), same, n, s.Spec())
		}
	}
}

func TestHeldOutPairs(t *testing.T) {
	seen, shapes := map[string]bool{}, map[string]int{}
	for _, split := range Splits {
		s := mustNew(t, Config{N: 20000, Seed: 6, Split: split})
		var sc scene
		for i := range s.Len() {
			s.sample(&sc, i)
			for k := range sc.n {
				o := &sc.objects[k]
				if held := HeldOut(shapeNames[o.shape], colourNames[o.colour]); held != (split == "heldout") {
					t.Fatalf("%s %d: %s in %s, held out: %v", split, i, shapeNames[o.shape], colourNames[o.colour], held)
				}
				if split == "train" {
					seen[shapeNames[o.shape]+" "+colourNames[o.colour]] = true
				} else if split == "heldout" {
					shapes[shapeNames[o.shape]]++
				}
			}
			if sc.hasWord {
				if held := HeldOutInk(words[sc.word.index], colourNames[sc.word.ink]); held != (split == "heldout") {
					t.Fatalf("%s %d: %q in %s, held out: %v", split, i, words[sc.word.index], colourNames[sc.word.ink], held)
				}
			}
		}
	}
	if want := nShapes*nColours - nColours; len(seen) != want {
		t.Errorf("training has %d pairs of shape and colour, want %d", len(seen), want)
	}
	if len(shapes) != nShapes {
		t.Errorf("shapes held out: %v, want all %d", shapes, nShapes)
	}
	for _, s := range []string{"circle", "square", "triangle"} {
		if HeldOut(s, "black") {
			t.Errorf("a black %s, by which the models are judged, is held out", s)
		}
	}
	if HeldOut("blob", "red") || HeldOut("circle", "mauve") || HeldOutInk("xyzzy", "red") {
		t.Error("names outside the world are held out")
	}
}

func TestMixture(t *testing.T) {
	for _, mix := range []Mix{DefaultMix, {Single: 1, Plain: 1}, {Word: 3, Empty: 1}, {Several: 1, WordShape: 1}} {
		const n = 20000
		s := mustNew(t, Config{N: n, Seed: 8, Mix: mix})
		var got [nKinds]float64
		plain := 0.0
		var sc scene
		for i := range n {
			s.sample(&sc, i)
			got[sc.kind]++
			if sc.kind == kindSingle && sc.plain {
				plain++
			}
		}
		sum := 0.0
		for _, v := range mix.weights() {
			sum += v
		}
		for k, v := range mix.weights() {
			p := v / sum
			if sd := math.Sqrt(n * p * (1 - p)); math.Abs(got[k]-n*p) > 4*sd {
				t.Errorf("mixture %s: %v %s pictures of %d, want %.0f (sd %.1f)", mix, got[k], kindNames[k], n, n*p, sd)
			}
		}
		if m := got[kindSingle]; m > 0 && math.Abs(plain-m*mix.Plain) > 4*math.Sqrt(m*mix.Plain*(1-mix.Plain)) {
			t.Errorf("mixture %s: %v of %v single figures are plain", mix, plain, m)
		}
	}
}

// Every word of a caption is checked against the labels.
func TestCaptionsAreTrue(t *testing.T) {
	vocabulary := map[string]bool{}
	for _, w := range Vocabulary() {
		vocabulary[w] = true
	}
	plural := map[string]string{}
	for i, p := range shapePlurals {
		plural[p] = shapeNames[i]
	}
	distinct := map[string]bool{}
	for _, split := range []string{"train", "heldout"} {
		s := mustNew(t, Config{N: 6000, Seed: 11, Size: 16, Split: split})
		for i := range s.Len() {
			st := at(t, s, i)
			l := st.Labels
			str := func(k string) string { return l[k].(string) }
			words := strings.Fields(st.Caption)
			distinct[st.Caption] = true
			if len(words) == 0 || len(words) > 16 {
				t.Fatalf("picture %d: caption %q has %d words", i, st.Caption, len(words))
			}
			for _, w := range words {
				if !vocabulary[w] {
					t.Fatalf("picture %d: %q of %q is not in the vocabulary", i, w, st.Caption)
				}
			}
			fail := func(why string) { t.Errorf("picture %d: %q: %s (%v)", i, st.Caption, why, l) }
			rest := " " + st.Caption + " "
			// The background is named at the end, or, of empty pictures, anywhere.
			if k := strings.Index(rest, " on "); k >= 0 && strings.HasSuffix(rest, " background ") {
				checkBackground(fail, strings.Fields(rest[k : len(rest)-len("background ")])[2:], l)
				rest = rest[:k] + " "
			} else if str("kind") == "empty" {
				for _, c := range colourNames {
					if strings.Contains(rest, " "+c+" ") && str("background_colour") != c {
						fail("the background is not " + c)
					}
				}
				continue
			}
			if w := str("word"); w != "" {
				// The word is named as such, except in "a word".
				if strings.Contains(rest, " a word ") {
					rest = strings.Replace(rest, " a word ", " ", 1)
				} else if k := strings.LastIndex(rest, " "+w+" "); k < 0 && !strings.Contains(rest, " "+w+" ") {
					fail("the written word is missing")
				} else {
					k = strings.Index(rest, " "+w+" ")
					if m := strings.Index(rest, "word "+w+" "); m >= 0 {
						k = m + len("word")
					}
					rest = rest[:k] + " " + rest[k+1+len(w):]
				}
				for _, c := range colourNames {
					for _, in := range []string{"in " + c + " ", "written in " + c + " "} {
						if strings.Contains(rest, " "+in) {
							if str("ink") != c {
								fail("the ink is not " + c)
							}
							rest = strings.Replace(rest, " "+in, " ", 1)
						}
					}
				}
				if strings.Contains(rest, " bold ") && !strings.Contains(str("font"), "bold") {
					fail("the font is not bold")
				}
			}
			for _, w := range strings.Fields(rest) {
				if p, ok := plural[w]; ok {
					if w = p; l["count"].(int64) < 2 {
						fail("there is one figure")
					}
				}
				switch {
				case index(shapeNames[:], w) >= 0 && w != str("shape") && w != str("shape2"):
					fail("there is no " + w)
				case index(colourNames[:], w) >= 0 && w != str("colour") && w != str("colour2"):
					fail("nothing is " + w)
				case index(textureAdjectives[:], w) > 0 && str("relation") == "" && textureNames[index(textureAdjectives[:], w)] != str("texture"):
					fail("it is not " + w)
				case (w == "small" || w == "large") && w != str("size_name"):
					fail("it is not " + w)
				case w == "two" && l["count"].(int64) != 2 || w == "three" && l["count"].(int64) != 3:
					fail("the count is another")
				}
			}
			if rel := str("relation"); rel != "" {
				checkRelation(fail, st.Caption, l)
			} else if str("kind") == "single" {
				x, y := l["x"].(float64), l["y"].(float64)
				for phrase, ok := range map[string]bool{"top": y < 1.0/3, "bottom": y >= 2.0/3, "left": x < 1.0/3, "right": x >= 2.0/3} {
					if strings.Contains(rest, " "+phrase+" ") && !ok {
						fail("it is not at the " + phrase)
					}
				}
			}
		}
	}
	if len(distinct) < 2500 {
		t.Errorf("only %d different captions in 12000", len(distinct))
	}
}

func checkBackground(fail func(string), said []string, l map[string]any) {
	bg, colour := l["background"].(string), l["background_colour"].(string)
	ok := map[string]bool{"white": bg == "white", "light": bg == "light", "plain": bg == "plain", "gradient": bg == "gradient", "noisy": bg == "noisy", "blurry": bg == "blobs"}
	for _, w := range said {
		if good, known := ok[w]; known && !good && colour != w || !known && w != colour {
			fail("the background is not " + w)
		}
	}
}

func checkRelation(fail func(string), caption string, l map[string]any) {
	x, y, x2, y2 := l["x"].(float64), l["y"].(float64), l["x2"].(float64), l["y2"].(float64)
	holds := map[string]bool{"left of": x < x2, "right of": x > x2, "above": y < y2, "below": y > y2}
	if rel := l["relation"].(string); !holds[rel] {
		fail("the label " + rel + " does not hold")
	}
	for _, rel := range relationNames {
		k := strings.Index(caption, " "+rel+" ")
		if k < 0 {
			continue
		}
		first := strings.HasSuffix(caption[:k], " "+l["shape"].(string)) || caption[:k] == l["shape"].(string)
		if holds[rel] != first {
			fail("the figures are not so placed")
		}
	}
}

func TestLabelsMatchColumns(t *testing.T) {
	probe, err := Probe("word", 30, 1, 32)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Set{mustNew(t, Config{N: 60, Size: 16}), probe} {
		ids := map[string]bool{}
		for i := range s.Len() {
			st := at(t, s, i)
			ids[st.ID] = true
			if len(st.Labels) != len(s.Columns()) {
				t.Fatalf("%d labels, %d columns", len(st.Labels), len(s.Columns()))
			}
			for _, c := range s.Columns() {
				want := map[datasets.Kind]reflect.Kind{datasets.Float: reflect.Float64, datasets.Int: reflect.Int64, datasets.String: reflect.String, datasets.Bool: reflect.Bool}[c.Kind]
				if got := reflect.ValueOf(st.Labels[c.Name]).Kind(); got != want || c.Doc == "" {
					t.Errorf("label %s is %v, column says %s", c.Name, got, c.Kind)
				}
			}
		}
		if len(ids) != s.Len() {
			t.Errorf("%d ids for %d pictures", len(ids), s.Len())
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{N: -3}, "n = -3"},
		{Config{Size: 4}, "size = 4"},
		{Config{Size: 1 << 20}, "size = 1048576"},
		{Config{Split: "dev"}, "train, val, test, heldout"},
		{Config{Mix: Mix{Single: -1, Word: 2}}, "not negative"},
		{Config{Mix: Mix{Single: math.NaN()}}, "not negative"},
		{Config{Mix: Mix{Plain: 0.5}}, "sum to 0"},
		{Config{Mix: Mix{Single: 1, Plain: 1.5}}, "between 0 and 1"},
	} {
		if _, err := New(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v does not say %q", c.cfg, err, c.want)
		}
	}
	for _, c := range []struct {
		cfg  ProbeConfig
		want string
	}{
		{ProbeConfig{Factor: "shade"}, "shape4, circle"},
		{ProbeConfig{Factor: "shape", Split: "train"}, "test or heldout"},
		{ProbeConfig{Factor: "count", Split: "heldout"}, "no held-out pairs"},
		{ProbeConfig{Factor: "shape", N: -1}, "n = -1"},
	} {
		if _, err := NewProbe(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v does not say %q", c.cfg, err, c.want)
		}
	}
	s := mustNew(t, Config{N: 3})
	for _, i := range []int{-1, 3} {
		if _, err := s.At(i); err == nil {
			t.Errorf("picture %d of 3 was made", i)
		}
	}
	if _, err := s.Draw(0, make([]uint8, 10)); err == nil || !strings.Contains(err.Error(), "12288") {
		t.Errorf("a short buffer: %v", err)
	}
	for _, m := range []string{"", "1,2,3", "1,2,3,4,5,x", "0,0,0,0,0,0", "1,1,1,1,1,2", "nan,1,1,1,1,0"} {
		if got, err := ParseMix(m); err == nil {
			t.Errorf("mixture %q was read as %v", m, got)
		}
	}
	if m, err := ParseMix(DefaultMix.String()); err != nil || m != DefaultMix {
		t.Errorf("%s is read as %v, %v", DefaultMix, m, err)
	}
}

func TestSpec(t *testing.T) {
	probe, err := NewProbe(ProbeConfig{Factor: "shape", N: 50, Seed: 3, Split: "heldout"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		s    *Set
		want string
	}{
		{mustNew(t, Config{N: 500, Seed: 1, Split: "test"}), "scenes?n=500&seed=1&size=64&split=test"},
		{mustNew(t, Config{Mix: Mix{Single: 1, Plain: 0.25}, Masks: true}), "scenes?n=1000&seed=0&size=64&split=train&mix=1,0,0,0,0,0.25&masks=true"},
		{probe, "probe?factor=shape&n=50&seed=3&size=64&split=heldout"},
	} {
		if got := c.s.Spec(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// The world is what its comments say it is.
func TestWorld(t *testing.T) {
	if len(nouns) < 100 {
		t.Errorf("%d nouns", len(nouns))
	}
	set := map[string]bool{}
	for _, w := range words {
		if set[w] || w != strings.ToLower(w) || len(w) > 9 {
			t.Errorf("word %q: twice, not lower case or too long", w)
		}
		set[w] = true
	}
	for f, font := range fonts() {
		for _, w := range words {
			for style := range 3 {
				if _, err := font.Width(letters(w, style)); err != nil {
					t.Errorf("font %s: %v", fontFiles[f].name, err)
				}
			}
		}
	}
	for s := range nShapes {
		if p := unitOutline[s]; p != nil {
			if a := raster.Area(p); math.Abs(a-math.Pi) > 1e-6 {
				t.Errorf("unit %s has area %v", shapeNames[s], a)
			}
			if a := raster.Area(raster.Inset(p, 0.1)); a >= math.Pi || a < 1.5 {
				t.Errorf("the inset %s has area %v", shapeNames[s], a)
			}
		}
	}
	// Tints of two colours never come close.
	d := draws{rngFor("palette")}
	for a := range nColours {
		for b := range a {
			least := 255
			for range 4000 {
				least = min(least, contrast(tint(d, a), tint(d, b)))
			}
			if least < 15 {
				t.Errorf("a %s and a %s differ by %d of 255 only", colourNames[a], colourNames[b], least)
			}
		}
	}
}

func BenchmarkDraw64(b *testing.B) {
	s := mustNew(b, Config{N: 1 << 40, Seed: 1})
	dst := make([]uint8, 64*64*3)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Draw(i, dst); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "pictures/s")
}

func BenchmarkAt64WithMasks(b *testing.B) {
	s := mustNew(b, Config{N: 1 << 40, Seed: 1, Masks: true})
	i := 0
	for b.Loop() {
		at(b, s, i)
		i++
	}
}
