package zarr_test

import (
	"fmt"
	"log"

	"github.com/ventral-lab/ventral/internal/zarr"
)

// An array that zarr-python wrote, chunked along all four axes.
func ExampleOpenArray() {
	a, err := zarr.OpenArray("testdata/python.zarr/rank4")
	if err != nil {
		log.Fatal(err)
	}
	raw, err := a.ReadAll()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.Meta.DType, a.Meta.Shape, a.Meta.Grid(), a.Meta.ChunkKey(1, 0, 2, 1))
	fmt.Println(len(raw), raw[4:8])
	// Output:
	// int32 [3 2 5 4] [2 1 3 2] c/1/0/2/1
	// 480 [1 0 0 0]
}
