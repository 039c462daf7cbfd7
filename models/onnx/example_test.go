package onnx_test

import (
	"fmt"
	"log"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/onnx"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// A small vision transformer that PyTorch exported: the values inside its block, by the names of PyTorch's modules.
func Example() {
	m, err := onnx.Open("testdata/vit_dynamo.onnx", onnx.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	network := models.Model{Network: m.Network, Config: m.Config}
	sites, err := network.Sites()
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"patch_embed", "blocks.0.attn.qkv", "scaled_dot_product_attention", "blocks.0.mlp.act", "head"} {
		found, err := site.Match(name, sites)
		if err != nil {
			log.Fatal(err)
		}
		for _, s := range found {
			fmt.Println(name, "is", s.Name, s.Axes, s.Shape)
		}
	}
	plan := site.Plan{}.Lesion("heads", "scaled_dot_product_attention", site.Head).Capture("head")
	bound, err := plan.Check(sites)
	if err != nil {
		log.Fatal(err)
	}
	for _, in := range bound.Inputs {
		fmt.Println("takes", in.Key, in.Shape)
	}
	// Output:
	// patch_embed is transpose [token channel] [16 12]
	// blocks.0.attn.qkv is linear [token channel] [17 36]
	// scaled_dot_product_attention is scaled_dot_product_attention [head token channel] [3 17 4]
	// blocks.0.mlp.act is gelu [token channel] [17 48]
	// head is linear_4 [channel] [5]
	// takes heads.mul@scaled_dot_product_attention [3]
}
