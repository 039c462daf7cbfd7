package vgg_test

import (
	"fmt"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/vgg"
)

// The third pool of VGG-19, whose units the V4 document drives.
func Example() {
	c := vgg.VGG19(false)
	network, err := c.Network(0, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	sites, _, err := models.Trace(network)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sites[18].Name, sites[18].Axes, sites[18].Shape)
	f, err := c.ReceptiveField("features.18")
	if err != nil {
		fmt.Println(err)
		return
	}
	from, to := f.Pixels(14)
	fmt.Printf("the unit in row 14 sees rows %d to %d\n", from, to-1)
	// Output:
	// features.18 [channel y x] [256 28 28]
	// the unit in row 14 sees rows 90 to 141
}
