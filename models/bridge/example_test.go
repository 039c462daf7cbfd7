package bridge_test

import (
	"fmt"

	"github.com/ventral-lab/ventral/models/bridge"
)

// Filter 804 of TF-slim's Cell_0, in the V4 document the one with the best matched neuron.
func ExampleLocate() {
	p, err := bridge.Locate("Cell_0", 804)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Piece, "=", p.Sum)
	fmt.Println(p.Unit)
	fmt.Println(p.Path)
	// Output:
	// c3 = avg3(p) + avg3(p)
	// cell_0.piece_c3:132
	// cell_0.path_2:48
}

func ExampleNames() {
	names, err := bridge.Names("vgg19", "block3_pool")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range names {
		fmt.Printf("%-12s %-14s (%s)\n", n.Library, n.Name, n.Order)
	}
	// Output:
	// torchvision  features.18    (channel, y, x)
	// timm         features.18    (channel, y, x)
	// keras        block3_pool    (y, x, channel)
	// tf-slim      vgg_19/pool3   (y, x, channel)
	// tf-slim      pool3          (y, x, channel)
}
