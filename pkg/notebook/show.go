package notebook

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/pkg/figure"
)

// figureBudget is the most that one figure may add to a notebook: eight of them stay below the 2 MB up to which code
// hosts render a notebook.
const figureBudget = 240 << 10

// screenDPI are the resolutions tried for a notebook's PNG, best first; the last is taken whatever its size.
var screenDPI = []int{132, 110, 96, 80}

// Show shows figures below the cell, each with its caption: as PNG and, where that keeps within the budget, SVG. When
// VENTRAL_OUT is set they are saved into its folder figures too. Outside a notebook they are saved into
// $VENTRAL_OUT/figures or ./out/figures, and the paths are printed.
func Show(figs ...*figure.Figure) error {
	for i, f := range figs {
		if f == nil {
			return fmt.Errorf("notebook: figure %d of %d is nil: check the error of its constructor", i+1, len(figs))
		}
		if !out.notebook() || os.Getenv(outVariable) != "" {
			paths, err := f.Save(folder("figures"))
			if err != nil {
				return err
			}
			if !out.notebook() {
				printPaths(f.Name, paths)
			}
		}
		if !out.notebook() {
			continue
		}
		b, err := figureBundle(f)
		if err != nil {
			return err
		}
		if err := out.send(b, ""); err != nil {
			return err
		}
		if f.Caption != "" {
			if err := Markdown("*" + escape(f.Caption) + "*"); err != nil {
				return err
			}
		}
	}
	return nil
}

// printPaths names a figure's picture and how many files lie beside it.
func printPaths(name string, paths []string) {
	for _, p := range paths {
		if strings.HasSuffix(p, ".png") {
			fmt.Fprintf(stdout(), "figure %s: %s (and %d files beside it)\n", name, p, len(paths)-1)
		}
	}
}

// figureBundle is the forms of a figure for a notebook.
func figureBundle(f *figure.Figure) (bundle, error) {
	var raster []byte
	for _, dpi := range screenDPI {
		b, err := f.PNG(dpi)
		if err != nil {
			return nil, err
		}
		raster = light(b)
		if base64.StdEncoding.EncodedLen(len(raster)) <= figureBudget {
			break
		}
	}
	text := f.Name
	for _, s := range []string{f.Title, f.Caption} {
		if s != "" {
			text += "\n" + s
		}
	}
	b := bundle{protocol.MIMEImagePNG: raster, protocol.MIMETextPlain: text}
	vector, err := f.SVG()
	if err != nil {
		return nil, err
	}
	if base64.StdEncoding.EncodedLen(len(raster))+len(vector) <= figureBudget {
		b[protocol.MIMEImageSVG] = string(vector)
	}
	return b, nil
}

// ShowImage shows one picture with a caption. Outside a notebook it is written as a PNG named after its content.
func ShowImage(img image.Image, caption string) error {
	if img == nil || img.Bounds().Empty() {
		return errors.New("notebook: the picture to show has no pixels")
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return fmt.Errorf("notebook: encoding the picture: %w", err)
	}
	if !out.notebook() {
		path, err := writeFile("image-"+fingerprint(img)+".png", b.Bytes())
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout(), "picture %s: %s\n", caption, path)
		return nil
	}
	if err := out.send(bundle{protocol.MIMEImagePNG: b.Bytes(), protocol.MIMETextPlain: "picture: " + caption}, ""); err != nil {
		return err
	}
	if caption == "" {
		return nil
	}
	return Markdown("*" + escape(caption) + "*")
}

// fingerprint is eight hexadecimal digits that depend on the size and the pixels alone.
func fingerprint(img image.Image) string {
	b := img.Bounds()
	h := sha256.New()
	fmt.Fprintf(h, "%d %d ", b.Dx(), b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			h.Write([]byte{c.R, c.G, c.B, c.A})
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// Markdown shows text as Markdown; outside a notebook it prints it as it is.
func Markdown(text string) error {
	if !out.notebook() {
		_, err := fmt.Fprintln(stdout(), text)
		return err
	}
	return out.send(bundle{protocol.MIMETextMarkdown: text, protocol.MIMETextPlain: text}, "")
}

// escape keeps Markdown from reading marks in plain text: module names are full of underscores.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\\`*_{}[]<>#|$", r) {
			b.WriteByte('\\')
		}
		if r == '\n' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// writeFile puts b into the folder figures, whole or not at all, and returns its path.
func writeFile(name string, b []byte) (path string, err error) {
	dir := folder("figures")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("notebook: making the folder for %s: %w", name, err)
	}
	path = filepath.Join(dir, name)
	if err := atomicfile.WriteFile(path, b, "notebook"); err != nil {
		return "", fmt.Errorf("notebook: %w", err)
	}
	return path, nil
}

// attribute quotes s for an HTML attribute.
func attribute(s string) string { return `"` + html.EscapeString(s) + `"` }
