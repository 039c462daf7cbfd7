package zoo_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// TestVGGLayouts opens one network from files in three layouts: it is the same network, with each library's own
// preprocessing.
func TestVGGLayouts(t *testing.T) {
	const dir = "../golden/testdata/vgg16_tiny/"
	set, err := weights.Open(dir+"weights_torchvision.safetensors", weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	toKeras, err := weights.Export(set, "vgg", weights.Keras)
	if err != nil {
		t.Fatal(err)
	}
	keras := filepath.Join(t.TempDir(), "model.safetensors")
	if err := safetensors.WriteFile(keras, toKeras.Tensors(), nil); err != nil {
		t.Fatal(err)
	}
	be := backend.MustOpen("go")
	defer be.Finalize()
	x := make([]float32, 3*64*64)
	for i := range x {
		x[i] = float32(i%97)/50 - 1
	}
	var first []float32
	var hash string
	for _, c := range []struct {
		path           string
		sliding, caffe bool
		preprocess     preprocess.Spec
	}{
		{dir + "weights_torchvision.safetensors", false, false, preprocess.ImageNet224},
		{dir + "weights_timm.safetensors", true, false, preprocess.ImageNet224},
		{keras, false, true, preprocess.Caffe224},
	} {
		m, err := zoo.Open("file:" + c.path + "?size=64")
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		cfg := m.Config.(vgg.Config)
		if cfg.Sliding != c.sliding || cfg.Caffe != c.caffe || m.Preprocess.Hash() != c.preprocess.WithSize(64).Hash() {
			t.Errorf("%s: %+v with %s", c.path, cfg, m.Preprocess)
		}
		p, err := program.New(be, "logits", m.Params, func(_ *graph.Graph, p *program.Params, in []*graph.Node) []*graph.Node {
			return []*graph.Node{m.Network.Forward(p, in[0])}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		out, err := p.Run(program.F32(x, 1, 3, 64, 64))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first, hash = out[0].F32, m.WeightsHash
		}
		for i, v := range out[0].F32 {
			if d := v - first[i]; d > 1e-5 || d < -1e-5 {
				t.Errorf("%s: logit %d is %v, want %v", c.path, i, v, first[i])
			}
		}
		if m.WeightsHash != hash {
			t.Errorf("%s: another hash of the same weights", c.path)
		}
	}
}

func TestVGGCards(t *testing.T) {
	names := []string{"torchvision/vgg11", "torchvision/vgg11_bn", "torchvision/vgg13", "torchvision/vgg13_bn", "torchvision/vgg16", "torchvision/vgg16_bn", "torchvision/vgg19", "torchvision/vgg19_bn", "keras/vgg16", "keras/vgg19"}
	for _, name := range names {
		c, err := zoo.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if caffe := c.Config.(vgg.Config).Caffe; caffe != strings.HasPrefix(name, "keras/") || caffe != (c.Preprocess.Name == preprocess.Caffe224.Name) {
			t.Errorf("%s: preprocessing %s", name, c.Preprocess)
		}
		sites, err := zoo.Sites(name, "visual")
		if err != nil || len(sites) < 20 {
			t.Errorf("%s: %d sites, %v", name, len(sites), err)
		}
		if !slices.Equal(sites[0].Shape, []int{64, 224, 224}) {
			t.Errorf("%s: the first site is %v", name, sites[0])
		}
	}
	t.Setenv("VENTRAL_MODELS", t.TempDir())
	if _, err := zoo.Open("keras/vgg19"); err == nil || !strings.Contains(err.Error(), "keras/vgg19/model.safetensors") || !strings.Contains(err.Error(), "models show keras/vgg19") {
		t.Errorf("a model that has to be converted: %v", err)
	}
}
