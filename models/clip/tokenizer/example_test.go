package tokenizer_test

import (
	"fmt"
	"strings"

	"github.com/ventral-lab/ventral/models/clip/tokenizer"
)

func ExampleDefault() {
	t := tokenizer.Default()
	ids := t.Encode("A photo of a magnificently small cat")
	var tokens []string
	for _, id := range ids {
		tokens = append(tokens, t.Vocabulary().Token(id))
	}
	fmt.Println(strings.Join(tokens, " "))
	fmt.Println(ids)
	fmt.Println(t.Decode(ids))
	// Output:
	// a</w> photo</w> of</w> a</w> magnific ently</w> small</w> cat</w>
	// [320 1125 539 320 9725 2922 2442 2368]
	// a photo of a magnificently small cat
}

func ExampleTokenizer_EncodePadded() {
	row, err := tokenizer.Default().EncodePadded("a red circle", 8)
	fmt.Println(row, err)
	// Output: [49406 320 736 7117 49407 0 0 0] <nil>
}

func ExampleSmall() {
	t, err := tokenizer.Small(2048)
	if err != nil {
		fmt.Println(err)
		return
	}
	row, err := t.EncodePadded("a red circle", 8)
	fmt.Println(row, err)
	fmt.Println(t.Vocabulary().Start(), t.Vocabulary().End())
	// Output:
	// [2046 320 736 66 582 66 579 2047] <nil>
	// 2046 2047
}
