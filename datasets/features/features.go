package features

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/checksum"
	"github.com/ventral-lab/ventral/internal/npy"
	"github.com/ventral-lab/ventral/internal/safetensors"
)

// Options say what a file must be.
type Options struct {
	Array   string   // name of the matrix in an .npz or safetensors file that has several; "" = the only one
	IDs     []string // the rows wanted, in order; nil = all, in the file's order
	Ordered bool     // a file without ids has its rows in the order of IDs
	Flatten bool     // more than two dimensions: all but the first are one
	SHA256  string   // of the file, 64 hexadecimal digits; "" = not checked
}

// Features is a matrix of features.
type Features struct {
	IDs    []string // of the rows; nil where neither the file nor the caller named them
	Rows   int
	Dims   int
	Values []float32 // Rows x Dims, row by row
	SHA256 string    // of the file
}

// Row is the features of row i, a view.
func (f *Features) Row(i int) []float32 { return f.Values[i*f.Dims : (i+1)*f.Dims] }

// SetIDs are the ids of all stimuli of a set. A stimulus that cannot be read is an error.
func SetIDs(s datasets.Set) ([]string, error) {
	out := make([]string, s.Len())
	for i := range out {
		st, err := s.At(i)
		if err != nil {
			return nil, err
		}
		out[i] = st.ID
	}
	return out, nil
}

// Open reads a file.
func Open(path string, o Options) (*Features, error) {
	f, err := open(path, o)
	if err != nil {
		return nil, fmt.Errorf("features: %s: %w", path, err)
	}
	return f, nil
}

func open(path string, o Options) (*Features, error) {
	sum, err := checksum.File(path)
	if err != nil {
		return nil, err
	}
	f := &Features{SHA256: hex.EncodeToString(sum[:])}
	if o.SHA256 != "" {
		if len(o.SHA256) != 2*sha256.Size || !strings.EqualFold(o.SHA256, f.SHA256) {
			return nil, fmt.Errorf("SHA-256 %s, want %s: it is another file", f.SHA256, o.SHA256)
		}
	}
	var shape []int
	if strings.EqualFold(filepath.Ext(path), ".safetensors") {
		shape, err = f.safetensors(path, o)
	} else {
		shape, err = f.numpy(path, o)
	}
	if err != nil {
		return nil, err
	}
	if len(shape) < 2 || len(shape) > 2 && !o.Flatten {
		return nil, fmt.Errorf("shape %v, want rows x dimensions (more dimensions only where flattening is asked for)", shape)
	}
	f.Rows = shape[0]
	if f.Rows == 0 || len(f.Values) == 0 {
		return nil, fmt.Errorf("shape %v has no values", shape)
	}
	f.Dims = len(f.Values) / f.Rows
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, f.order(o)
}

// numpy reads an .npy or .npz file, told apart by their content.
func (f *Features) numpy(path string, o Options) ([]int, error) {
	arrays, err := npy.Load(path)
	if err != nil {
		return nil, err
	}
	var matrix *npy.Array
	var names []string
	for _, a := range arrays {
		if a.Name == "ids" {
			if f.IDs, err = a.Strings(); err != nil {
				return nil, fmt.Errorf("array ids: %w", err)
			}
			if len(a.Shape) != 1 {
				return nil, fmt.Errorf("array ids has shape %v, want one dimension", a.Shape)
			}
			continue
		}
		names = append(names, a.Name)
		if o.Array == "" || a.Name == o.Array {
			matrix = a.Array
		}
	}
	if matrix == nil || o.Array == "" && len(names) != 1 {
		return nil, choose(o.Array, names)
	}
	if f.IDs == nil {
		if f.IDs, err = beside(path + ".ids.txt"); err != nil {
			return nil, err
		}
	}
	f.Values, err = matrix.Float32s()
	return matrix.Shape, err
}

func choose(asked string, names []string) error {
	if asked != "" {
		return fmt.Errorf("it has no array %q; it has %.400q", asked, names)
	}
	return fmt.Errorf("it has %d arrays, %.400q: say which one", len(names), names)
}

// beside reads a text file of ids, a line each; none is no error.
func beside(path string) ([]string, error) {
	g, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer g.Close()
	b, err := io.ReadAll(io.LimitReader(g, maxIDBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxIDBytes {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxIDBytes)
	}
	ids := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	for i := range ids {
		ids[i] = strings.TrimSuffix(ids[i], "\r")
	}
	return ids, nil
}

func (f *Features) safetensors(path string, o Options) ([]int, error) {
	s, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	names := s.Names()
	name := o.Array
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	t, ok := s.Lookup(name)
	if !ok {
		return nil, choose(o.Array, names)
	}
	if list, ok := s.Metadata()["ids"]; ok {
		if err := json.Unmarshal([]byte(list), &f.IDs); err != nil {
			return nil, fmt.Errorf("metadata ids is no JSON list of text: %w", err)
		}
	}
	v, err := t.Float32()
	if err != nil {
		return nil, err
	}
	f.Values = append([]float32(nil), v...)
	return t.Shape, nil
}

// check makes sure of the invariants of rows and values.
func (f *Features) check() error {
	if f.IDs != nil {
		if len(f.IDs) != f.Rows {
			return fmt.Errorf("%d ids for %d rows", len(f.IDs), f.Rows)
		}
		seen := make(map[string]int, len(f.IDs))
		for i, id := range f.IDs {
			if j, twice := seen[id]; twice || id == "" {
				return fmt.Errorf("id %q of row %d is empty or also that of row %d", id, i, j)
			}
			seen[id] = i
		}
	}
	for i, v := range f.Values {
		if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
			id := ""
			if f.IDs != nil {
				id = " (" + f.IDs[i/f.Dims] + ")"
			}
			return fmt.Errorf("row %d%s, column %d is %g", i/f.Dims, id, i%f.Dims, v)
		}
	}
	return nil
}

// order picks the rows that were asked for.
func (f *Features) order(o Options) error {
	switch {
	case o.IDs == nil:
		return nil
	case f.IDs == nil && !o.Ordered:
		return fmt.Errorf("it does not say which row is which picture: add ids (see the package's documentation), or say that the rows are in order")
	case f.IDs == nil && f.Rows != len(o.IDs):
		return fmt.Errorf("%d rows for %d pictures", f.Rows, len(o.IDs))
	case f.IDs == nil:
		f.IDs = append([]string(nil), o.IDs...)
		return nil
	}
	at := make(map[string]int, len(f.IDs))
	for i, id := range f.IDs {
		at[id] = i
	}
	values := make([]float32, 0, len(o.IDs)*f.Dims)
	missing, first := 0, ""
	for _, id := range o.IDs {
		i, ok := at[id]
		if !ok {
			if missing++; missing == 1 {
				first = id
			}
			continue
		}
		values = append(values, f.Row(i)...)
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d pictures have no row, the first is %q; the file's first row is %q", missing, len(o.IDs), first, f.IDs[0])
	}
	f.IDs, f.Rows, f.Values = append([]string(nil), o.IDs...), len(o.IDs), values
	return nil
}
