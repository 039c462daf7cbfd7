package scenes

import (
	"sync"

	"codeberg.org/go-fonts/liberation/liberationmonobold"
	"codeberg.org/go-fonts/liberation/liberationmonoregular"
	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansitalic"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"codeberg.org/go-fonts/liberation/liberationserifbold"
	"codeberg.org/go-fonts/liberation/liberationserifitalic"
	"codeberg.org/go-fonts/liberation/liberationserifregular"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/ventral-lab/ventral/internal/raster"
)

// fontFiles are the fonts of written words. Their order is part of the world: a picture draws an index.
var fontFiles = [...]struct {
	name string
	bold bool
	ttf  []byte
}{
	{"go", false, goregular.TTF},
	{"go-medium", false, gomedium.TTF},
	{"go-bold", true, gobold.TTF},
	{"go-italic", false, goitalic.TTF},
	{"go-mono-bold", true, gomonobold.TTF},
	{"sans", false, liberationsansregular.TTF},
	{"sans-bold", true, liberationsansbold.TTF},
	{"sans-italic", false, liberationsansitalic.TTF},
	{"serif", false, liberationserifregular.TTF},
	{"serif-bold", true, liberationserifbold.TTF},
	{"serif-italic", false, liberationserifitalic.TTF},
	{"mono", false, liberationmonoregular.TTF},
	{"mono-bold", true, liberationmonobold.TTF},
}

// fonts parses the fonts once. They are compiled in, so that a failure is a mistake in this package.
var fonts = sync.OnceValue(func() []*raster.Font {
	out := make([]*raster.Font, len(fontFiles))
	for i, f := range fontFiles {
		font, err := raster.ParseFont(f.ttf)
		if err != nil {
			panic("scenes: " + f.name + ": " + err.Error())
		}
		out[i] = font
	}
	return out
})

// Fonts are the names of the fonts in which words are written.
func Fonts() []string {
	out := make([]string, len(fontFiles))
	for i, f := range fontFiles {
		out[i] = f.name
	}
	return out
}
