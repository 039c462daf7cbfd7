package zoo_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/zoo"
)

func TestShippedModelOpens(t *testing.T) {
	m, err := zoo.Open("mini/clip-vit")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.WeightsHash == "" || m.CLIP == nil || m.Card.Parameters != models.Parameters(m.CLIP) {
		t.Errorf("card %+v", m.Card)
	}
	sites, err := m.Sites()
	if err != nil || len(sites) != 2+11*m.CLIP.Layers+3 {
		t.Errorf("%d sites, %v", len(sites), err)
	}
}

func TestRandomModel(t *testing.T) {
	open := func(name string) string {
		m, err := zoo.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		v, _, err := m.Params.Get("visual.proj")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(v[:4])
	}
	a, b, c := open("random:mini/clip-vit?seed=1"), open("random:mini/clip-vit?seed=1"), open("random:mini/clip-vit?seed=2")
	if a != b || a == c {
		t.Errorf("seed 1: %s and %s; seed 2: %s", a, b, c)
	}
}

func TestErrorsSayWhatThereIs(t *testing.T) {
	for name, want := range map[string]string{
		"openai/clip-vit-b-23":             "openai/clip-vit-b-32",
		"random:mini/clip-vit?sede=1":      "want ?seed=N",
		"random:mini/clip-vit?seed=x":      "seed",
		"random:nothing":                   "there are",
		"file:" + filepath.Join("no", "x"): "no such file",
	} {
		if _, err := zoo.Open(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", name, err, want)
		}
	}
}

// TestSitesNeedNoWeights lists the sites of a model whose weights are not here.
func TestSitesNeedNoWeights(t *testing.T) {
	infos, err := zoo.Sites("openai/clip-vit-b-32", "visual")
	if err != nil {
		t.Fatal(err)
	}
	if len(infos) != 2+11*12+3 {
		t.Errorf("%d sites", len(infos))
	}
	if _, err := zoo.Sites("openai/clip-vit-b-32", "text"); err != nil {
		t.Error(err)
	}
	if _, err := zoo.Sites("openai/clip-vit-b-32", "audio"); err == nil {
		t.Error("a tower that does not exist is no error")
	}
}
