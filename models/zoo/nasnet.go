package zoo

import (
	"encoding/json"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/nasnet"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
)

const nasnetLicence = "code BSD-3 (Cadene) and Apache-2.0 (timm); weights Apache-2.0 (trained by TensorFlow's authors)"

var nasnetA = family{
	architecture: "nasnet-a",
	infer: func(shapes map[string][]int, _ weights.Layout, _ json.RawMessage) (models.Config, []string, error) {
		c, err := nasnet.Infer(shapes)
		return c, []string{"stride-2 average pools taken to leave padding out, as in TensorFlow, where the published weights were trained; timm and what is trained in it count it"}, err
	},
	decode: decode[nasnet.Config],
	preprocess: func(c models.Config) preprocess.Spec {
		if size := c.(nasnet.Config).ImageSize; size != preprocess.NASNet331.Size {
			return preprocess.NASNet331.WithSize(size)
		}
		return preprocess.NASNet331
	},
	cards: []Card{
		{Name: "timm/nasnetalarge", Architecture: "nasnet-a", Source: "timm/nasnetalarge.tf_in1k", File: "model.safetensors",
			Licence: nasnetLicence, Preprocess: preprocess.NASNet331, Config: nasnet.Large(),
			Note: "the model of the V4 document; average pools as in TensorFlow, where it was trained"},
		{Name: "timm/nasnetalarge-timmpool", Architecture: "nasnet-a", Source: "timm/nasnetalarge.tf_in1k", File: "model.safetensors",
			Licence: nasnetLicence, Preprocess: preprocess.NASNet331, Config: timmPools(),
			Note: "the same weights as timm computes with them: its stride-2 average pools count padded zeros"},
	},
}

func timmPools() nasnet.Config {
	c := nasnet.Large()
	c.Pool = nasnet.PoolTimm
	return c
}
