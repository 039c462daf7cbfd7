package bridge

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Name is what a library calls a site.
type Name struct {
	Library string `json:"library"`
	Name    string `json:"name"`
	// Order is how the library's arrays are laid out for one stimulus: "channel, y, x".
	Order string `json:"order,omitempty"`
	// Filters tells whether the channels of the library's published weights are those of the site's, number by number.
	Filters bool   `json:"filters"`
	Note    string `json:"note,omitempty"` // how the value there differs from the site's
}

// architectures are those that have names of their own in several libraries.
var architectures = map[string]models.Config{"vgg16": vgg.VGG16(false), "vgg19": vgg.VGG19(false), "nasnetalarge": nasnet.Large()}

// Architecture is the configuration of "vgg16", "vgg19" or "nasnetalarge".
func Architecture(name string) (models.Config, error) {
	if c, ok := architectures[name]; ok {
		return c, nil
	}
	var known []string
	for n := range architectures {
		known = append(known, n)
	}
	sort.Strings(known)
	return nil, fmt.Errorf("no architecture %q to translate; there are %s", name, strings.Join(known, ", "))
}

// Names lists the names of a site of an architecture (see Architecture), which may be given in the spelling of any of the
// libraries. The first is the name the site has in this module, which is the reference implementation's.
func Names(architecture, name string) ([]Name, error) {
	c, err := Architecture(architecture)
	if err != nil {
		return nil, err
	}
	n, err := c.Network(0, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", architecture, err)
	}
	sites, err := (&models.Model{Config: c, Network: n}).Sites()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", architecture, err)
	}
	d, err := Describe(c, sites, Unit{name, All, All, All})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", architecture, err)
	}
	return d.Names, nil
}

// reference is the library that a family's sites are named after.
func reference(c models.Config) string {
	switch c.Family() {
	case "vgg":
		return vgg.Torchvision
	case "nasnet":
		return vgg.Timm
	case "clip":
		return "openai"
	}
	return "reference"
}

func namesOf(c models.Config, at string) []Name {
	out := []Name{{Library: reference(c), Name: at, Filters: true}}
	add := func(a models.Alias, note string) {
		n := Name{Library: a.Library, Name: a.Name, Filters: true, Note: note}
		_, isVGG := c.(vgg.Config)
		if a.Library == vgg.Keras || a.Library == vgg.Slim {
			n.Filters = !isVGG
		}
		if same := func(o Name) bool { return o.Library == n.Library && o.Name == n.Name }; !slices.ContainsFunc(out, same) {
			out = append(out, n)
		}
	}
	for _, a := range c.Aliases() {
		if a.Site == at {
			add(a, "")
		}
	}
	if v, ok := c.(vgg.Config); ok {
		behind, note := rectified(v, at)
		for _, a := range v.Aliases() {
			if a.Site == behind && (a.Library == vgg.Keras || a.Library == vgg.Slim) {
				add(a, note)
			}
		}
		if at == "classifier.6" && slices.ContainsFunc(v.Aliases(), func(a models.Alias) bool { return a.Library == vgg.Keras }) {
			add(models.Alias{Library: vgg.Keras, Name: "predictions"}, "the softmax of it")
		}
	}
	return out
}

// rectified is the site of the rectification that follows a convolution or fully connected layer, and a note that says so.
func rectified(c vgg.Config, at string) (behind, note string) {
	layers := c.Layers()
	for i, l := range layers {
		if l.Site == at && l.Kind == vgg.Conv && layers[i+1].Kind == vgg.ReLU {
			behind = layers[i+1].Site
		}
	}
	switch at {
	case "classifier.0":
		behind = "classifier.1"
	case "classifier.3":
		behind = "classifier.4"
	}
	if behind != "" {
		note = "after the rectification, " + behind + " here"
	}
	return behind, note
}

// order is how a library lays out a value with these axes for one stimulus.
func order(library string, axes []site.Axis) string {
	words := make([]string, len(axes))
	for i, a := range axes {
		words[i] = string(a)
	}
	if (library == vgg.Keras || library == vgg.Slim) && slices.Equal(axes, []site.Axis{site.Channel, site.Y, site.X}) {
		words = []string{"y", "x", "channel"}
	}
	return strings.Join(words, ", ")
}
