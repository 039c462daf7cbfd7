package scenes

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

// A probe has as many pictures of every class, each of them what its class says, with prompts that tell the classes apart.
func TestWorldProbes(t *testing.T) {
	for _, factor := range WorldFactors {
		w := mustWorldProbe(t, WorldProbeConfig{Factor: factor, N: 320, Seed: 2, Size: 32})
		classes, prompts := w.Classes(), w.Prompts()
		if len(classes) < 2 || len(prompts) != len(classes) || len(w.Ensemble()) != len(classes) {
			t.Fatalf("%s: %d classes, %d prompts", factor, len(classes), len(prompts))
		}
		seen := map[string]bool{}
		for i, p := range prompts {
			if seen[p] || p == "" || w.Ensemble()[i][0] != p {
				t.Errorf("%s: prompt %q", factor, p)
			}
			seen[p] = true
		}
		for i := range w.Len() {
			s, err := w.At(i)
			if err != nil {
				t.Fatal(err)
			}
			class := s.Labels["class"].(string)
			if !strings.HasSuffix(factor, "-read") && class != classes[i%len(classes)] {
				t.Fatalf("%s picture %d: class %s", factor, i, class)
			}
			l, _ := w.Latents(i)
			if err := probeAgrees(factor, class, &l); err != nil {
				t.Fatalf("%s picture %d (class %s): %v; %+v", factor, i, class, err, l)
			}
			if l.HeldOut {
				t.Fatalf("%s picture %d shows what is held out: %+v", factor, i, l)
			}
		}
	}
}

func probeAgrees(factor, class string, l *Latents) error {
	item := func(category string) *Item {
		for k := range l.Items {
			if l.Items[k].Category == category {
				return &l.Items[k]
			}
		}
		return &Item{}
	}
	want := func(what, got string) error {
		if got != class {
			return fmt.Errorf("the %s is %q", what, got)
		}
		return nil
	}
	object, word := item("object"), item("word")
	inside := func() error {
		it := &l.Items[0]
		if it.Scale < 0.6 && it.Category != "word" || it.X-it.Width/2 < -0.1 || it.X+it.Width/2 > 1.1 {
			return fmt.Errorf("it is small or cut")
		}
		return nil
	}
	switch factor {
	case "object", "object-art", "object-silhouette", "object-line":
		if _, style, ok := strings.Cut(factor, "-"); ok && object.Style != style {
			return fmt.Errorf("style %s", object.Style)
		}
		if err := inside(); err != nil {
			return err
		}
		return want("object", object.Name)
	case "attack-none", "attack-own":
		if own := factor == "attack-own"; own != (word.Name == object.Name) || !own && len(l.Items) != 1 {
			return fmt.Errorf("the word is %q", word.Name)
		}
		return want("object", object.Name)
	case "ground", "attack":
		if factor == "attack" && (word.Name == object.Name || word.Name == "") {
			return fmt.Errorf("the word is %q", word.Name)
		}
		return want("object", object.Name)
	case "object-word", "word", "attack-read", "stroop-read":
		return want("word", word.Name)
	case "ink", "stroop":
		if factor == "stroop" && (word.Name == word.Colour || index(colourNames[:], word.Name) < 0 || l.BackgroundColour == word.Colour) {
			return fmt.Errorf("the word %s in %s", word.Name, word.Colour)
		}
		return want("ink", word.Colour)
	case "style":
		return want("style", l.Items[0].Style)
	case "expression":
		return want("expression", item("face").Expression)
	case "region":
		return want("region", item("flag").Name)
	case "map":
		return want("region", item("map").Name)
	case "character":
		return want("character", item("character").Name)
	case "background":
		return want("background", l.Background)
	case "shape":
		return want("shape", item("shape").Name)
	case "colour":
		return want("colour", item("shape").Colour)
	}
	return nil
}

// A misleading word, the object's own, or none: all else in the picture is the same.
func TestAttacksArePaired(t *testing.T) {
	draw := func(factor string) *World {
		return mustWorldProbe(t, WorldProbeConfig{Factor: factor, N: 300, Seed: 7})
	}
	attack, none, own := draw("attack"), draw("attack-none"), draw("attack-own")
	sameInk := 0
	for i := range attack.Len() {
		a, _ := attack.Latents(i)
		n, _ := none.Latents(i)
		o, _ := own.Latents(i)
		for _, l := range []*Latents{&n, &o} {
			if a.Items[0] != l.Items[0] || a.Background != l.Background || a.BackgroundColour != l.BackgroundColour {
				t.Fatalf("picture %d: %+v and %+v", i, a, *l)
			}
		}
		x, y := a.Items[1], o.Items[1]
		if y.X-y.Width/2 < -0.01 || y.X+y.Width/2 > 1.01 {
			t.Errorf("picture %d: the word %s is cut: %+v", i, y.Name, y)
		}
		if math.Abs(x.Y-y.Y) > 0.05 {
			t.Errorf("picture %d: the own name moved from %.3f to %.3f", i, x.Y, y.Y)
		}
		if x.Colour == y.Colour {
			sameInk++
		}
	}
	if sameInk < 240 {
		t.Errorf("%d of 300 names keep their ink", sameInk)
	}
}

// The held-out probes show combinations that training never shows, and nothing else.
func TestWorldProbesHeldOut(t *testing.T) {
	for _, factor := range WorldFactors {
		w, err := NewWorldProbe(WorldProbeConfig{Factor: factor, N: 300, Seed: 2, Split: "heldout"})
		if err != nil {
			if !strings.Contains(err.Error(), "no held-out") {
				t.Error(err)
			}
			continue
		}
		for i := range w.Len() {
			l, _ := w.Latents(i)
			canHold := true
			if word := index(allWords, l.Items[0].Name); factor == "word" && (3*word)%11 == 1 {
				canHold = false // no ink is held out for these
			}
			if l.HeldOut != canHold {
				t.Fatalf("%s picture %d: held out %v: %+v", factor, i, l.HeldOut, l)
			}
		}
	}
}

// A nuisance changes the picture and nothing else.
func TestWorldProbeNuisance(t *testing.T) {
	plain := mustWorldProbe(t, WorldProbeConfig{Factor: "object", N: 40, Seed: 3})
	a, b := make([]uint8, 3*64*64), make([]uint8, 3*64*64)
	for _, nuisance := range Nuisances {
		w := mustWorldProbe(t, WorldProbeConfig{Factor: "object", N: 40, Seed: 3, Nuisance: nuisance})
		for i := range w.Len() {
			x, _ := plain.Latents(i)
			y, _ := w.Latents(i)
			if x.Nuisance != (Nuisance{}) || y.Nuisance == (Nuisance{}) {
				t.Fatalf("%s picture %d: %+v and %+v", nuisance, i, x.Nuisance, y.Nuisance)
			}
			y.Nuisance = Nuisance{}
			if !reflect.DeepEqual(x, y) {
				t.Fatalf("%s picture %d: %+v became %+v", nuisance, i, x, y)
			}
			plain.Draw(i, a)
			w.Draw(i, b)
			if reflect.DeepEqual(a, b) {
				t.Fatalf("%s picture %d is as it was", nuisance, i)
			}
		}
	}
}

// The two questions about an attack, or a Stroop word, are about the same pictures.
func TestWorldReadProbesShareTheirPictures(t *testing.T) {
	for _, factor := range []string{"attack", "stroop"} {
		a, b := mustWorldProbe(t, WorldProbeConfig{Factor: factor, N: 60, Seed: 4}), mustWorldProbe(t, WorldProbeConfig{Factor: factor + "-read", N: 60, Seed: 4})
		if digest(t, a, 0, 60) != digest(t, b, 0, 60) {
			t.Errorf("%s and %s-read show different pictures", factor, factor)
		}
		for i := range a.Len() {
			x, _ := a.At(i)
			y, _ := b.At(i)
			if x.Labels["class"] == y.Labels["class"] {
				t.Errorf("%s picture %d: both answers are %v", factor, i, x.Labels["class"])
			}
		}
	}
}

func TestWorldProbeErrors(t *testing.T) {
	for _, c := range []struct {
		cfg  WorldProbeConfig
		want string
	}{
		{WorldProbeConfig{}, "object-silhouette"},
		{WorldProbeConfig{Factor: "shade"}, "object-silhouette"},
		{WorldProbeConfig{Factor: "object", Split: "train"}, "test or heldout"},
		{WorldProbeConfig{Factor: "region", Split: "heldout"}, "no held-out"},
		{WorldProbeConfig{Factor: "word", Nuisance: "rain"}, "noise, blur"},
		{WorldProbeConfig{Factor: "word", Size: 3}, "size = 3"},
	} {
		if _, err := NewWorldProbe(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.cfg, err, c.want)
		}
	}
}

// The pictures of the probes are frozen too: the numbers of the cards were measured on them.
func TestWorldProbeGolden(t *testing.T) {
	for _, factor := range WorldFactors {
		w := mustWorldProbe(t, WorldProbeConfig{Factor: factor, N: 300, Seed: 7})
		if got := digest(t, w, 0, 60); got != worldProbeGolden[factor] {
			t.Errorf("%q: %q, // %s", factor, got, worldProbeGolden[factor])
		}
	}
}

var worldProbeGolden = map[string]string{
	"object":            "9ba94ee2fc9d15ca",
	"object-art":        "55b1b548fb8bf986",
	"object-silhouette": "8487d1b24e33e280",
	"object-line":       "d216b04af3edcf41",
	"object-word":       "079ec123a6dcb3eb",
	"style":             "cd80aecd6d59a2d9",
	"word":              "c4c51db86190609e",
	"ink":               "f1f91419901f41f5",
	"expression":        "5290de5badfc2e9d",
	"region":            "f37cd406a5d1b8e4",
	"map":               "fc3da2c60a054669",
	"character":         "faab9f3f7000ba8f",
	"background":        "12d78fb8babf0115",
	"ground":            "7172c4d9f8e217b6",
	"attack":            "d977b6dfd604c548",
	"attack-read":       "d977b6dfd604c548",
	"attack-none":       "afd3ab1df7d7e33b",
	"attack-own":        "75318d56e0935b45",
	"stroop":            "ad97d18f665b3206",
	"stroop-read":       "ad97d18f665b3206",
	"shape4":            "4786449417165c06",
	"circle":            "063215f7362e86a1",
	"shape":             "1decb204b31ac9d0",
	"colour":            "517d32690c95c042",
	"size":              "5d452bb923d2a50f",
	"count":             "346ad5415ff22470",
	"position":          "c2b74d98fd6af987",
	"texture":           "c932e21a58ef81c3",
}
