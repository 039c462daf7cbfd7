package zoo

import (
	"encoding/json"
	"fmt"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/models/weights"
)

var vggFamily = family{
	architecture: "vgg",
	infer: func(shapes map[string][]int, layout weights.Layout, _ json.RawMessage) (models.Config, []string, error) {
		c, err := vgg.Infer(shapes)
		if err != nil {
			return nil, nil, err
		}
		c.Sliding, c.Caffe = layout == weights.Timm, layout == weights.Keras
		return c, nil, nil
	},
	decode: decode[vgg.Config],
	preprocess: func(c models.Config) preprocess.Spec {
		if c.(vgg.Config).Caffe {
			return preprocess.Caffe224
		}
		return preprocess.ImageNet224
	},
	cards: vggCards(),
}

func vggCards() []Card {
	var cards []Card
	for _, m := range []struct {
		name   string
		config func(batchNorm bool) vgg.Config
	}{{"vgg11", vgg.VGG11}, {"vgg13", vgg.VGG13}, {"vgg16", vgg.VGG16}, {"vgg19", vgg.VGG19}} {
		for _, suffix := range []string{"", "_bn"} {
			card := Card{Name: "torchvision/" + m.name + suffix, Architecture: "vgg", Source: fmt.Sprintf("timm/%s%s.tv_in1k", m.name, suffix),
				File: "model.safetensors", Licence: "BSD-3-Clause", Preprocess: preprocess.ImageNet224, Config: m.config(suffix != ""),
				Note: "torchvision's weights in timm's layout"}
			if card.Name == "torchvision/vgg19" {
				card.Note = "the model of the V4 document's VGG figures; its filter numbers are torchvision's, not Keras'. " + card.Note
			}
			cards = append(cards, card)
		}
	}
	for _, m := range []struct {
		name, class, note string
		config            vgg.Config
	}{
		{"vgg16", "VGG16", "", vgg.VGG16(false)},
		{"vgg19", "VGG19", "the network that Brain-Score calls vgg-19, whose block3_pool the V4 document starts from. ", vgg.VGG19(false)},
	} {
		m.config.Caffe = true
		cards = append(cards, Card{Name: "keras/" + m.name, Architecture: "vgg",
			Source:  fmt.Sprintf("HDF5 of keras.applications; ventral models show keras/%s has the command that converts it", m.name),
			Licence: "weights CC BY 4.0 (Visual Geometry Group, Oxford)", Preprocess: preprocess.Caffe224, Config: m.config,
			Note: m.note + "Another training than torchvision's: the same places, other filters. To convert: " + keras(m.class)})
	}
	return cards
}

// keras is the command that writes Keras' weights as safetensors.
func keras(class string) string {
	return fmt.Sprintf(`python -c "import keras, numpy; from safetensors.numpy import save_file; save_file({w.path: numpy.array(w) for w in keras.applications.%s().weights}, 'model.safetensors')"`, class)
}
