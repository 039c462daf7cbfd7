package onnx

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/modeltest"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// networks are the files of testdata. sites counts their values; moved are maps that shifted windows roll.
var networks = []struct {
	name  string
	sites int
	moved []string
}{
	{"convolutions_script", 20, nil},
	{"convolutions_dynamo1", 20, nil},
	{"convnext_dynamo1", 60, nil},
	{"sequence_script", 40, nil},
	{"sequence_dynamo1", 40, nil},
	{"vit_script1", 41, nil},
	{"vit_dynamo", 39, nil},
	{"swin_script1", 165, []string{"**blocks.1/Concat_output_0", "**blocks.1/Slice_*", "**blocks.1/Concat_1_output_0", "**blocks.1/Pad_output_0", "**blocks.1/Reshape_*"}},
	{"swin_dynamo", 141, nil},
}

// TestNetworks compares every value of every network with ONNX's reference implementation, for two stimuli in one batch.
func TestNetworks(t *testing.T) {
	for _, config := range backends() {
		be := backend.MustOpen(config)
		defer be.Finalize()
		for _, c := range networks {
			if config == "xla" && c.sites > 45 {
				continue // the larger ones add compile time, not operations
			}
			t.Run(config+"/"+c.name, func(t *testing.T) {
				m, n := compare(t, be, "testdata/"+c.name+".onnx", "testdata/"+c.name+".safetensors", Options{})
				if n != 2*c.sites {
					t.Errorf("%d values were compared, want %d", n, 2*c.sites)
				}
				if len(m.Network.hidden) > 0 {
					t.Errorf("values without a site: %v", m.Network.hidden)
				}
			})
		}
	}
}

// TestConformance is the conformance test of all networks: among other things, edits act at every site, and a plan may
// start from each.
func TestConformance(t *testing.T) {
	for _, c := range networks {
		t.Run(c.name, func(t *testing.T) {
			m, err := Open("testdata/"+c.name+".onnx", Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			k := modeltest.Case{Config: m.Config, Params: m.Params, Sweep: 24, Moved: c.moved}
			if c.name != "vit_dynamo" && c.name != "convolutions_script" {
				k.Backends = []string{"go"}
			}
			modeltest.Run(t, k)
		})
	}
}

// TestModules compares the sites that PyTorch's module paths name with what hooks on the modules see there.
func TestModules(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	for _, c := range networks {
		t.Run(c.name, func(t *testing.T) {
			m, err := Open("testdata/"+c.name+".onnx", Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			ref, err := safetensors.Open("testdata/" + c.name + ".safetensors")
			if err != nil {
				t.Fatal(err)
			}
			defer ref.Close()
			in, _ := ref.Lookup("in")
			x, err := in.Float32()
			if err != nil {
				t.Fatal(err)
			}
			sites, values, _ := capture(t, be, m, x, 2)
			at := map[string]int{}
			for i, s := range sites {
				at[s.Name] = i
			}
			named, absent := 0, []string{}
			alias := map[string]string{}
			for _, a := range m.Config.Aliases() {
				if a.Library == "pytorch" {
					alias[a.Name] = a.Site
				}
			}
			for _, key := range ref.Names() {
				path, ok := strings.CutPrefix(key, "1:hook ")
				if !ok {
					continue
				}
				name, ok := alias[path]
				if !ok {
					absent = append(absent, path)
					continue
				}
				h, _ := ref.Lookup(key)
				want, err := h.Float32()
				if err != nil {
					t.Fatal(err)
				}
				got := slice1(values[at[name]], 1, 2)
				if d := far(got, want); d != "" {
					t.Errorf("module %s is site %s %v: %s", path, name, sites[at[name]].Shape, d)
				}
				named++
			}
			t.Logf("%d modules have the values of PyTorch; %d are no sites: %v", named, len(absent), absent)
			if named < 4 {
				t.Errorf("%d modules have names", named)
			}
		})
	}
}

func far(got, want []float32) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d values, want %d", len(got), len(want))
	}
	peak, worst := 0.0, 0.0
	for i, w := range want {
		peak, worst = max(peak, math.Abs(float64(w))), max(worst, math.Abs(float64(w)-float64(got[i])))
	}
	if worst > 5e-5*peak {
		return fmt.Sprintf("off by %.1e of the peak", worst/peak)
	}
	return ""
}

// TestAxes says what the dimensions of some values mean.
func TestAxes(t *testing.T) {
	for _, c := range []struct{ file, site, axes string }{
		{"convolutions_script", "/conv/Conv_output_0", "[channel y x]"},
		{"convolutions_script", "/ReduceMean_output_0", "[channel y x]"},
		{"vit_script1", "/patch_embed/Transpose_output_0", "[token channel]"},
		{"vit_script1", "/blocks/blocks.0/attn/Softmax_output_0", "[head query key]"},
		{"vit_script1", "/blocks/blocks.0/attn/MatMul_1_output_0", "[head token channel]"},
		{"vit_script1", "/blocks/blocks.0/mlp/act/Mul_1_output_0", "[token channel]"},
		{"vit_dynamo", "blocks.0.attn", "[token channel]"},
		{"vit_dynamo", "val_64", "[head query key]"},
		{"sequence_dynamo1", "softmax", "[head query key]"},
		{"sequence_dynamo1", "fc", "[token channel]"},
		{"swin_dynamo", "softmax", "[token head query key]"},
	} {
		m, err := Open("testdata/"+c.file+".onnx", Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		model := models.Model{Network: m.Network, Config: m.Config}
		sites, err := model.Sites()
		if err != nil {
			t.Fatal(err)
		}
		got, err := site.Match(c.site, sites)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		if a := fmt.Sprint(got[0].Axes); a != c.axes {
			t.Errorf("%s: %s has axes %s %v, want %s\n%s", c.file, c.site, a, got[0].Shape, c.axes, listing(sites))
		}
	}
}

// TestOutput takes an inner value for the network's output.
func TestOutput(t *testing.T) {
	m, err := Open("testdata/vit_dynamo.onnx", Options{Output: "gelu"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	be := backend.MustOpen("go")
	defer be.Finalize()
	x := make([]float32, 3*16*16)
	sites, values, out := capture(t, be, m, x, 1)
	i := slices.IndexFunc(sites, func(s site.Info) bool { return s.Name == "gelu" })
	if i < 0 || !slices.Equal(values[i], out) {
		t.Errorf("output gelu is not site gelu")
	}
	if _, err := Open("testdata/vit_dynamo.onnx", Options{Output: "gelo"}); err == nil {
		t.Error("an output that is not there is no error")
	}
}

// TestUntrained draws other weights of the same spread.
func TestUntrained(t *testing.T) {
	m, err := Open("testdata/vit_dynamo.onnx", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p, err := models.Random(m.Config, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	spread := func(v []float32) float64 {
		s, q := 0.0, 0.0
		for _, x := range v {
			s, q = s+float64(x), q+float64(x)*float64(x)
		}
		n := float64(len(v))
		return math.Sqrt(q/n - s/n*s/n)
	}
	for name, dims := range m.Config.Shapes() {
		old, _, err := m.Params.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		drawn, _, err := p.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(dims) == 1 {
			if !slices.Equal(old, drawn) {
				t.Errorf("%s: a vector is drawn anew", name)
			}
		} else if len(old) > 100 && math.Abs(spread(old)/spread(drawn)-1) > 0.3 || slices.Equal(old, drawn) {
			t.Errorf("%s: spread %v, in the file %v", name, spread(drawn), spread(old))
		}
	}
}

// TestAllFiles keeps the table above complete.
func TestAllFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(files) != len(networks) {
		t.Errorf("%d files, %d in the table (%v)", len(files), len(networks), err)
	}
}
