package clip_test

import (
	"fmt"
	"strings"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
)

// The sites of the layer that the multimodal-neurons document studies. No weights are read.
func Example() {
	network, err := clip.RN50x4().Network(0, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	sites, _, err := models.Trace(network)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range sites {
		if strings.HasPrefix(s.Name, "visual.layer4.5.bn3") || strings.HasPrefix(s.Name, "visual.layer4.5.pre_relu") || strings.HasPrefix(s.Name, "visual.attnpool") {
			fmt.Println(s.Name, s.Axes, s.Shape)
		}
	}
	// Output:
	// visual.layer4.5.bn3 [channel y x] [2560 9 9]
	// visual.layer4.5.pre_relu [channel y x] [2560 9 9]
	// visual.attnpool.tokens [token channel] [82 2560]
	// visual.attnpool.probs [head key] [40 82]
	// visual.attnpool.z [channel] [2560]
	// visual.attnpool [channel] [640]
}
