package zoo_test

import (
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/zoo"
)

// TestNASNetFile opens a checkpoint without a card: what its shapes tell is found, the rule for average pools is
// TensorFlow's, and the user is told.
func TestNASNetFile(t *testing.T) {
	m, err := zoo.Open("file:../golden/testdata/nasnet_f4_tiny/weights.safetensors?size=65")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	want := nasnet.Config{Filters: 4, Stem: 6, Multiplier: 2, Cells: 3, Classes: 7, ImageSize: 331, Pool: nasnet.PoolTF}
	if m.Config != want {
		t.Errorf("configuration %+v, want %+v", m.Config, want)
	}
	if m.Architecture != "nasnet-a" || m.Preprocess.Hash() != preprocess.NASNet331.WithSize(65).Hash() {
		t.Errorf("%s, preprocessing %s", m.Architecture, m.Preprocess)
	}
	if !strings.Contains(strings.Join(m.Warnings, "\n"), "average pools") {
		t.Errorf("warnings %q say nothing of average pools", m.Warnings)
	}
	sites, err := m.Sites()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sites {
		if s.Name == "cell_6" && s.Shape[1] != 4 {
			t.Errorf("cell_6 is %v for pictures of 65 pixels, want 4 pixels a side", s.Shape)
		}
	}
}

// TestNASNetCards: one set of weights under the two rules for average pools.
func TestNASNetCards(t *testing.T) {
	tf, err := zoo.Find("timm/nasnetalarge")
	if err != nil {
		t.Fatal(err)
	}
	timm, err := zoo.Find("timm/nasnetalarge-timmpool")
	if err != nil {
		t.Fatal(err)
	}
	if tf.Parameters != 88_753_150 || tf.Config.(nasnet.Config).Pool != nasnet.PoolTF || timm.Config.(nasnet.Config).Pool != nasnet.PoolTimm || tf.Source != timm.Source {
		t.Errorf("cards %+v and %+v", tf, timm)
	}
}
