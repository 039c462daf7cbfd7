package safetensors_test

import (
	"bytes"
	"fmt"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

func Example() {
	weights := safetensors.Tensor{Name: "fc.weight", DType: safetensors.F32, Shape: []int{2, 2},
		Data: safetensors.Float32Bytes([]float32{1, 0, 0.5, -1})}
	var file bytes.Buffer
	if err := safetensors.Write(&file, []safetensors.Tensor{weights}, map[string]string{"format": "pt"}); err != nil {
		fmt.Println(err)
		return
	}
	f, err := safetensors.Parse(file.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	t, _ := f.Lookup("fc.weight")
	values, err := t.Float32()
	fmt.Println(t.DType, t.Shape, values, err)

	_, err = safetensors.Parse(file.Bytes()[:file.Len()-1])
	fmt.Println(err)
	// Output:
	// F32 [2 2] [1 0 0.5 -1] <nil>
	// safetensors: tensor "fc.weight": file is cut short: ends at byte 16 of a buffer of 15; fetch the file again
}
