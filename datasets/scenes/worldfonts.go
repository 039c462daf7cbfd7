package scenes

import (
	"sync"

	"codeberg.org/go-fonts/liberation/liberationmonobolditalic"
	"codeberg.org/go-fonts/liberation/liberationsansbolditalic"
	"codeberg.org/go-fonts/liberation/liberationserifbolditalic"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gosmallcaps"

	"github.com/ventral-lab/ventral/internal/raster"
)

type fontFile struct {
	name string
	bold bool
	ttf  []byte
}

// worldFonts are the fonts of the second world: those of the first and six more. Their order is part of the world.
var worldFonts = func() []fontFile {
	var out []fontFile
	for _, f := range fontFiles {
		out = append(out, fontFile(f))
	}
	return append(out,
		fontFile{"go-bold-italic", true, gobolditalic.TTF},
		fontFile{"go-mono", false, gomono.TTF},
		fontFile{"go-smallcaps", false, gosmallcaps.TTF},
		fontFile{"sans-bold-italic", true, liberationsansbolditalic.TTF},
		fontFile{"serif-bold-italic", true, liberationserifbolditalic.TTF},
		fontFile{"mono-bold-italic", true, liberationmonobolditalic.TTF},
	)
}()

// worldFontFaces parses the fonts once. They are compiled in, so that a failure is a mistake in this package.
var worldFontFaces = sync.OnceValue(func() []*raster.Font {
	out := append([]*raster.Font(nil), fonts()...)
	for _, f := range worldFonts[len(out):] {
		font, err := raster.ParseFont(f.ttf)
		if err != nil {
			panic("scenes: " + f.name + ": " + err.Error())
		}
		out = append(out, font)
	}
	return out
})

// WorldFonts are the names of the fonts in which the second world writes.
func WorldFonts() []string {
	out := make([]string, len(worldFonts))
	for i, f := range worldFonts {
		out[i] = f.name
	}
	return out
}
