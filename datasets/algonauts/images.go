package algonauts

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/imageio"
)

// Images is the pictures of a split, in the order of the rows of its responses. It is safe for concurrent use.
type Images struct {
	subject *Subject
	split   string
	list    []picture
}

// Images are the pictures of a split; of an unknown one, none.
func (s *Subject) Images(split string) *Images { return &Images{s, split, s.images[split]} }

// Subject is the subject that saw the pictures.
func (m *Images) Subject() *Subject { return m.subject }

// Spec is such as "algonauts:PATH?subject=1&split=training".
func (m *Images) Spec() string {
	return fmt.Sprintf("algonauts:%s?subject=%d&split=%s", filepath.ToSlash(m.subject.root), m.subject.number, m.split)
}

// Len is the number of pictures.
func (m *Images) Len() int { return len(m.list) }

// Columns lists the labels.
func (m *Images) Columns() []datasets.Column {
	return []datasets.Column{
		{Name: "number", Kind: datasets.Int, Doc: "row of the responses, from 0"},
		{Name: "nsd", Kind: datasets.Int, Doc: "number of the picture in the Natural Scenes Dataset, from 0"},
	}
}

// At reads picture i.
func (m *Images) At(i int) (datasets.Stimulus, error) {
	if i < 0 || i >= len(m.list) {
		return datasets.Stimulus{}, fmt.Errorf("algonauts: picture %d of %d in split %s", i, len(m.list), m.split)
	}
	p := m.list[i]
	f, err := os.Open(filepath.Join(m.subject.dir, filepath.FromSlash(p.name)))
	if err != nil {
		return datasets.Stimulus{}, fmt.Errorf("algonauts: picture %d: %w", i, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPictureBytes))
	if err == nil {
		err = m.subject.sums.CheckBytes(p.name, b)
	}
	if err != nil {
		return datasets.Stimulus{}, fmt.Errorf("algonauts: picture %d, %s: %w", i, p.name, err)
	}
	img, _, err := imageio.Decode(bytes.NewReader(b))
	if err != nil {
		return datasets.Stimulus{}, fmt.Errorf("algonauts: picture %d, %s: %w", i, p.name, err)
	}
	id := strings.TrimSuffix(path.Base(p.name), ".png")
	return datasets.Stimulus{ID: id, Image: img, Labels: map[string]any{"number": int64(i), "nsd": int64(p.nsd)}}, nil
}
