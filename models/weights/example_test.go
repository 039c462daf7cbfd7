package weights_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/weights"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	err = safetensors.WriteFile(filepath.Join(dir, "model.safetensors"), []safetensors.Tensor{
		{Name: "fc.weight", DType: safetensors.F32, Shape: []int{2, 2}, Data: safetensors.Float32Bytes([]float32{1, 2, 3, 4})},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	set, err := weights.Open(dir, weights.Options{CheckFinite: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer set.Close()
	values, err := set.Float32("fc.weight", 2, 2)
	fmt.Println(set.Names(), values, err)
	// Output: [fc.weight] [1 2 3 4] <nil>
}

func ExampleHuggingFaceToOpenAI() {
	names := []string{"text_model.embeddings.token_embedding.weight", "text_model.encoder.layers.0.self_attn.q_proj.bias"}
	m, err := weights.HuggingFaceToOpenAI(names)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range m.Rules {
		if r.Name == "transformer.resblocks.0.attn.in_proj_bias" || r.Name == "text_projection" {
			fmt.Println(r.Name, r.From)
		}
	}
	// Output:
	// text_projection [text_projection.weight]
	// transformer.resblocks.0.attn.in_proj_bias [text_model.encoder.layers.0.self_attn.q_proj.bias text_model.encoder.layers.0.self_attn.k_proj.bias text_model.encoder.layers.0.self_attn.v_proj.bias]
}
