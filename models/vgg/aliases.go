package vgg

import (
	"fmt"
	"slices"

	"github.com/ventral-lab/ventral/models"
)

// Libraries whose names a site may have beside torchvision's.
const (
	Torchvision = "torchvision"
	Timm        = "timm"
	Keras       = "keras"
	Slim        = "tf-slim"
)

// published are the block structures that Keras and TF-slim have names for. TF-slim's scopes begin with the model's.
var published = []struct {
	convs []int
	keras bool
	slim  string
}{
	{[]int{1, 1, 2, 2, 2}, false, "vgg_a"},
	{[]int{2, 2, 3, 3, 3}, true, "vgg_16"},
	{[]int{2, 2, 4, 4, 4}, true, "vgg_19"},
}

// Aliases are the sites' names in timm and, for the block structures of VGG-11, 16 and 19 without batch normalisation, in
// Keras and TF-slim, whose convolutions include the rectification.
func (c Config) Aliases() []models.Alias {
	var out []models.Alias
	add := func(site, library, name string) {
		out = append(out, models.Alias{Site: site, Library: library, Name: name})
	}
	layers := c.Layers()
	for _, l := range layers {
		add(l.Site, Timm, l.Site)
	}
	last := layers[len(layers)-1].Site
	add(last, Torchvision, "features")
	add(last, Timm, "features")
	if c.Hidden > 0 {
		add("classifier.6", Torchvision, "classifier")
		add("classifier.6", "ventral", "logits")
		add("classifier.0", Timm, "pre_logits.fc1")
		add("classifier.1", Timm, "pre_logits.act1")
		add("classifier.3", Timm, "pre_logits.fc2")
		add("classifier.4", Timm, "pre_logits.act2")
		add("classifier.4", Timm, "pre_logits")
		add("classifier.6", Timm, "head.fc")
		add("classifier.6", Timm, "head")
	}
	if c.BatchNorm {
		return out
	}
	for _, p := range published {
		if !slices.EqualFunc(c.Blocks, p.convs, func(b []int, n int) bool { return len(b) == n }) {
			continue
		}
		keras := func(site, name string) {
			if p.keras {
				add(site, Keras, name)
			}
		}
		slim := func(site, name string) {
			add(site, Slim, p.slim+"/"+name)
			add(site, Slim, name)
		}
		for _, l := range layers {
			switch l.Kind {
			case ReLU:
				keras(l.Site, fmt.Sprintf("block%d_conv%d", l.Block, l.Index))
				slim(l.Site, fmt.Sprintf("conv%d/conv%d_%d", l.Block, l.Block, l.Index))
			case Pool:
				keras(l.Site, fmt.Sprintf("block%d_pool", l.Block))
				slim(l.Site, fmt.Sprintf("pool%d", l.Block))
			}
		}
		if c.Hidden > 0 {
			keras("classifier.1", "fc1")
			keras("classifier.4", "fc2")
			slim("classifier.1", "fc6")
			slim("classifier.4", "fc7")
			slim("classifier.6", "fc8")
		}
	}
	return out
}
