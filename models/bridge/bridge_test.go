package bridge_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/bridge"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// TestPublishedFilters holds the decoding of the V4 document's filters.
func TestPublishedFilters(t *testing.T) {
	for _, c := range []struct {
		cell    string
		channel int
		piece   string
		offset  int
		path    string // SITE:CHANNEL, "" for none
	}{
		{"Cell_0", 444, "c1", 108, ""},
		{"Cell_0", 567, "c2", 63, "cell_0.path_1:63"},
		{"Cell_0", 783, "c3", 111, "cell_0.path_2:27"},
		{"cell_0", 804, "c3", 132, "cell_0.path_2:48"},
		{"normal_concat_0", 0, "p", 0, "cell_0.path_1:0"},
		{"cell_0", 84, "p", 84, "cell_0.path_2:0"},
		{"cell_0", 1007, "c4", 167, ""},
		{"cell_1", 804, "c3", 132, ""}, // its p is a plain projection
		{"cell_6", 3*336 + 168, "c2", 168, "cell_6.path_2:0"},
		{"Cell_12", 671, "p", 671, "cell_12.path_2:335"},
		{"reduction_cell_0", 0, "c1", 0, ""},
		{"Reduction_Cell_1", 2687, "c4", 671, ""},
		{"cell_stem_0", 42, "c2", 0, ""},
		{"Cell_Stem_1", 335, "c4", 83, ""},
	} {
		p, err := bridge.Locate(c.cell, c.channel)
		if err != nil {
			t.Errorf("%s %d: %v", c.cell, c.channel, err)
			continue
		}
		path := ""
		if p.Path != nil {
			path = p.Path.String()
		}
		if p.Piece != c.piece || p.Unit.Channel != c.offset || path != c.path || p.Unit.Site != p.Cell+".piece_"+c.piece {
			t.Errorf("%s %d is %+v through %q, want %s %d through %q", c.cell, c.channel, p, path, c.piece, c.offset, c.path)
		}
		if back, err := bridge.Join(nasnet.Large(), p.Unit); err != nil || back.Channel != c.channel || back.Site != p.Cell {
			t.Errorf("%s %d: the way back leads to %v (%v)", c.cell, c.channel, back, err)
		}
	}
	for _, c := range []struct {
		cell    string
		channel int
	}{{"Cell_0", 1008}, {"Cell_0", -1}, {"cell_18", 0}, {"conv0", 3}, {"cell_00", 0}, {"", 0}} {
		if p, err := bridge.Locate(c.cell, c.channel); err == nil {
			t.Errorf("%s %d is %+v", c.cell, c.channel, p)
		}
	}
	for _, u := range []bridge.Unit{{Site: "cell_0.piece_c5"}, {Site: "cell_0"}, {Site: "reduction_cell_0.piece_p"}, {Site: "cell_0.piece_c3", Channel: 168}} {
		if w, err := bridge.Join(nasnet.Large(), u); err == nil {
			t.Errorf("%v is %v", u, w)
		}
	}
}

// TestPiecesAreTheNetworks runs a small NASNet: a cell's channel has the values of the piece's channel it is decoded to, and
// a channel of p those of its path's, times the scale of an untrained batch normalisation.
func TestPiecesAreTheNetworks(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	c := nasnet.Config{Filters: 8, Stem: 4, Multiplier: 2, Cells: 2, Classes: 3, ImageSize: 48}
	params, err := models.Random(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer params.Close()
	n, err := c.Network(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var infos []site.Info
	prog, err := program.New(be, "cells", params, func(g *Graph, p *program.Params, in []*Node) []*Node {
		var at func(string) *Node
		infos, at = site.List(g, func() { n.Forward(p, in[0]) })
		var out []*Node
		for _, i := range infos {
			out = append(out, at(i.Name))
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	x := make([]float32, 3*48*48)
	r := rng.New(3, "bridge/test")
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	out, err := prog.Run(program.F32(x, 1, 3, 48, 48))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]program.Value{}
	for i, info := range infos {
		values[info.Name] = out[i]
	}
	channel := func(u bridge.Unit) []float32 {
		v, ok := values[u.Site]
		if !ok {
			t.Fatalf("the network has no site %s", u.Site)
		}
		n := v.Dims[2] * v.Dims[3]
		return v.F32[u.Channel*n:][:n]
	}
	cells, paths := 0, 0
	for _, info := range infos {
		if strings.Contains(info.Name, ".") || !strings.Contains(info.Name, "cell") {
			continue
		}
		cells++
		for ch := range info.Shape[0] {
			u := bridge.Unit{Site: info.Name, Channel: ch, Y: bridge.All, X: bridge.All}
			p, err := bridge.LocateIn(c, u)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(channel(u), channel(p.Unit)) {
				t.Errorf("%v has not the values of %v", u, p.Unit)
			}
			if p.Piece != "p" || p.Path == nil {
				continue
			}
			paths++
			scale := 1 / math.Sqrt(1+c.BatchNormEps())
			for i, v := range channel(*p.Path) {
				if d := float64(channel(u)[i]) - scale*float64(v); math.Abs(d) > 1e-5 {
					t.Fatalf("%v is not %v behind a batch normalisation: off by %g", u, *p.Path, d)
				}
			}
		}
	}
	if cells != 10 || paths != 8+16+32 {
		t.Errorf("%d cells with %d channels from paths, want 10 and 56", cells, paths)
	}
}

// TestNames: one place by all its names.
func TestNames(t *testing.T) {
	has := func(list []bridge.Name, library, name string) *bridge.Name {
		for _, n := range list {
			if n.Library == library && n.Name == name {
				return &n
			}
		}
		return nil
	}
	for _, c := range []struct {
		architecture, torchvision, keras, slim string
	}{
		{"vgg19", "features.1", "block1_conv1", "vgg_19/conv1/conv1_1"},
		{"vgg19", "features.18", "block3_pool", "vgg_19/pool3"},
		{"vgg19", "features.17", "block3_conv4", "vgg_19/conv3/conv3_4"},
		{"vgg19", "features.35", "block5_conv4", "vgg_19/conv5/conv5_4"},
		{"vgg19", "features.36", "block5_pool", "vgg_19/pool5"},
		{"vgg16", "features.16", "block3_pool", "vgg_16/pool3"},
		{"vgg16", "features.29", "block5_conv3", "vgg_16/conv5/conv5_3"},
		{"vgg16", "classifier.4", "fc2", "vgg_16/fc7"},
	} {
		for _, name := range []string{c.torchvision, c.keras, c.slim, strings.SplitN(c.slim, "/", 2)[1]} {
			names, err := bridge.Names(c.architecture, name)
			if err != nil {
				t.Errorf("%s %s: %v", c.architecture, name, err)
				continue
			}
			keras, slim := has(names, "keras", c.keras), has(names, "tf-slim", c.slim)
			if names[0].Name != c.torchvision || keras == nil || slim == nil || keras.Note != "" || keras.Filters || slim.Filters || !names[0].Filters {
				t.Errorf("%s %s: %+v", c.architecture, name, names)
			}
		}
	}
	names, err := bridge.Names("vgg19", "features.16")
	if n := has(names, "keras", "block3_conv4"); err != nil || n == nil || !strings.Contains(n.Note, "features.17") || n.Order != "y, x, channel" {
		t.Errorf("the convolution before block3_conv4's rectification: %+v, %v", n, err)
	}
	names, err = bridge.Names("vgg19", "fc8")
	if n := has(names, "keras", "predictions"); err != nil || n == nil || !strings.Contains(n.Note, "softmax") {
		t.Errorf("the logits: %+v, %v", names, err)
	}
	if n := has(names, "timm", "head.fc"); n == nil || !n.Filters {
		t.Errorf("timm's logits: %+v", names)
	}
	for _, name := range []string{"cell_0", "Cell_0", "normal_concat_0"} {
		names, err := bridge.Names("nasnetalarge", name)
		if err != nil {
			t.Fatal(err)
		}
		keras, slim := has(names, "keras", "normal_concat_0"), has(names, "tf-slim", "Cell_0")
		if names[0].Name != "cell_0" || names[0].Order != "channel, y, x" || keras == nil || slim == nil || !slim.Filters || slim.Order != "y, x, channel" {
			t.Errorf("%s: %+v", name, names)
		}
	}
	if _, err := bridge.Names("vgg19", "block3_poll"); err == nil || !strings.Contains(err.Error(), "block3_pool") {
		t.Errorf("a wrong name: %v", err)
	}
	if _, err := bridge.Names("alexnet", "x"); err == nil || !strings.Contains(err.Error(), "vgg19") {
		t.Errorf("a wrong architecture: %v", err)
	}
}

// TestNamesLeadBack: every name of every site of the three architectures leads back to it.
func TestNamesLeadBack(t *testing.T) {
	for _, name := range []string{"vgg16", "vgg19", "nasnetalarge"} {
		c, err := bridge.Architecture(name)
		if err != nil {
			t.Fatal(err)
		}
		n, err := c.Network(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		sites, err := (&models.Model{Config: c, Network: n}).Sites()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sites {
			d, err := bridge.Describe(c, sites, bridge.Unit{Site: s.Name, Channel: bridge.All, Y: bridge.All, X: bridge.All})
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range d.Names {
				if other.Note != "" {
					continue
				}
				back, err := bridge.Describe(c, sites, bridge.Unit{Site: other.Name, Channel: bridge.All, Y: bridge.All, X: bridge.All})
				if err != nil || back.Unit.Site != s.Name {
					t.Errorf("%s: %s's %s leads to %s (%v)", s.Name, other.Library, other.Name, back.Unit.Site, err)
				}
			}
		}
	}
}

func TestDescribe(t *testing.T) {
	c := vgg.VGG19(false)
	n, err := c.Network(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	sites, err := (&models.Model{Config: c, Network: n}).Sites()
	if err != nil {
		t.Fatal(err)
	}
	d, err := bridge.Describe(c, sites, bridge.Unit{Site: "block3_pool", Channel: 57, Y: 0, X: 14})
	if err != nil || d.Unit.String() != "features.18:57,0,14" || *d.Field != (vgg.Field{Size: 52, Stride: 8, Offset: -22}) || *d.Rows != [2]int{-22, 30} || *d.Cols != [2]int{90, 142} {
		t.Errorf("%+v, %v", d, err)
	}
	d, err = bridge.Describe(c, sites, bridge.Unit{Site: "logits", Channel: 999, Y: bridge.All, X: bridge.All})
	if err != nil || d.Field != nil || d.Unit.Site != "classifier.6" {
		t.Errorf("%+v, %v", d, err)
	}
	for text, want := range map[string]string{"features.18:256": "0 to 255", "features.18:0,28,0": "0 to 27", "features.18:0,0,28": "0 to 27", "fc1:0,0,0": "no y"} {
		u, err := bridge.ParseUnit(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bridge.Describe(c, sites, u); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestParseUnit(t *testing.T) {
	for text, want := range map[string]bridge.Unit{
		"cell_0":           {Site: "cell_0", Channel: -1, Y: -1, X: -1},
		"cell_0:804":       {Site: "cell_0", Channel: 804, Y: -1, X: -1},
		"cell_0:804,21,19": {Site: "cell_0", Channel: 804, Y: 21, X: 19},
		"a:b:3":            {Site: "a:b", Channel: 3, Y: -1, X: -1},
	} {
		if got, err := bridge.ParseUnit(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ":3", "cell_0:", "cell_0:1,2", "cell_0:-1", "cell_0:1,2,3,4", "cell_0:x"} {
		if got, err := bridge.ParseUnit(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

// FuzzParseUnit: what is accepted says the same when it is written and read again.
func FuzzParseUnit(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		u, err := bridge.ParseUnit(text)
		if err != nil {
			return
		}
		again, err := bridge.ParseUnit(u.String())
		if err != nil || again != u {
			t.Fatalf("%q is %+v, and %q is %+v (%v)", text, u, u.String(), again, err)
		}
	})
}
