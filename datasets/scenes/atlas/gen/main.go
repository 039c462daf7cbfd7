// Command gen makes the sprite sheets of datasets/scenes/atlas out of two open collections: the colour bitmaps of Noto Color Emoji
// (module eliasnaur.com/font, SIL Open Font License 1.1) and the Material icons (golang.org/x/exp/shiny, Apache License 2.0).
//
// It is a module of its own, so that who uses the sheets need not download the collections. Run it with
//
//	go generate ./datasets/scenes/atlas
//
// The same module versions, Go version and kind of processor give the same bytes. The sheets must exist to be made anew: the package that embeds them is
// also where the list of things stands.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"log"
	"os"
	"path/filepath"

	"eliasnaur.com/font/noto/emoji/color"
	"golang.org/x/exp/shiny/iconvg"

	"github.com/ventral-lab/ventral/datasets/scenes/atlas"
	"github.com/ventral-lab/ventral/datasets/scenes/emoji"
)

func main() {
	log.SetFlags(0)
	out := flag.String("out", "sheets", "folder of the sheets")
	flag.Parse()
	if err := run(*out); err != nil {
		log.Fatal("gen: ", err)
	}
}

func run(dir string) error {
	font, err := emoji.Parse(color.TTF)
	if err != nil {
		return err
	}
	var index atlas.Index
	var art, stencil, line, icon sheet
	for _, list := range []struct {
		name    string
		entries []atlas.Entry
	}{{"object", atlas.Objects}, {"face", atlas.Faces}, {"flag", atlas.Flags}} {
		for _, e := range list.entries {
			s := atlas.Sprites{Kind: list.name, Name: e.Name}
			for _, text := range e.Emoji {
				img, err := glyph(font, text)
				if err != nil {
					return fmt.Errorf("%s: %w", e.Name, err)
				}
				s.Art = append(s.Art, art.add(img))
				if list.name == "flag" {
					continue
				}
				st, li := trace(img)
				s.Stencil = append(s.Stencil, stencil.add(st))
				s.Line = append(s.Line, line.add(li))
			}
			for _, name := range e.Icons {
				img, err := material(name)
				if err != nil {
					return fmt.Errorf("%s: %w", e.Name, err)
				}
				s.Icon = append(s.Icon, icon.add(img))
			}
			index.Sprites = append(index.Sprites, s)
		}
	}
	for _, s := range []struct {
		name  string
		sheet *sheet
	}{{"art", &art}, {"stencil", &stencil}, {"line", &line}, {"icon", &icon}} {
		if err := write(filepath.Join(dir, s.name+".png"), s.sheet.draw()); err != nil {
			return err
		}
	}
	b, err := json.Marshal(index)
	if err != nil {
		return err
	}
	b = bytes.ReplaceAll(b, []byte(`},{"kind"`), []byte("},\n{\"kind\""))
	return os.WriteFile(filepath.Join(dir, "index.json"), append(b, '\n'), 0o644)
}

func write(path string, img image.Image) error {
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&b, img); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// glyph is the bitmap of an emoji, with straight alpha.
func glyph(f *emoji.Font, text string) (*image.NRGBA, error) {
	p, err := f.PNG(text)
	if err != nil {
		return nil, err
	}
	src, err := png.Decode(bytes.NewReader(p))
	if err != nil {
		return nil, err
	}
	b := src.Bounds()
	img := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(img, img.Rect, src, b.Min, draw.Src)
	return centre(img), nil
}

// material draws a Material icon, white where it has paint, over the whole of a cell.
func material(name string) (*image.Gray, error) {
	data, ok := iconData[name]
	if !ok {
		return nil, fmt.Errorf("no Material icon %q in icons.go", name)
	}
	const n = atlas.Cell
	rgba := image.NewRGBA(image.Rect(0, 0, n, n))
	var z iconvg.Rasterizer
	z.SetDstImage(rgba, rgba.Rect, draw.Src)
	if err := iconvg.Decode(&z, data, nil); err != nil {
		return nil, fmt.Errorf("icon %q: %w", name, err)
	}
	g := image.NewGray(rgba.Rect)
	for i := range g.Pix {
		g.Pix[i] = rgba.Pix[4*i+3]
	}
	return g, nil
}
