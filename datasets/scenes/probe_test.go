package scenes

import (
	"strings"
	"testing"
)

// Every probe is balanced, plain, wholly visible and labelled with the class its picture was drawn for.
func TestProbes(t *testing.T) {
	vocabulary := map[string]bool{}
	for _, w := range Vocabulary() {
		vocabulary[w] = true
	}
	for _, factor := range Factors {
		for _, split := range []string{"test", "heldout"} {
			s, err := NewProbe(ProbeConfig{Factor: factor, N: 360, Seed: 2, Size: 24, Split: split, Masks: true})
			if err != nil {
				if split == "test" || newProbe(factor).heldout {
					t.Fatal(err)
				}
				continue
			}
			classes, prompts := s.Classes(), s.Prompts()
			if len(classes) < 2 || len(prompts) != len(classes) {
				t.Fatalf("%s: %d classes, %d prompts", factor, len(classes), len(prompts))
			}
			for _, p := range prompts {
				for _, w := range strings.Fields(p) {
					if !vocabulary[w] {
						t.Errorf("%s: prompt %q: %q is in no caption", factor, p, w)
					}
				}
			}
			for i := range s.Len() {
				st := at(t, s, i)
				l := st.Labels
				class := l["class"].(string)
				if class != classes[i%len(classes)] {
					t.Fatalf("%s %d: class %q, want %q", factor, i, class, classes[i%len(classes)])
				}
				if got := answer(factor, l); got != class {
					t.Errorf("%s %s %d: the picture's labels say %q, its class is %q (%v)", factor, split, i, got, class, l)
				}
				least := 0.999999
				if factor == "size" {
					least = 0.997 // the largest stars and triangles just reach over the border
				}
				if l["noise"].(float64) != 0 || l["count"].(int64) > 0 && l["visible"].(float64) < least && factor != "count" {
					t.Errorf("%s %d: noise %v, visible %v", factor, i, l["noise"], l["visible"])
				}
				if bg := l["background"]; bg != "white" && bg != "light" && l["colour"] != "white" && l["word"] == "" {
					t.Errorf("%s %d: background %v", factor, i, bg)
				}
				if held := l["heldout"].(bool); held != (split == "heldout") && !(factor == "word" && split == "heldout") {
					t.Errorf("%s %s %d: held out %v (%s %s %s %s)", factor, split, i, held, l["shape"], l["colour"], l["word"], l["ink"])
				}
			}
		}
	}
	if mustNew(t, Config{}).Classes() != nil || mustNew(t, Config{}).Prompts() != nil {
		t.Error("a set that is no probe has classes")
	}
}

// answer is the class that a picture's other labels imply.
func answer(factor string, l map[string]any) string {
	switch factor {
	case "shape4", "circle", "shape":
		if l["kind"] == "empty" {
			return "empty"
		}
		return l["shape"].(string)
	case "colour":
		return l["colour"].(string)
	case "size":
		return l["size_name"].(string)
	case "count":
		return countWords[l["count"].(int64)]
	case "position":
		x, y := l["x"].(float64), l["y"].(float64)
		switch {
		case x < 1.0/3 && third(y) == 1:
			return "left"
		case x > 2.0/3 && third(y) == 1:
			return "right"
		case y < 1.0/3 && third(x) == 1:
			return "top"
		case y > 2.0/3 && third(x) == 1:
			return "bottom"
		}
		return "somewhere else"
	case "texture":
		return l["texture"].(string)
	case "word":
		return l["word"].(string)
	}
	return l["ink"].(string)
}
