package imagefolder

import (
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/imageio"
)

// Extensions are the endings, in lower case, of the files that are taken as pictures.
var Extensions = []string{".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"}

// Options change how a folder is read.
type Options struct {
	// Decode reads one picture and names its format; nil = the module's own decoder, which sees pictures as Pillow does.
	// It must check sizes before it allocates, and be safe for concurrent use.
	Decode func(io.Reader) (image.Image, string, error)
}

// Set is a folder of pictures. It is safe for concurrent use.
type Set struct {
	root    string
	ids     []string
	skipped int
	decode  func(io.Reader) (image.Image, string, error)
}

// Open lists the pictures below a folder. It fails if the folder cannot be listed or holds no picture.
func Open(dir string) (*Set, error) { return OpenWith(dir, Options{}) }

// OpenWith is Open with options.
func OpenWith(dir string, o Options) (*Set, error) {
	if dir == "" {
		return nil, fmt.Errorf("imagefolder: no folder given; write folder:PATH")
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("imagefolder: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("imagefolder: %s is a file; give the folder that holds the pictures", dir)
	}
	s := &Set{root: filepath.Clean(dir), decode: o.Decode}
	if s.decode == nil {
		s.decode = imageio.Decode
	}
	if err := s.list("", nil); err != nil {
		return nil, err
	}
	if len(s.ids) == 0 {
		return nil, fmt.Errorf("imagefolder: %s holds no picture (%s) among %d files", dir, strings.Join(Extensions, ", "), s.skipped)
	}
	sort.Strings(s.ids)
	return s, nil
}

// list adds the pictures of one folder and those below it. above are the folders on the way here, by which a link back up is
// recognised.
func (s *Set) list(rel string, above []fs.FileInfo) error {
	dir := filepath.Join(s.root, filepath.FromSlash(rel))
	here, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("imagefolder: %w", err)
	}
	for _, a := range above {
		if os.SameFile(a, here) {
			return fmt.Errorf("imagefolder: %s is a link to a folder above it: remove the link", dir)
		}
	}
	if len(above) >= maxDepth {
		return fmt.Errorf("imagefolder: %s lies more than %d folders deep: give a folder further down", dir, maxDepth)
	}
	above = append(above[:len(above):len(above)], here)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("imagefolder: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		id := path.Join(rel, e.Name())
		mode := e.Type()
		if mode&fs.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(dir, e.Name()))
			switch {
			case errors.Is(err, fs.ErrNotExist): // a link to nowhere is a picture that cannot be read, if it is named like one
				mode = 0
			case err != nil:
				return fmt.Errorf("imagefolder: %w", err)
			default:
				mode = info.Mode().Type()
			}
		}
		switch {
		case mode.IsDir():
			if err := s.list(id, above); err != nil {
				return err
			}
		case mode.IsRegular() && isPicture(e.Name()):
			if len(s.ids) >= maxFiles {
				return fmt.Errorf("imagefolder: %s holds more than %d pictures: open its folders one by one", s.root, maxFiles)
			}
			s.ids = append(s.ids, id)
		default:
			s.skipped++
		}
	}
	return nil
}

func isPicture(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	for _, e := range Extensions {
		if e == ext {
			return true
		}
	}
	return false
}

// Spec is "folder:" and the folder's path as it was given.
func (s *Set) Spec() string { return "folder:" + filepath.ToSlash(s.root) }

// Len is the number of pictures.
func (s *Set) Len() int { return len(s.ids) }

// Skipped is the number of files below the folder that are not pictures by their names.
func (s *Set) Skipped() int { return s.skipped }

// ID is the path of picture i from the folder, with slashes. It panics on an index outside the set.
func (s *Set) ID(i int) string { return s.ids[i] }

// Columns lists the labels.
func (s *Set) Columns() []datasets.Column {
	return []datasets.Column{{Name: "class", Kind: datasets.String, Doc: "first folder of the picture's path; empty for pictures in the folder itself"}}
}

// At reads picture i. The error names the file and says what is wrong with it.
func (s *Set) At(i int) (datasets.Stimulus, error) {
	if i < 0 || i >= len(s.ids) {
		return datasets.Stimulus{}, fmt.Errorf("imagefolder: picture %d of %d: indices run from 0 to %d", i, len(s.ids), len(s.ids)-1)
	}
	id := s.ids[i]
	img, err := s.read(filepath.Join(s.root, filepath.FromSlash(id)))
	if err != nil {
		return datasets.Stimulus{}, fmt.Errorf("imagefolder: picture %d, %s: %w", i, id, err)
	}
	class, _, ok := strings.Cut(id, "/")
	if !ok {
		class = ""
	}
	return datasets.Stimulus{ID: id, Image: img, Labels: map[string]any{"class": class}}, nil
}

func (s *Set) read(name string) (image.Image, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img, _, err := s.decode(f)
	if err != nil {
		return nil, err
	}
	if img == nil {
		return nil, fmt.Errorf("the decoder returned no picture")
	}
	if b := img.Bounds(); b.Empty() || int64(b.Dx())*int64(b.Dy()) > maxPixels {
		return nil, fmt.Errorf("%d x %d pixels: a picture has between 1 and %d", b.Dx(), b.Dy(), maxPixels)
	}
	return img, nil
}
