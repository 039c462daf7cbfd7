package spatial

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// TestAnatomy reads published networks of every family off their sites.
func TestAnatomy(t *testing.T) {
	for _, c := range []struct {
		name            string
		records, blocks int
		first, last     string // recorded
		cuts, heads     int
		modules         []string // some of them, in order
		absent          string
		token           string
	}{
		{"openai/clip-vit-b-32", 12, 12, "visual.transformer.resblocks.0.attn", "visual.transformer.resblocks.11.attn", 12, 144,
			[]string{"visual.conv1", "visual.ln_pre", "visual.transformer.resblocks.0.attn", "visual.transformer.resblocks.0.attn.out_proj", "visual.transformer.resblocks.0.ln_1",
				"visual.transformer.resblocks.0.mlp.c_fc", "visual.transformer.resblocks.0.mlp.c_proj", "visual.transformer.resblocks.0.ln_2", "visual.transformer.resblocks.11.ln_2", "visual.ln_post"}, "visual.transformer", "class"},
		{"openai/clip-rn50", 16, 16, "visual.layer1.0", "visual.layer4.2", 17, 0,
			[]string{"visual.conv1", "visual.avgpool", "visual.layer1.0.conv1", "visual.layer1.0.bn3", "visual.layer1.0.downsample", "visual.layer4.2.bn3", "visual.attnpool"}, "visual.layer4", "mean"},
		{"facebook/dinov2-reg-vit-s-14", 12, 12, "blocks.0.attn", "blocks.11.attn", 12, 72,
			[]string{"patch_embed.proj", "tokens", "blocks.0.attn", "blocks.0.attn.proj", "blocks.0.norm1", "blocks.0.mlp.fc1", "blocks.0.mlp.fc2", "blocks.0.norm2", "norm"}, "patch_embed", "class"},
		{"facebook/mae-vit-b-16", 12, 12, "blocks.0.attn", "blocks.11.attn", 12, 144, []string{"patch_embed.proj", "tokens", "blocks.11.norm2", "norm"}, "head", "class"},
		{"torchvision/vgg19", 5 + 1, 5, "features.3", "avgpool", 6, 0, []string{"features.0", "features.2", "features.34", "avgpool", "classifier.0", "classifier.4"}, "features.1", "mean"},
		{"timm/nasnetalarge", 22, 22, "cell_stem_0", "cell_17", 2, 0, []string{"conv0.conv", "conv0", "cell_stem_0", "cell_stem_1", "cell_17", "act", "global_pool"}, "last_linear", "mean"},
	} {
		t.Run(c.name, func(t *testing.T) {
			infos, err := zoo.Sites(c.name, "visual")
			if err != nil {
				t.Fatal(err)
			}
			card, _, err := zoo.Describe(c.name)
			if err != nil {
				t.Fatal(err)
			}
			a, err := anatomise(infos, card.Config)
			if err != nil {
				t.Fatal(err)
			}
			heads := 0
			for _, h := range a.heads {
				heads += h.Heads
			}
			if len(a.record) != c.records || a.record[0] != c.first || a.record[len(a.record)-1] != c.last || len(a.cuts) != c.cuts || heads != c.heads || a.usual() != c.token {
				t.Errorf("%d sites from %s to %s, %d cuts %v, %d heads, token %s", len(a.record), a.record[0], a.record[len(a.record)-1], len(a.cuts), a.cuts, heads, a.usual())
			}
			at := 0
			for _, m := range a.modules {
				if at < len(c.modules) && m.Site == c.modules[at] {
					at++
				}
				if m.Site == c.absent || m.Site == a.output {
					t.Errorf("%s is a module", m.Site)
				}
			}
			if at < len(c.modules) {
				var names []string
				for _, m := range a.modules {
					names = append(names, m.Site)
				}
				t.Errorf("no %s behind the ones before it in %s", c.modules[at], strings.Join(names, " "))
			}
		})
	}
}

// TestNoUnits: networks without units to record are errors.
func TestNoUnits(t *testing.T) {
	channel, token := site.Info{Name: "out", Axes: []site.Axis{site.Channel}, Shape: []int{3}}, site.Info{Name: "t", Axes: []site.Axis{site.Token}, Shape: []int{3}}
	for says, infos := range map[string][]site.Info{"no sites": nil, "wants channels": {channel, token}, "no units": {channel}} {
		if _, err := anatomise(infos, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one with %q", err, says)
		}
	}
	a, err := anatomise([]site.Info{{Name: "hidden", Axes: []site.Axis{site.Channel}, Shape: []int{9}}, channel}, nil)
	if err != nil || fmt.Sprint(a.record) != "[hidden]" || len(a.cuts) != 0 {
		t.Errorf("a network of two layers: %v, %v", a, err)
	}
}

// TestIndexAlong compares the indices of the elements of a map with three loops.
func TestIndexAlong(t *testing.T) {
	info := site.Info{Name: "map", Axes: []site.Axis{site.Channel, site.Y, site.X}, Shape: []int{2, 3, 4}}
	where, unit := indexAlong(info, func(a site.Axis) bool { return a == site.Y || a == site.X }), channelIndex(info)
	e := 0
	for c := range 2 {
		for y := range 3 {
			for x := range 4 {
				if where[e] != y*4+x || unit[e] != c {
					t.Errorf("element %d: position %d, unit %d; want %d and %d", e, where[e], unit[e], y*4+x, c)
				}
				e++
			}
		}
	}
}
