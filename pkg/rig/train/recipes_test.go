package train

import (
	"testing"

	"github.com/ventral-lab/ventral/models"
)

// TestRecipes checks of every recipe that its network is small enough to ship, that its batches and heads fit, and that
// what it watches can be asked.
func TestRecipes(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			r, err := NewRecipe(name, 3, 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Config.Validate(); err != nil {
				t.Fatal(err)
			}
			n := models.Parameters(r.Config)
			if n > 6_000_000 { // 12 MB in float16
				t.Errorf("%d parameters", n)
			}
			t.Logf("%d parameters", n)
			if _, err := r.Task.Batch(1, 2, 4); err != nil {
				t.Error(err)
			}
			for _, q := range append(r.Watch, Questions(r.Architecture)...) {
				if _, err := q.draw(3, 1, r.Preprocess, nil); err != nil {
					t.Errorf("%+v: %v", q, err)
				}
			}
		})
	}
	if _, err := NewRecipe("nothing", 3, 1); err == nil {
		t.Error("a recipe that does not exist is no error")
	}
}

// TestLabels checks the classes that a classifier learns against the latents' own words.
func TestLabels(t *testing.T) {
	r, err := NewRecipe("vgg", 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := r.Task.(*Supervised)
	l := s.Train.(labelled)
	seen := map[string]int{}
	rgb := make([]uint8, 3*64*64)
	labels := make([]int32, len(r.Heads))
	for i := range 400 {
		if err := l.Label(i, rgb, labels); err != nil {
			t.Fatal(err)
		}
		p, err := l.w.Latents(i)
		if err != nil {
			t.Fatal(err)
		}
		for h, head := range r.Heads {
			if labels[h] < 0 {
				continue
			}
			seen[head.Name]++
			want := head.Classes[labels[h]]
			found := false
			for _, it := range p.Items {
				found = found || it.Name == want || it.Colour == want || it.Style == want || it.Expression == want
			}
			if !found {
				t.Errorf("picture %d: %s is %q, which no item is: %+v", i, head.Name, want, p.Items)
			}
		}
	}
	for _, head := range r.Heads {
		if seen[head.Name] < 5 {
			t.Errorf("%d of 400 pictures have a %s", seen[head.Name], head.Name)
		}
	}
}
