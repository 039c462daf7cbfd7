package atlas

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"sync"
)

//go:generate go run -C gen . -out ../sheets

//go:embed sheets
var sheets embed.FS

// Cell is the side of a sprite's cell in pixels; Columns is the number of cells in a row of a sheet.
const (
	Cell    = 136
	Columns = 16
)

// Index says which cells of the sheets belong to what.
type Index struct {
	Sprites []Sprites `json:"sprites"`
}

// Sprites are the cells of one thing. Art, Stencil and Line have one cell for each emoji of its Entry (flags: Art alone), Icon one for
// each of its icons.
type Sprites struct {
	Kind    string `json:"kind"` // object, face or flag
	Name    string `json:"name"`
	Art     []int  `json:"art"`
	Stencil []int  `json:"stencil,omitempty"`
	Line    []int  `json:"line,omitempty"`
	Icon    []int  `json:"icon,omitempty"`
}

// The sheets.
const (
	Art     = iota // in colour, with an alpha channel
	Stencil        // silhouettes with the inner edges cut out: coverage alone
	Line           // drawings of outline and inner edges: coverage alone
	Icon           // Material icons: coverage alone
	nSheets
)

// SheetNames are the names of the sheets, in the order of their constants.
var SheetNames = [nSheets]string{"art", "stencil", "line", "icon"}

// ReadIndex decodes an index and checks it: at most maxCells cells a thing, no negative number.
func ReadIndex(b []byte) (Index, error) {
	var x Index
	if len(b) > maxIndex {
		return x, fmt.Errorf("atlas: index of %d bytes: the limit is %d", len(b), maxIndex)
	}
	if err := json.Unmarshal(b, &x); err != nil {
		return x, fmt.Errorf("atlas: index: %w", err)
	}
	for _, s := range x.Sprites {
		for _, list := range [][]int{s.Art, s.Stencil, s.Line, s.Icon} {
			for _, c := range list {
				if c < 0 || c >= maxCells {
					return x, fmt.Errorf("atlas: index: %s %q: cell %d: cells run from 0 to %d", s.Kind, s.Name, c, maxCells-1)
				}
			}
		}
	}
	return x, nil
}

// Sheet is a decoded sheet.
type Sheet struct {
	cells   int
	channel int // 4: premultiplied red, green, blue, alpha; 1: coverage
	pix     []uint8
	stride  int
	sprites []lazy
}

type lazy struct {
	once   sync.Once
	sprite *Sprite
}

// ReadSheet decodes a sheet: a PNG, Columns cells wide and whole cells high, in gray (coverage) or in colour.
func ReadSheet(r io.Reader) (*Sheet, error) {
	var head bytes.Buffer
	cfg, err := png.DecodeConfig(io.TeeReader(r, &head))
	if err != nil {
		return nil, fmt.Errorf("atlas: sheet: %w", err)
	}
	rows := cfg.Height / Cell
	if cfg.Width != Columns*Cell || cfg.Height%Cell != 0 || rows < 1 || rows*Columns > maxCells {
		return nil, fmt.Errorf("atlas: sheet of %d x %d pixels: it is %d wide and from %d to %d high in steps of %d",
			cfg.Width, cfg.Height, Columns*Cell, Cell, maxCells/Columns*Cell, Cell)
	}
	img, err := png.Decode(io.MultiReader(&head, r))
	if err != nil {
		return nil, fmt.Errorf("atlas: sheet: %w", err)
	}
	s := &Sheet{cells: rows * Columns, sprites: make([]lazy, rows*Columns)}
	switch img := img.(type) {
	case *image.Gray:
		s.channel, s.pix, s.stride = 1, img.Pix, img.Stride
	case *image.NRGBA:
		s.channel, s.pix, s.stride = 4, img.Pix, img.Stride
		for i := 0; i < len(s.pix); i += 4 {
			a := uint32(s.pix[i+3])
			for c := range 3 {
				s.pix[i+c] = uint8((uint32(s.pix[i+c])*a + 127) / 255)
			}
		}
	default:
		return nil, fmt.Errorf("atlas: sheet of type %T: it is 8-bit gray or 8-bit red, green, blue and alpha", img)
	}
	return s, nil
}

var index = sync.OnceValue(func() map[string]Sprites {
	b, err := sheets.ReadFile("sheets/index.json")
	if err != nil {
		panic(err) // embedded
	}
	x, err := ReadIndex(b)
	if err != nil {
		panic(err)
	}
	m := make(map[string]Sprites, len(x.Sprites))
	for _, s := range x.Sprites {
		m[s.Kind+"/"+s.Name] = s
	}
	return m
})

// Find returns the cells of a thing by its kind (object, face, flag) and name.
func Find(kind, name string) (Sprites, bool) {
	s, ok := index()[kind+"/"+name]
	return s, ok
}

var loaded = func() (out [nSheets]func() *Sheet) {
	for i, name := range SheetNames {
		out[i] = sync.OnceValue(func() *Sheet {
			f, err := sheets.Open("sheets/" + name + ".png")
			if err != nil {
				panic(err) // embedded
			}
			defer f.Close()
			s, err := ReadSheet(f)
			if err != nil {
				panic(err)
			}
			return s
		})
	}
	return out
}()

// Get returns a sprite of a sheet that ships. It panics if there is no such cell: cells come from Find.
func Get(sheet, cell int) *Sprite { return loaded[sheet]().Sprite(cell) }

// Sprite returns a cell's sprite. It panics outside the sheet.
func (s *Sheet) Sprite(cell int) *Sprite {
	if cell < 0 || cell >= s.cells {
		panic(fmt.Sprintf("atlas: cell %d of a sheet with %d", cell, s.cells))
	}
	l := &s.sprites[cell]
	l.once.Do(func() { l.sprite = s.cut(cell) })
	return l.sprite
}
