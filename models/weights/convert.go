package weights

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

// layouts says of every architecture which layout's names are the canonical ones and in which others its checkpoints are
// read. Those that can be written besides the canonical one are in families.
var layouts = map[string]struct {
	canonical Layout
	read      []Layout
}{
	"clip-vit":    {OpenAI, []Layout{OpenAI, HuggingFace, Timm}},
	"clip-resnet": {OpenAI, []Layout{OpenAI, Timm}},
	"dinov2":      {Original, []Layout{Original, HuggingFace, Timm}},
	"mae":         {Original, []Layout{Original, HuggingFace, Timm}},
	"vgg":         {Torchvision, []Layout{Torchvision, Timm, Keras}},
	"nasnet-a":    {Timm, []Layout{Timm}},
}

// Layouts returns the layouts in which checkpoints of an architecture are read and written; the first is the one whose
// names are the canonical ones.
func Layouts(architecture string) (read, write []Layout) {
	l, ok := layouts[architecture]
	if !ok {
		return nil, nil
	}
	write = []Layout{l.canonical}
	if f := familyOf(architecture); f != nil && f.fromCanonical != nil {
		for _, w := range f.layouts {
			if w != l.canonical {
				write = append(write, w)
			}
		}
	}
	return l.read, write
}

// ConvertOptions say what Convert writes.
type ConvertOptions struct {
	To    Layout
	DType string // safetensors.F32, safetensors.F16, or "" to keep each tensor's own
	Open  Options
}

// Converted is what Convert wrote.
type Converted struct {
	Found   Found  `json:"found"` // what the checkpoint was
	To      Layout `json:"to"`
	Path    string `json:"path"`
	Tensors int    `json:"tensors"`
	Bytes   int64  `json:"bytes"`
	// Same tells that the file read back has the same weights, bit for bit; it is false where the numbers were rounded to
	// another type.
	Same bool `json:"same"`
	// LeftOut are tensors, under their canonical names, that the other library has no place for, such as the decoder of a
	// masked autoencoder.
	LeftOut []string `json:"left_out,omitempty"`
}

// Convert reads a checkpoint by reference, recognises it and writes it at out under the names of another layout, tensor by
// tensor. out appears whole or not at all. What was written is read back and compared. Weights that are not finite, and
// with F16 those that it cannot hold, are an error that names the tensor.
func Convert(ctx context.Context, ref, out string, o ConvertOptions) (c Converted, err error) {
	switch {
	case o.DType != "" && o.DType != safetensors.F32 && o.DType != safetensors.F16:
		return c, fmt.Errorf("weights: convert to %q: want f32 or f16", o.DType)
	case filepath.Ext(out) != ".safetensors":
		return c, fmt.Errorf("weights: convert to %s: the name must end in .safetensors, which is what is written", out)
	}
	s, err := OpenContext(ctx, ref, o.Open)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	canonical, found, err := Canonical(s)
	if err != nil {
		return c, err
	}
	if err := canonical.CheckFinite(); err != nil {
		return c, err
	}
	c = Converted{Found: found, To: o.To, Path: out}
	to := canonical
	if _, write := Layouts(found.Architecture); len(write) == 0 || o.To != write[0] {
		if to, err = Export(canonical, found.Architecture, o.To); err != nil {
			return c, err
		}
	}
	var entries []safetensors.Entry
	for _, name := range to.names {
		e := to.entry(name, o.DType)
		entries = append(entries, e)
		c.Bytes += int64(product(e.Shape) * safetensors.ItemSize(e.DType))
	}
	c.Tensors = len(entries)
	if err := safetensors.WriteStreamFile(out, entries, to.metadata()); err != nil {
		return c, fmt.Errorf("weights: %s: %w", ref, err)
	}
	c.Same, c.LeftOut, err = sameWeights(ctx, canonical, out)
	if err == nil && !c.Same && o.DType == "" {
		err = fmt.Errorf("weights: %s: what was written reads back as other weights than %s; this is an error of this program", out, ref)
	}
	return c, err
}

// metadata is what the files of a set say of themselves, and the format, without which transformers refuses a file.
func (s *Set) metadata() map[string]string {
	meta := map[string]string{"format": "pt"}
	maps.Copy(meta, s.meta)
	return meta
}

// sameWeights reads back what was written. Tensors may be left out, others not come in.
func sameWeights(ctx context.Context, want *Set, path string) (same bool, leftOut []string, err error) {
	back, err := OpenContext(ctx, "file:"+path, Options{})
	if err != nil {
		return false, nil, err
	}
	defer back.Close()
	canonical, _, err := Canonical(back)
	if err != nil {
		return false, nil, fmt.Errorf("reading back what was written: %w", err)
	}
	common := map[string]source{}
	for _, name := range want.names {
		have, ok := canonical.sources[name]
		if !ok {
			leftOut = append(leftOut, name)
			continue
		}
		common[name] = want.sources[name]
		if !slices.Equal(have.shape, common[name].shape) {
			return false, nil, fmt.Errorf("weights: %s: tensor %q: %w: it reads back as %v and was %v", path, name, ErrShape, have.shape, common[name].shape)
		}
	}
	if len(common) != len(canonical.names) {
		return false, nil, fmt.Errorf("weights: %s: %w: it reads back with tensors that were not there before", path, ErrLayout)
	}
	return canonical.Hash() == newSet(want.ref, common, nil).Hash(), leftOut, nil
}

// entry is a tensor for a safetensors file, converted to dtype where that is not "" and it holds floats.
func (s *Set) entry(name, dtype string) safetensors.Entry {
	src := s.sources[name]
	e := safetensors.Entry{Name: name, DType: src.dtype, Shape: src.shape}
	if dtype == "" || dtype == src.dtype || !strings.Contains("F16 BF16 F32 F64", src.dtype) {
		e.Pieces = func(yield func([]byte, error) bool) {
			for piece := range src.pieces() {
				if !yield(piece, nil) {
					return
				}
			}
		}
		return e
	}
	e.DType = dtype
	e.Pieces = rounded(src, dtype)
	return e
}

// rounded yields the elements of src as F32 or F16.
func rounded(src source, dtype string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		at := 0
		for piece := range src.pieces() {
			x := make([]float32, len(piece)/safetensors.ItemSize(src.dtype))
			err := safetensors.DecodeFloat32(x, src.dtype, piece)
			var b []byte
			switch {
			case err != nil:
			case dtype == safetensors.F16:
				if b, err = safetensors.Float16Bytes(x); err != nil && at > 0 {
					err = fmt.Errorf("behind its first %d elements: %w", at, err)
				}
			default:
				b = safetensors.Float32Bytes(x)
			}
			at += len(x)
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}
