package scenes_test

import (
	"fmt"

	"github.com/ventral-lab/ventral/datasets/scenes"
)

// Bytes and captions for training, without labels or masks.
func ExampleSet_Draw() {
	s, err := scenes.New(scenes.Config{N: 1_000_000, Seed: 1, Size: 64, Split: "train"})
	if err != nil {
		fmt.Println(err)
		return
	}
	rgb := make([]uint8, 64*64*3)
	for _, i := range []int{5, 42, 999_999} {
		caption, err := s.Draw(i, rgb)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(caption)
	}
	// Output:
	// an orange circle at the bottom
	// a drawing of three gray squares on a purple background
	// three gray squares
}

// Evaluation pictures for the four classes of the spatial-cells document.
func ExampleProbe() {
	s, err := scenes.Probe("shape4", 300, 1, 64)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Spec())
	for i, prompt := range s.Prompts() {
		st, err := s.At(i)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%q: %v %v\n", prompt, st.Labels["colour"], st.Labels["class"])
	}
	// Output:
	// probe?factor=shape4&n=300&seed=1&size=64&split=test
	// "a circle": black circle
	// "a square": black square
	// "a triangle": black triangle
	// "an empty image":  empty
}
