package export

import (
	"bytes"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// Classes says what the pixels of a segmentation are told apart by.
type Classes string

// The sets of classes.
const (
	// Groups are fourteen: the groups of objects (animal, food, plant, sky, vehicle, thing, building, body) and face, flag, map, character, word, shape. They fit
	// readers that know the twenty classes of PASCAL VOC.
	Groups Classes = "groups"
	// Names are the objects one by one, then face, flag, map, character, word, and the shapes one by one.
	Names Classes = "names"
)

var groups = []string{"animal", "food", "plant", "sky", "vehicle", "thing", "building", "body", "face", "flag", "map", "character", "word", "shape"}

// List is the names of the classes 1, 2, ...; 0 is the ground. It fails for what is neither Groups nor Names.
func (c Classes) List() ([]string, error) {
	switch c {
	case Groups:
		return append([]string(nil), groups...), nil
	case Names:
		out := append(scenes.ThingNames(), "face", "flag", "map", "character", "word")
		return append(out, scenes.Shapes()...), nil
	}
	return nil, fmt.Errorf("export: classes %q: they are %s or %s", string(c), Groups, Names)
}

// of is the class of an item by name.
func (c Classes) of(it *scenes.Item) string {
	switch {
	case it.Category == "object" && c == Groups:
		return it.Group
	case it.Category == "object", it.Category == "shape" && c == Names:
		return it.Name
	}
	return it.Category
}

// void is the palette index of pixels that count for nothing.
const void = 255

// jpegQuality keeps the pixels within a few levels of the set's.
const jpegQuality = 95

// VOC writes the set below dir/VOCdevkit/VOC2012 as PASCAL VOC 2012: JPEGImages/ID.jpg, SegmentationClass/ID.png and SegmentationObject/ID.png (palette
// PNGs with a void border between things), Annotations/ID.xml (boxes of what is visible of each thing), ImageSets/Segmentation/SPLIT.txt and
// ImageSets/Main/SPLIT.txt, trainval.txt of train and val together, and classes.txt, which VOC has not. It may be called for one
// split after another with the same dir.
func VOC(set *scenes.World, dir string, classes Classes, done func()) error {
	names, err := classes.List()
	if err != nil {
		return err
	}
	number := map[string]uint8{}
	for i, n := range names {
		number[n] = uint8(i + 1)
	}
	root := filepath.Join(dir, "VOCdevkit", "VOC2012")
	for _, sub := range []string{"JPEGImages", "SegmentationClass", "SegmentationObject", "Annotations", "ImageSets/Segmentation", "ImageSets/Main"} {
		if err := atomicfile.MkdirAll(filepath.Join(root, filepath.FromSlash(sub))); err != nil {
			return err
		}
	}
	ids := make([]string, set.Len())
	err = each(set.Len(), done, func(i int) error {
		p, err := set.Render(i)
		if err != nil {
			return err
		}
		ids[i] = identifier(set, i)
		var b bytes.Buffer
		if err := jpeg.Encode(&b, rgba(p), &jpeg.Options{Quality: jpegQuality}); err != nil {
			return err
		}
		if err := atomicfile.WriteFile(filepath.Join(root, "JPEGImages", ids[i]+".jpg"), b.Bytes(), tag); err != nil {
			return err
		}
		class, object := segmentation(p, func(it *scenes.Item) uint8 { return number[classes.of(it)] })
		if err := writePNG(filepath.Join(root, "SegmentationClass", ids[i]+".png"), class); err != nil {
			return err
		}
		if err := writePNG(filepath.Join(root, "SegmentationObject", ids[i]+".png"), object); err != nil {
			return err
		}
		return atomicfile.WriteFile(filepath.Join(root, "Annotations", ids[i]+".xml"), annotation(p, ids[i], classes), tag)
	})
	if err != nil {
		return err
	}
	for _, kind := range []string{"Segmentation", "Main"} {
		if err := lists(filepath.Join(root, "ImageSets", kind), splitName(set), ids); err != nil {
			return err
		}
	}
	return atomicfile.WriteFile(filepath.Join(root, "classes.txt"), []byte(strings.Join(names, "\n")+"\n"), tag)
}

// splitName is the set's split, or probe for a set of NewWorldProbe.
func splitName(set *scenes.World) string {
	if set.Classes() != nil {
		return "probe"
	}
	return set.Config().Split
}

// identifier is a name such as train_1_000042.
func identifier(set *scenes.World, i int) string {
	return fmt.Sprintf("%s_%d_%06d", splitName(set), set.Config().Seed, i)
}

// lists writes the list of a split, and the list of train and val together.
func lists(dir, split string, ids []string) error {
	if err := atomicfile.WriteFile(filepath.Join(dir, split+".txt"), []byte(strings.Join(ids, "\n")+"\n"), tag); err != nil {
		return err
	}
	var all []string
	for _, s := range []string{"train", "val"} {
		b, err := os.ReadFile(filepath.Join(dir, s+".txt"))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		all = append(all, strings.Fields(string(b))...)
	}
	if len(all) == 0 {
		return nil
	}
	sort.Strings(all)
	return atomicfile.WriteFile(filepath.Join(dir, "trainval.txt"), []byte(strings.Join(all, "\n")+"\n"), tag)
}

// segmentation is the palette pictures of classes and of instances.
func segmentation(p *scenes.Picture, class func(it *scenes.Item) uint8) (classes, objects *image.Paletted) {
	n := p.Size
	classes, objects = image.NewPaletted(image.Rect(0, 0, n, n), vocPalette), image.NewPaletted(image.Rect(0, 0, n, n), vocPalette)
	for i, k := range p.Instance {
		x, y := i%n, i/n
		switch {
		case x+1 < n && p.Instance[i+1] != k || y+1 < n && p.Instance[i+n] != k:
			classes.Pix[i], objects.Pix[i] = void, void
		case k > 0:
			classes.Pix[i], objects.Pix[i] = class(&p.Items[k-1]), k
		}
	}
	return classes, objects
}

// vocPalette is the colour map of the VOC development kit: the bits of an index are dealt out to red, green and blue, highest first, three
// at a time.
var vocPalette = func() color.Palette {
	out := make(color.Palette, 256)
	for i := range out {
		var rgb [3]uint8
		for bit, c := 7, i; bit >= 0; bit, c = bit-1, c>>3 {
			for ch := range rgb {
				rgb[ch] |= uint8(c>>ch&1) << bit
			}
		}
		out[i] = color.NRGBA{rgb[0], rgb[1], rgb[2], 255}
	}
	return out
}()

// annotation is the XML of a picture: a box around what is visible of each thing, in pixels from 1.
func annotation(p *scenes.Picture, id string, classes Classes) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<annotation>\n\t<folder>VOC2012</folder>\n\t<filename>%s.jpg</filename>\n", id)
	fmt.Fprintf(&b, "\t<size>\n\t\t<width>%d</width>\n\t\t<height>%d</height>\n\t\t<depth>3</depth>\n\t</size>\n\t<segmented>1</segmented>\n", p.Size, p.Size)
	for k := range p.Items {
		box := image.Rectangle{}
		for i, v := range p.Instance {
			if int(v) == k+1 {
				x, y := i%p.Size, i/p.Size
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
		if box.Empty() {
			continue
		}
		edge, hidden := 0, 0
		if box.Min.X == 0 || box.Min.Y == 0 || box.Max.X == p.Size || box.Max.Y == p.Size {
			edge = 1
		}
		if p.Visible(k) < 0.95 {
			hidden = 1
		}
		fmt.Fprintf(&b, "\t<object>\n\t\t<name>%s</name>\n\t\t<truncated>%d</truncated>\n\t\t<occluded>%d</occluded>\n\t\t<difficult>0</difficult>\n", html.EscapeString(classes.of(&p.Items[k])), edge, hidden)
		fmt.Fprintf(&b, "\t\t<bndbox>\n\t\t\t<xmin>%d</xmin>\n\t\t\t<ymin>%d</ymin>\n\t\t\t<xmax>%d</xmax>\n\t\t\t<ymax>%d</ymax>\n\t\t</bndbox>\n\t</object>\n", box.Min.X+1, box.Min.Y+1, box.Max.X, box.Max.Y)
	}
	b.WriteString("</annotation>\n")
	return b.Bytes()
}

func rgba(p *scenes.Picture) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, p.Size, p.Size))
	for a, b := 0, 0; a < len(p.RGB); a, b = a+3, b+4 {
		img.Pix[b], img.Pix[b+1], img.Pix[b+2], img.Pix[b+3] = p.RGB[a], p.RGB[a+1], p.RGB[a+2], 255
	}
	return img
}
