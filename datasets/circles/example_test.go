package circles_test

import (
	"fmt"

	"github.com/ventral-lab/ventral/datasets/circles"
)

// The stimuli of the spatial-cells document, with what a ratemap needs to know of each.
func Example() {
	s, err := circles.New(circles.Config{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Spec(), s.Len())
	st, err := s.At(3)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s at (%.1f, %.1f), diameter %.1f, %.3f of it visible\n", st.Caption,
		st.Labels["x"], st.Labels["y"], st.Labels["diameter"], st.Labels["visible_area"])
	// Output:
	// circles?n=3000&seed=1 3000
	// a black circle at (22.4, 63.4), diameter 53.3, 0.963 of it visible
}
