package zoo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
)

// TestSteps opens every shipped network as it was on the way: the image network alone, each with other weights.
func TestSteps(t *testing.T) {
	for _, name := range mini.Names() {
		hashes := map[string]string{}
		for _, step := range mini.Steps(name) {
			at := fmt.Sprintf("%s@%d", name, step)
			m, err := zoo.Open(at)
			if err != nil {
				t.Fatal(err)
			}
			if m.Name != at || m.Text != nil || len(m.Warnings) > 0 {
				t.Errorf("%s opens as %s with text tower %v and warnings %q", at, m.Name, m.Text, m.Warnings)
			}
			if other, ok := hashes[m.WeightsHash]; ok {
				t.Errorf("%s and %s have the same weights", at, other)
			}
			hashes[m.WeightsHash] = at
			if sites, err := zoo.Sites(at, "visual"); err != nil || len(sites) == 0 {
				t.Errorf("%s: %d sites, %v", at, len(sites), err)
			}
			m.Close()
		}
	}
}

// TestBeginning: step 0 is what the training's seed draws, as the whole network's untrained twin has it.
func TestBeginning(t *testing.T) {
	card, err := mini.Describe("mini/clip-vit")
	if err != nil {
		t.Fatal(err)
	}
	begin, err := zoo.Open("mini/clip-vit@0")
	if err != nil {
		t.Fatal(err)
	}
	defer begin.Close()
	twin, err := zoo.Open(fmt.Sprintf("random:mini/clip-vit?seed=%d", card.Training.Seed))
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	n := 0
	for _, name := range begin.Params.Names() {
		x, _, err := begin.Params.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		y, _, err := twin.Params.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if x[i] != y[i] {
				t.Fatalf("%s[%d]: %g at the beginning, %g in the twin", name, i, x[i], y[i])
			}
		}
		n++
	}
	if want := len(begin.CLIP.Shapes()); n != want || n == len(twin.CLIP.Shapes()) {
		t.Errorf("%d tensors, want the %d of the image tower", n, want)
	}
	if larger, err := zoo.Open("mini/clip-vit@0?size=96"); err != nil || larger.Network.Input()[1] != 96 {
		t.Errorf("at 96 pixels: %v", err)
	} else {
		larger.Close()
	}
}

func TestStepsThatAreNotThere(t *testing.T) {
	for name, want := range map[string]string{
		"mini/clip-vit@7":               "nothing is kept of step 7",
		"mini/clip-vit@first":           "not a number",
		"mini/none@0":                   "no shipped network",
		"random:mini/clip-vit@7?seed=1": "nothing is kept of step 7",
		"openai/clip-vit-b-32@3":        "no model",
	} {
		if m, err := zoo.Open(name); err == nil {
			m.Close()
			t.Errorf("%s opens", name)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
