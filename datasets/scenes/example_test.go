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

// The second world: a caption, and what it was written from.
func ExampleNewWorld() {
	w, err := scenes.NewWorld(scenes.WorldConfig{N: 1_000_000, Seed: 1, Size: 64, Split: "train"})
	if err != nil {
		fmt.Println(err)
		return
	}
	rgb := make([]uint8, 64*64*3)
	for _, i := range []int{15, 26, 44, 999_999} {
		caption, err := w.Draw(i, rgb)
		if err != nil {
			fmt.Println(err)
			return
		}
		l, err := w.Latents(i)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s:", caption)
		for _, it := range l.Items {
			fmt.Printf(" %s %s (%s)", it.Category, it.Name, it.Style)
		}
		fmt.Printf(" on %s\n", l.Background)
	}
	// Output:
	// turkey on a map: map turkey (art) on white
	// a drum with the word drum: object drum (silhouette) word drum (word) on plain
	// the word foot: word foot (word) on gradient
	// a cherry in a room: object cherry (art) on indoor
}

// Attack pictures: an object with another's name on it, and two questions about them.
func ExampleNewWorldProbe() {
	for _, factor := range []string{"attack", "attack-read"} {
		w, err := scenes.NewWorldProbe(scenes.WorldProbeConfig{Factor: factor, N: 300, Seed: 1})
		if err != nil {
			fmt.Println(err)
			return
		}
		st, err := w.At(0)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: the answer is %v, one of %d prompts such as %q\n", factor, st.Labels["class"], len(w.Prompts()), w.Prompts()[0])
	}
	// Output:
	// attack: the answer is cat, one of 134 prompts such as "a photo of a cat"
	// attack-read: the answer is eye, one of 134 prompts such as "the word cat"
}
