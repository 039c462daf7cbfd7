package modeltest_test

import (
	"fmt"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/modeltest"
)

// Check on a small CLIP. Where the whole network passes through a site (cut), a plan may start from a recording alone. In the
// last block only the class token, one of ten, has a gradient, because the network is read out there.
func ExampleCheck() {
	c := clip.Config{EmbedDim: 12, ImageSize: 24, Patch: 8, Width: 16, Layers: 1, Heads: 2, Context: 7, Vocab: 50, TextWidth: 16, TextLayers: 1, TextHeads: 4}
	report := modeltest.Check(modeltest.Case{Config: c, Others: []models.Network{clip.TextTower{Config: c}}, Unread: []string{"logit_scale"}, Backends: []string{"go"}})
	fmt.Println("failed:", report.Failed())
	for _, s := range report.Sites {
		if s.Cut || s.Live < 1 {
			fmt.Printf("%-32s cut %-5v live %.2f\n", s.Name, s.Cut, s.Live)
		}
	}
	// Output:
	// failed: []
	// visual.conv1                     cut true  live 1.00
	// visual.ln_pre                    cut true  live 1.00
	// visual.transformer.resblocks.0.attn.probs cut false live 0.10
	// visual.transformer.resblocks.0.attn.z cut false live 0.10
	// visual.transformer.resblocks.0.attn.out_proj cut false live 0.10
	// visual.transformer.resblocks.0.attn cut false live 0.10
	// visual.transformer.resblocks.0.ln_2 cut false live 0.10
	// visual.transformer.resblocks.0.mlp.c_fc cut false live 0.10
	// visual.transformer.resblocks.0.mlp.gelu cut false live 0.10
	// visual.transformer.resblocks.0.mlp.c_proj cut false live 0.10
	// visual.transformer.resblocks.0.mlp cut false live 0.10
	// visual.transformer.resblocks.0   cut true  live 0.10
	// visual.transformer               cut true  live 0.10
	// visual.ln_post                   cut true  live 0.10
	// visual                           cut true  live 1.00
}
