package notebook_test

import (
	"fmt"
	"image"
	"log"
	"os"

	"github.com/ventral-lab/ventral/pkg/figure"
	"github.com/ventral-lab/ventral/pkg/notebook"
)

// inTemp runs f in an empty folder that is removed afterwards.
func inTemp(f func()) {
	dir, err := os.MkdirTemp("", "notebook")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	old, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	notebook.Check(os.Chdir(dir))
	defer func() { notebook.Check(os.Chdir(old)) }()
	f()
}

func bars() (*figure.Figure, error) {
	return figure.Bars(figure.BarsOptions{Meta: figure.Meta{Name: "accuracy"}, Bars: []figure.Bar{{Group: "shape", Value: 0.97}}})
}

func ExampleTable() {
	err := notebook.Table([]string{"prompt", "accuracy"}, [][]string{{"a circle", "0.97"}, {"an empty image", "1.00"}}, "Zero-shot")
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// Zero-shot
	// prompt          accuracy
	// ────────────────────────
	// a circle            0.97
	// an empty image      1.00
}

func ExampleMarkdown() {
	if err := notebook.Markdown("## Lesions\n\nOne module at a time."); err != nil {
		log.Fatal(err)
	}
	// Output:
	// ## Lesions
	//
	// One module at a time.
}

func ExampleMust() {
	f := notebook.Must(bars())
	fmt.Println(f.Name)
	notebook.Check(nil)
	// Output: accuracy
}

func ExampleInteractive() {
	if !notebook.Interactive() {
		fmt.Println("no one to click: using the preset")
	}
	// Output: no one to click: using the preset
}

// Outside a notebook figures are files.
func ExampleShow() {
	inTemp(func() {
		notebook.Check(notebook.Show(notebook.Must(bars())))
	})
	// Output: figure accuracy: out/figures/accuracy.png (and 4 files beside it)
}

// Outside a notebook a slider is one HTML page.
func ExampleFrames() {
	inTemp(func() {
		f := notebook.Must(bars())
		notebook.Check(notebook.Frames("Accuracy by layer", []string{"0", "1"}, []*figure.Figure{f, f}))
	})
	// Output: frames Accuracy by layer: out/figures/accuracy-by-layer.html
}

func ExampleShowImage() {
	inTemp(func() {
		notebook.Check(notebook.ShowImage(image.NewGray(image.Rect(0, 0, 8, 8)), "black"))
	})
	// Output: picture black: out/figures/image-18b63060.png
}
