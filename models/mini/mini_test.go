package mini

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

// toy is a shelf with one network of one tensor, and two steps on its way.
func toy(t *testing.T) shelf {
	t.Helper()
	file := func(v float32, meta map[string]string) *fstest.MapFile {
		var b bytes.Buffer
		if err := safetensors.Write(&b, []safetensors.Tensor{{Name: "visual.class_embedding", DType: "F32", Shape: []int{1}, Data: safetensors.Float32Bytes([]float32{v})}}, meta); err != nil {
			t.Fatal(err)
		}
		return &fstest.MapFile{Data: b.Bytes()}
	}
	card, err := json.Marshal(Card{Name: "mini/toy", Summary: "a toy", Factors: []Factor{{Name: "object"}},
		Training: Training{Steps: 300, Pictures: 3000, Seed: 5, Seconds: 9, Curve: []Point{{Step: 50, Loss: 2}, {Step: 300, Loss: 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	return shelf{fstest.MapFS{
		"toy.json":                         {Data: card},
		"toy.safetensors":                  file(9, nil),
		"steps/toy-000010.safetensors":     file(1, map[string]string{PicturesKey: "100"}),
		"steps/toy-000100.safetensors":     file(2, map[string]string{PicturesKey: "1000"}),
		"steps/toy-000200.safetensors":     file(3, nil),
		"steps/toy-two-000020.safetensors": file(4, nil),
		"steps/README.md":                  {Data: []byte("x")},
	}}
}

func TestSteps(t *testing.T) {
	s := toy(t)
	if got, want := s.names(), []string{"mini/toy"}; !reflect.DeepEqual(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	for _, name := range []string{"mini/toy", "toy"} {
		if got, want := s.steps(name), []int{0, 10, 100, 200}; !reflect.DeepEqual(got, want) {
			t.Errorf("steps of %s: %v, want %v", name, got, want)
		}
	}
	if got := s.steps("mini/none"); got != nil {
		t.Errorf("steps %v of a network that is not there", got)
	}
	for name, want := range map[string]float32{"mini/toy": 9, "mini/toy@10": 1, "toy@100": 2} {
		set, err := s.open(name)
		if err != nil {
			t.Fatal(err)
		}
		if x, err := set.Float32("visual.class_embedding", 1); err != nil || x[0] != want {
			t.Errorf("%s holds %v (%v), want %g", name, x, err, want)
		}
	}
}

func TestDescribeStep(t *testing.T) {
	s := toy(t)
	c, err := s.describe("mini/toy@100")
	if err != nil {
		t.Fatal(err)
	}
	want := Card{Name: "mini/toy@100", Config: json.RawMessage("null"), Summary: "a toy: the image network after 100 of 300 steps, 1000 pictures",
		Training: Training{Steps: 100, Pictures: 1000, Seed: 5, Curve: []Point{{Step: 50, Loss: 2}}}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
	if c, err = s.describe("mini/toy@0"); err != nil || c.Training.Pictures != 0 || c.Training.Curve != nil {
		t.Errorf("the beginning is %+v, %v", c.Training, err)
	}
	if c, err = s.describe("mini/toy"); err != nil || len(c.Factors) != 1 || c.Training.Steps != 300 {
		t.Errorf("the whole is %+v, %v", c, err)
	}
}

func TestBadNames(t *testing.T) {
	s := toy(t)
	for name, want := range map[string]string{
		"mini/none":    "no shipped network",
		"mini/none@10": "no shipped network",
		"mini/toy@11":  "nothing is kept of step 11",
		"mini/toy@x":   "not a number",
		"mini/toy@-1":  "not a number",
		"mini/toy@":    "not a number",
	} {
		if _, err := s.open(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want %q", name, err, want)
		}
		if _, err := s.describe(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Describe(%q): %v, want %q", name, err, want)
		}
	}
	if _, err := s.describe("mini/toy@200"); err == nil || !strings.Contains(err.Error(), "how many pictures") {
		t.Errorf("a file without its pictures: %v", err)
	}
}

// TestShipped reads all that ships.
func TestShipped(t *testing.T) {
	total := 0
	for _, name := range Names() {
		c, err := Describe(name)
		if err != nil {
			t.Fatal(err)
		}
		if c.Name != name {
			t.Errorf("the card of %s says %s", name, c.Name)
		}
		steps := Steps(name)
		if !slices.Contains(steps, 0) {
			t.Errorf("%s has the steps %v, without 0", name, steps)
		}
		for _, step := range steps[1:] {
			at := c.At(step, 0).Name
			f, err := shipped.read(at)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range f.Names() {
				tensor, _ := f.Lookup(n)
				total += len(tensor.Data)
			}
			kept, err := Describe(at)
			if err != nil {
				t.Fatal(err)
			}
			if per := c.Training.Pictures / c.Training.Steps; kept.Training.Pictures != step*per {
				t.Errorf("%s has seen %d pictures, want %d of %d a step", at, kept.Training.Pictures, step*per, per)
			}
		}
	}
	if total > 20<<20 {
		t.Errorf("the weights on the way are %d bytes, more than 20 MiB", total)
	}
}
