package recording

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/npy"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/internal/table"
	"github.com/ventral-lab/ventral/internal/zarr"
)

// Export writes a recording to one file, whole or not at all, in the format of the path's ending: .npz,
// .safetensors, .parquet or .csv. names picks arrays; none stands for all. An incomplete recording is ErrIncomplete.
func Export(r *Recording, path string, names ...string) error {
	write := map[string]func(*Recording, io.Writer, ...string) error{
		".npz": ExportNPZ, ".safetensors": ExportSafetensors, ".parquet": ExportParquet, ".csv": ExportCSV,
	}[strings.ToLower(filepath.Ext(path))]
	if write == nil {
		return fmt.Errorf("export to %s: want a name that ends in .npz, .safetensors, .parquet or .csv", path)
	}
	f, err := atomicfile.Create(path, "")
	if err != nil {
		return err
	}
	defer f.Abort()
	buf := bufio.NewWriterSize(f, 1<<20)
	if err := write(r, buf, names...); err != nil {
		return fmt.Errorf("export to %s: %w", path, err)
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	return f.Commit()
}

// selected gives the positions of the named arrays, of all for no names.
func (r *Recording) selected(names []string) ([]int, error) {
	if !r.Complete() {
		var missing []int
		for k := range r.layout.chunks() {
			if codes, err := r.statusChunk(k); err != nil || codes == nil {
				missing = append(missing, k)
			}
		}
		if len(missing) == 0 {
			return nil, fmt.Errorf("recording %s has all chunks but was never finished: record again with the same settings", r.dir)
		}
		return nil, &IncompleteError{Dir: r.dir, Chunks: missing, Total: r.layout.chunks()}
	}
	var out []int
	if len(names) == 0 {
		for i := range r.layout.Arrays {
			out = append(out, i)
		}
		return out, nil
	}
	for _, name := range names {
		if _, err := r.Array(name); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(r.layout.Arrays, func(a ArraySpec) bool { return a.Name == name })
		if slices.Contains(out, i) {
			return nil, fmt.Errorf("array %q is named twice", name)
		}
		out = append(out, i)
	}
	return out, nil
}

// raw hands out the bytes of an array chunk by chunk, without the padding of the last.
func (r *Recording) raw(a *zarr.Array, f func(b []byte) error) error {
	row := a.Meta.ChunkLen() / a.Meta.Chunk[0] * a.Meta.DType.Size()
	for k := range r.layout.chunks() {
		b, err := a.ReadChunk(chunkIndex(a, k)...)
		if err != nil {
			return r.damaged(k, err)
		}
		lo, hi := r.layout.rows(k)
		if err := f(b[:(hi-lo)*row]); err != nil {
			return err
		}
	}
	return nil
}

// descrs are the types as .npy headers spell them.
var descrs = map[zarr.DType]string{
	zarr.Float16: "<f2", zarr.Float32: "<f4", zarr.Float64: "<f8", zarr.Int32: "<i4", zarr.Int64: "<i8", zarr.Bool: "|b1",
}

// ExportNPZ writes the arrays by their names and the table as "stimuli/id", "stimuli/content_hash",
// "stimuli/status", "stimuli/message" (text) and "labels/NAME", for numpy.load. Nothing is held in memory but a
// chunk and the text columns. Integer values of rows that are not ok are 0.
func ExportNPZ(r *Recording, w io.Writer, names ...string) error {
	arrays, err := r.selected(names)
	if err != nil {
		return err
	}
	z := npy.NewNPZWriter(w)
	numbers := func(name string, a *zarr.Array) error {
		out, err := z.Create(name, descrs[a.Meta.DType], a.Meta.Shape)
		if err != nil {
			return err
		}
		return r.raw(a, func(b []byte) error {
			_, err := out.Write(b)
			return err
		})
	}
	texts := func(name, column string) error {
		v, err := r.Column(column)
		if err != nil {
			return err
		}
		a, err := npy.New(v)
		if err != nil {
			return err
		}
		return z.Add(name, a)
	}
	for _, i := range arrays {
		if err := numbers(r.layout.Arrays[i].Name, r.layout.arrays[i]); err != nil {
			return err
		}
	}
	for _, c := range tableColumns {
		if err := texts(stimuliGroup+"/"+c, c); err != nil {
			return err
		}
	}
	for j, c := range r.layout.Columns {
		name := labelsGroup + "/" + c.Name
		if c.Kind == KindString {
			err = texts(name, c.Name)
		} else {
			err = numbers(name, r.layout.labels[j])
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}

// tableColumns are the columns every table begins with.
var tableColumns = []string{"id", "content_hash", "status", "message"}

// ExportParquet writes a row a stimulus: id, content_hash, status, message, the labels, and a column an array, a
// list where the array has more than one value (C order; its shape is in the file's metadata under
// "shape:COLUMN"). A label or array whose name is taken becomes "label.NAME" or "array.NAME". The manifest is in the
// metadata under "manifest".
func ExportParquet(r *Recording, w io.Writer, names ...string) error {
	return r.exportTable(names, func(columns []table.Column) (table.Writer, error) {
		meta := map[string]string{"manifest": string(r.layout.description.Manifest)}
		for _, c := range columns {
			if c.Shape != nil {
				shape, err := compact(c.Shape)
				if err != nil {
					return nil, err
				}
				meta["shape:"+c.Name] = string(shape)
			}
		}
		return table.NewParquet(w, columns, meta)
	})
}

// ExportCSV writes the table of ExportParquet as CSV, a column a value: "NAME[0]", "NAME[1]", ...
func ExportCSV(r *Recording, w io.Writer, names ...string) error {
	return r.exportTable(names, func(columns []table.Column) (table.Writer, error) { return table.NewCSV(w, columns) })
}

var kinds = map[string]table.Kind{KindFloat: table.Float64, KindInt: table.Int64, KindString: table.String, KindBool: table.Bool,
	"float16": table.Float32, "float32": table.Float32, "float64": table.Float64, "int32": table.Int32, "int64": table.Int64}

func (r *Recording) exportTable(names []string, begin func([]table.Column) (table.Writer, error)) error {
	arrays, err := r.selected(names)
	if err != nil {
		return err
	}
	var columns []table.Column
	taken := map[string]bool{}
	add := func(prefix, name string, kind table.Kind, shape []int) {
		for taken[name] {
			name = prefix + name
		}
		taken[name] = true
		columns = append(columns, table.Column{Name: name, Kind: kind, Shape: shape})
	}
	for _, c := range tableColumns {
		add("", c, table.String, nil)
	}
	for _, c := range r.layout.Columns {
		add("label.", c.Name, kinds[c.Kind], nil)
	}
	for _, i := range arrays {
		a := r.layout.Arrays[i]
		shape := a.Shape
		if len(shape) == 0 {
			shape = nil
		}
		add("array.", a.Name, kinds[a.DType], shape)
	}
	t, err := begin(columns)
	if err != nil {
		return err
	}
	for k := range r.layout.chunks() {
		batch, err := r.tableBatch(k, arrays)
		if err != nil {
			return err
		}
		if err := t.Write(batch); err != nil {
			return err
		}
	}
	return t.Close()
}

// tableBatch gives the rows of a chunk as one slice a column.
func (r *Recording) tableBatch(k int, arrays []int) ([]any, error) {
	l := r.layout
	lo, hi := l.rows(k)
	n := hi - lo
	codes, err := r.statusChunk(k)
	if err != nil {
		return nil, err
	}
	if codes == nil {
		return nil, &IncompleteError{Dir: r.dir, Chunks: []int{k}, Total: l.chunks()}
	}
	var batch []any
	for _, c := range []*zarr.Array{l.id, l.hash, l.note} {
		s, err := c.ReadStrings(k)
		if err != nil {
			return nil, r.damaged(k, err)
		}
		batch = append(batch, s[:n])
	}
	status := make([]string, n)
	for i, c := range codes {
		status[i] = string(statuses[c])
	}
	batch = slices.Insert(batch, 2, any(status))
	for j := range l.Columns {
		c, err := r.columnChunk(j, k)
		if err != nil {
			return nil, err
		}
		switch v := c.(type) {
		case []float64:
			c = v[:n]
		case []int64:
			c = v[:n]
		case []bool:
			c = v[:n]
		case []string:
			c = v[:n]
		}
		batch = append(batch, c)
	}
	for _, i := range arrays {
		a := l.arrays[i]
		raw, err := a.ReadChunk(chunkIndex(a, k)...)
		if err != nil {
			return nil, r.damaged(k, err)
		}
		batch = append(batch, typed(l.Arrays[i].DType, raw[:n*l.Arrays[i].Size()*a.Meta.DType.Size()]))
	}
	return batch, nil
}

// ExportSafetensors writes the arrays and the labels ("labels/NAME", but text) as tensors. The file's metadata holds
// the manifest and, as JSON lists, "stimuli/id", "stimuli/content_hash", "stimuli/status", "stimuli/message" and the
// text labels. The whole export is held in memory, as the format's header comes first.
func ExportSafetensors(r *Recording, w io.Writer, names ...string) error {
	arrays, err := r.selected(names)
	if err != nil {
		return err
	}
	dtypes := map[zarr.DType]string{zarr.Float16: safetensors.F16, zarr.Float32: safetensors.F32, zarr.Float64: safetensors.F64,
		zarr.Int32: safetensors.I32, zarr.Int64: safetensors.I64, zarr.Bool: safetensors.BOOL}
	var tensors []safetensors.Tensor
	add := func(name string, a *zarr.Array) error {
		t := safetensors.Tensor{Name: name, DType: dtypes[a.Meta.DType], Shape: a.Meta.Shape}
		err := r.raw(a, func(b []byte) error {
			t.Data = append(t.Data, b...)
			return nil
		})
		tensors = append(tensors, t)
		return err
	}
	meta := map[string]string{"format": "ventral recording", "manifest": string(r.layout.description.Manifest)}
	list := func(name, column string) error {
		v, err := r.Column(column)
		if err != nil {
			return err
		}
		b, err := json.Marshal(v)
		meta[name] = string(b)
		return err
	}
	for _, i := range arrays {
		if err := add(r.layout.Arrays[i].Name, r.layout.arrays[i]); err != nil {
			return err
		}
	}
	for _, c := range tableColumns {
		if err := list(stimuliGroup+"/"+c, c); err != nil {
			return err
		}
	}
	for j, c := range r.layout.Columns {
		name := labelsGroup + "/" + c.Name
		if c.Kind == KindString {
			err = list(name, c.Name)
		} else {
			err = add(name, r.layout.labels[j])
		}
		if err != nil {
			return err
		}
	}
	return safetensors.Write(w, tensors, meta)
}
