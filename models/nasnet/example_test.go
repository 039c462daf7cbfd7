package nasnet_test

import (
	"fmt"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/nasnet"
)

// The pieces of the cell that predicts V4, read off the architecture: no weights are needed.
func Example() {
	c := nasnet.Large()
	n, err := c.Network(0, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	sites, _, err := models.Trace(n)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range sites {
		switch s.Name {
		case "cell_0.piece_p", "cell_0.piece_c3", "cell_0":
			fmt.Println(s.Name, s.Axes, s.Shape)
		}
	}
	fmt.Printf("channel 804 is channel %d of piece %d\n", 804%c.Filters, 804/c.Filters)
	fmt.Println(models.Parameters(c), "parameters")
	// Output:
	// cell_0.piece_c3 [channel y x] [168 42 42]
	// cell_0.piece_p [channel y x] [168 42 42]
	// cell_0 [channel y x] [1008 42 42]
	// channel 804 is channel 132 of piece 4
	// 88753150 parameters
}
