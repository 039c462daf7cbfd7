package table

import (
	"bytes"
	"encoding/csv"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

var columns = []Column{
	{"z", String, nil}, {"ok", Bool, nil}, {"n", Int32, nil}, {"m", Int64, nil}, {"visual.ln:cls", Float32, []int{3}},
	{"a", Float64, nil}, {"grid", Float64, []int{2, 2}}, {"one", Float32, []int{1}},
}

func batch(from, n int) []any {
	var (
		z  []string
		ok []bool
		i  []int32
		m  []int64
		v  []float32
		a  []float64
		g  []float64
		o  []float32
	)
	for r := from; r < from+n; r++ {
		z = append(z, strings.Repeat("é,\"\n", r%3)+strconv.Itoa(r))
		ok = append(ok, r%2 == 0)
		i = append(i, int32(-r))
		m = append(m, int64(r)<<40)
		a = append(a, float64(r)/3)
		o = append(o, float32(r))
		for j := range 3 {
			v = append(v, float32(r)/7+float32(j))
		}
		for j := range 4 {
			g = append(g, math.Sqrt(float64(r+j)))
		}
	}
	if from == 0 {
		v[1] = float32(math.NaN())
		a[1] = math.Inf(-1)
	}
	return []any{z, ok, i, m, v, a, g, o}
}

// TestParquet reads the file back through the library's own struct mapping, an interface that the writer does not use.
func TestParquet(t *testing.T) {
	type row struct {
		Z    string    `parquet:"z"`
		OK   bool      `parquet:"ok"`
		N    int32     `parquet:"n"`
		M    int64     `parquet:"m"`
		V    []float32 `parquet:"visual.ln:cls,list"`
		A    float64   `parquet:"a"`
		Grid []float64 `parquet:"grid,list"`
		One  []float32 `parquet:"one,list"`
	}
	write := func() []byte {
		var b bytes.Buffer
		w, err := NewParquet(&b, columns, map[string]string{"what": "a test", "b": "2"})
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range [][2]int{{0, 3}, {3, 0}, {3, 4}} {
			if err := w.Write(batch(part[0], part[1])); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	b := write()
	if !bytes.Equal(b, write()) {
		t.Error("the same table gave other bytes")
	}
	got, err := parquet.Read[row](bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	all := batch(0, 7)
	for i, r := range got {
		want := []any{all[0].([]string)[i], all[1].([]bool)[i], all[2].([]int32)[i], all[3].([]int64)[i]}
		if !reflect.DeepEqual([]any{r.Z, r.OK, r.N, r.M}, want) {
			t.Errorf("row %d: %+v, want %v", i, r, want)
		}
		for j := range 3 {
			if math.Float32bits(r.V[j]) != math.Float32bits(all[4].([]float32)[3*i+j]) {
				t.Errorf("row %d: %v", i, r.V)
			}
		}
		if r.A != all[5].([]float64)[i] || !reflect.DeepEqual(r.Grid, all[6].([]float64)[4*i:4*i+4]) || len(r.One) != 1 || r.One[0] != float32(i) {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	if len(got) != 7 {
		t.Errorf("%d rows", len(got))
	}
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := f.Lookup("what"); !ok || v != "a test" {
		t.Error("metadata is lost")
	}
	var names []string
	for _, c := range f.Root().Columns() {
		names = append(names, c.Name())
	}
	if want := []string{"z", "ok", "n", "m", "visual.ln:cls", "a", "grid", "one"}; !reflect.DeepEqual(names, want) {
		t.Errorf("columns %q, want %q", names, want)
	}
}

func TestCSV(t *testing.T) {
	var b bytes.Buffer
	w, err := NewCSV(&b, columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][2]int{{0, 3}, {3, 4}} {
		if err := w.Write(batch(part[0], part[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	head := "z ok n m visual.ln:cls[0] visual.ln:cls[1] visual.ln:cls[2] a grid[0,0] grid[0,1] grid[1,0] grid[1,1] one[0]"
	if got := strings.Join(records[0], " "); got != head {
		t.Errorf("header %s", got)
	}
	all := batch(0, 7)
	if len(records) != 8 {
		t.Fatalf("%d lines", len(records))
	}
	for i, r := range records[1:] {
		if r[0] != all[0].([]string)[i] || r[1] != strconv.FormatBool(i%2 == 0) || r[2] != strconv.Itoa(-i) {
			t.Errorf("row %d: %q", i, r)
		}
		for j := range 3 {
			x, err := strconv.ParseFloat(r[4+j], 32)
			if want := all[4].([]float32)[3*i+j]; err != nil || math.Float32bits(float32(x)) != math.Float32bits(want) {
				t.Errorf("row %d: %s, want %g", i, r[4+j], want)
			}
		}
		x, err := strconv.ParseFloat(r[7], 64)
		if err != nil || x != all[5].([]float64)[i] {
			t.Errorf("row %d: %s", i, r[7])
		}
	}
}

func TestRefused(t *testing.T) {
	var b bytes.Buffer
	for name, cols := range map[string][]Column{
		"none":  nil,
		"empty": {{"", Float32, nil}},
		"twice": {{"a", Float32, nil}, {"a", Bool, nil}},
		"kind":  {{"a", "date", nil}},
		"zero":  {{"a", Float32, []int{0}}},
		"wide":  {{"a", Float32, []int{1 << 62, 1 << 62}}},
		"total": {{"a", Float32, []int{MaxParquetValues}}, {"b", Float32, nil}},
	} {
		if _, err := NewParquet(&b, cols, nil); err == nil {
			t.Errorf("%s: Parquet took it", name)
		}
		if _, err := NewCSV(&b, cols); err == nil {
			t.Errorf("%s: CSV took it", name)
		}
	}
	w, err := NewCSV(&b, []Column{{"a", Float32, []int{2}}, {"b", Bool, nil}})
	if err != nil {
		t.Fatal(err)
	}
	for name, rows := range map[string][]any{
		"short":  {[]float32{1, 2}},
		"kind":   {[]float64{1, 2}, []bool{true}},
		"length": {[]float32{1, 2, 3}, []bool{true}},
		"rows":   {[]float32{1, 2, 3, 4}, []bool{true}},
		"nil":    {nil, []bool{true}},
	} {
		if err := w.Write(rows); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}
