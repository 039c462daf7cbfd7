package onnx

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ventral-lab/ventral/models"
)

// The functions below write protocol buffers, for files that no exporter would write.

func varint(number int, v int64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(number)<<3), uint64(v))
}

func blob(number int, b ...[]byte) []byte {
	var all []byte
	for _, part := range b {
		all = append(all, part...)
	}
	out := binary.AppendUvarint(nil, uint64(number)<<3|2)
	return append(binary.AppendUvarint(out, uint64(len(all))), all...)
}

func str(number int, s string) []byte { return blob(number, []byte(s)) }

// op is a NodeProto.
func op(name string, inputs, outputs []string, attrs ...[]byte) []byte {
	var b []byte
	for _, s := range inputs {
		b = append(b, str(1, s)...)
	}
	for _, s := range outputs {
		b = append(b, str(2, s)...)
	}
	b = append(b, str(4, name)...)
	for _, a := range attrs {
		b = append(b, blob(5, a)...)
	}
	return blob(1, b)
}

// list is an AttributeProto of whole numbers, and number one of a single one.
func list(name string, v ...int64) []byte {
	b := str(1, name)
	for _, x := range v {
		b = append(b, varint(8, x)...)
	}
	return b
}

func number(name string, v int64) []byte { return append(str(1, name), varint(3, v)...) }

// floats is a TensorProto of float32, and int64s one of int64.
func floats(name string, dims []int64, v ...float32) []byte {
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return rawTensor(name, 1, dims, raw)
}

func int64s(name string, v ...int64) []byte {
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
	}
	return rawTensor(name, 7, []int64{int64(len(v))}, raw)
}

func rawTensor(name string, dtype int64, dims []int64, raw []byte) []byte {
	var b []byte
	for _, d := range dims {
		b = append(b, varint(1, d)...)
	}
	b = append(b, varint(2, dtype)...)
	b = append(b, str(8, name)...)
	return blob(5, append(b, blob(9, raw)...))
}

// info is a ValueInfoProto of float32; a dimension of 0 is open.
func info(field int, name string, dims ...int64) []byte { return typed(field, name, 1, dims...) }

func typed(field int, name string, dtype int64, dims ...int64) []byte {
	var shape []byte
	for _, d := range dims {
		if d == 0 {
			shape = append(shape, blob(1, str(2, "n"))...)
		} else {
			shape = append(shape, blob(1, varint(1, d))...)
		}
	}
	return blob(field, str(1, name), blob(2, blob(1, varint(1, dtype), blob(2, shape))))
}

// file joins the parts of a graph that takes pictures x of 3 x 4 x 4 and gives y.
func model(parts ...[]byte) []byte {
	g := append(info(11, "x", 0, 3, 4, 4), info(12, "y")...)
	return graph(append([][]byte{g}, parts...)...)
}

func graph(parts ...[]byte) []byte {
	return append(varint(1, 8), append(blob(7, parts...), blob(8, varint(2, 17))...)...)
}

var relu = op("Relu", []string{"x"}, []string{"y"})

// TestRefused opens files that are wrong in one way each. The error has to say what is wrong.
func TestRefused(t *testing.T) {
	if m, err := Parse(model(relu), Options{}); err != nil {
		t.Fatal(err)
	} else {
		m.Close()
	}
	nan := float32(math.NaN())
	for _, c := range []struct {
		name, says string
		b          []byte
	}{
		{"empty", "no graph", nil},
		{"text", "", []byte("this is no model at all, but a line of text")},
		{"no graph", "no graph", varint(1, 8)},
		{"two graphs", "two graphs", append(model(relu), model(relu)...)},
		{"length beyond the end", "inside a field", append(model(relu), 0x3a, 0xff, 0xff, 0x03)},
		{"varint of eleven bytes", "64 bits", append(model(relu), 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)},
		{"group", "wire type 3", append(model(relu), 0x0b)},
		{"no version", "which version", blob(7, info(11, "x", 0, 3, 4, 4), info(12, "y"), relu)},
		{"no output", "no output", graph(info(11, "x", 0, 3, 4, 4), relu)},
		{"output that nothing makes", "nothing makes the output", graph(info(11, "x", 0, 3, 4, 4), info(12, "z"), relu)},
		{"output without the picture", "does not depend", model(op("Constant", nil, []string{"y"}, number("value_int", 3)))},
		{"missing initializer", `reads "w", which nothing makes`, model(op("Add", []string{"x", "w"}, []string{"y"}))},
		{"cycle", "cycle", model(op("Add", []string{"x", "b"}, []string{"a"}), op("Relu", []string{"a"}, []string{"b"}), op("Relu", []string{"b"}, []string{"y"}))},
		{"made twice", "made twice", model(relu, relu)},
		{"unknown operations", "LSTM (2), my.Magic (1)", model(op("LSTM", []string{"x"}, []string{"a"}), op("LSTM", []string{"a"}, []string{"b"}),
			blob(1, str(1, "b"), str(2, "y"), str(4, "Magic"), str(7, "my")))},
		{"branch", "graph of its own", model(op("Identity", []string{"x"}, []string{"y"}, append(str(1, "then_branch"), blob(6)...)))},
		{"functions", "functions", append(model(relu), blob(25)...)},
		{"sparse", "sparse", model(relu, blob(15))},
		{"two inputs", "2 inputs", model(relu, info(11, "mask", 0, 3, 4, 4))},
		{"input of whole numbers", "no floating-point", graph(typed(11, "x", 7, 0, 3, 4, 4), info(12, "y"), relu)},
		{"input of vectors", "want pictures", graph(info(11, "x", 0, 3), info(12, "y"), relu)},
		{"nine channels", "1 or 3 channels", graph(info(11, "x", 0, 9, 4, 4), info(12, "y"), relu)},
		{"huge picture", "pixels", graph(info(11, "x", 0, 3, 1<<20, 1<<20), info(12, "y"), relu)},
		{"dimension beyond all", "a dimension of", graph(info(11, "x", 1<<40, 3, 4, 4), info(12, "y"), relu)},
		{"weight cut off", "4 bytes for [2]", model(floats("w", []int64{2}, 1), op("Add", []string{"x", "w"}, []string{"y"}))},
		{"weight too large", "hold more than", model(floats("w", []int64{1 << 20, 1 << 20, 1 << 20}, 1), relu)},
		{"negative dimension", "must lie between", model(floats("w", []int64{-1}, 1), relu)},
		{"weight that is no number", "no finite float32", model(floats("w", []int64{2}, 1, nan), op("Add", []string{"x", "w"}, []string{"y"}))},
		{"quantised weight", "not supported", model(rawTensor("w", 21, []int64{2}, []byte{1}), relu)},
		{"too many axes", "more than 12 axes", model(floats("w", make([]int64, 40)), relu)},
		{"weight outside the folder", "not below the folder", model(blob(5, varint(1, 1), varint(2, 1), str(8, "w"), blob(13, str(1, "location"), str(2, "../secret"))),
			op("Add", []string{"x", "w"}, []string{"y"}))},
		{"dimensions that do not fit", "do not fit together", model(floats("w", []int64{3}, 1, 2, 3), op("Add", []string{"x", "w"}, []string{"y"}))},
		{"reshape that does not fit", "cannot become", model(int64s("s", 7, 7), op("Reshape", []string{"x", "s"}, []string{"y"}))},
		{"shape that depends on the picture", "has to be known", model(op("ArgMax", []string{"x"}, []string{"i"}), op("Gather", []string{"x", "i"}, []string{"y"}))},
		{"kernel of other channels", "for 3 channels", model(floats("w", []int64{1, 2, 1, 1}, 1, 2), op("Conv", []string{"x", "w"}, []string{"y"}))},
		{"stride of 0", "strides", model(floats("w", []int64{1, 3, 1, 1}, 1, 2, 3), op("Conv", []string{"x", "w"}, []string{"y"}, list("strides", 0, 1)))},
		{"window of a million places", "a window of", model(op("MaxPool", []string{"x"}, []string{"y"}, list("kernel_shape", 1000, 1000), list("pads", 999, 999, 999, 999)))},
		{"padding without end", "pads", model(op("MaxPool", []string{"x"}, []string{"y"}, list("kernel_shape", 2, 2), list("pads", 1<<40, 0, 0, 0)))},
		{"picture repeated without end", "repeats", model(int64s("r", 1, 1<<62, 1<<62, 1), op("Tile", []string{"x", "r"}, []string{"y"}))},
		{"stretched without end", "hold more than", model(int64s("s", 1<<32, 1<<32, 1, 3, 4, 4), op("Expand", []string{"x", "s"}, []string{"y"}))},
		{"table without end", "a table of dimensions", model(int64s("s", 1<<32, 1<<32), op("ConstantOfShape", []string{"s"}, []string{"c"}), op("Add", []string{"x", "c"}, []string{"y"}))},
		{"range without end", "a range", model(rawTensor("a", 7, nil, make([]byte, 8)), rawTensor("b", 7, nil, binary.LittleEndian.AppendUint64(nil, 1<<50)),
			rawTensor("c", 7, nil, binary.LittleEndian.AppendUint64(nil, 1)), op("Range", []string{"a", "b", "c"}, []string{"r"}), op("Add", []string{"x", "r"}, []string{"y"}))},
		{"division of sizes by 0", "division by 0", model(int64s("z", 0), op("Shape", []string{"x"}, []string{"s"}), op("Div", []string{"s", "z"}, []string{"q"}),
			op("Reshape", []string{"x", "q"}, []string{"y"}))},
		{"softmax of no axis", "axis 9 of 4", model(op("Softmax", []string{"x"}, []string{"y"}, number("axis", 9)))},
		{"input left out", "input 1 is missing", model(op("Add", []string{"x"}, []string{"y"}))},
		{"batch norm in training", "training mode", model(floats("w", []int64{3}, 1, 2, 3), op("BatchNormalization", []string{"x", "w", "w", "w", "w"}, []string{"y"}, number("training_mode", 1)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			m, err := Parse(c.b, Options{})
			if err == nil {
				m.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q, want one with %q", err, c.says)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
}

// TestTooManyNodes is a small file that asks for a graph of millions of nodes.
func TestTooManyNodes(t *testing.T) {
	parts := [][]byte{}
	name := "x"
	for range 200 {
		parts = append(parts, op("MaxPool", []string{name}, []string{name + "p"}, list("kernel_shape", 60, 60), list("pads", 30, 30, 29, 29)))
		name += "p"
	}
	parts = append(parts, op("Relu", []string{name}, []string{"y"}))
	_, err := Parse(model(parts...), Options{})
	if err == nil || !strings.Contains(err.Error(), "more than 100000 nodes") {
		t.Errorf("error %v", err)
	}
}

// TestTruncated cuts a file at every place.
func TestTruncated(t *testing.T) {
	b, err := os.ReadFile("testdata/convolutions_script.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if m, err := Parse(b[:n], Options{}); err == nil {
			m.Close()
			// The fields behind the graph say which operators it uses; only the last of them may be missing.
			if n < len(b)-8 {
				t.Errorf("the first %d of %d bytes open", n, len(b))
			}
		}
	}
}

// TestExternalData reads weights that PyTorch's exporter puts into a file beside the model.
func TestExternalData(t *testing.T) {
	dir := t.TempDir()
	at := func(location, offset, length string) []byte {
		w := [][]byte{varint(1, 3), varint(2, 1), str(8, "w"), varint(14, 1), blob(13, str(1, "location"), str(2, location))}
		if offset != "" {
			w = append(w, blob(13, str(1, "offset"), str(2, offset)))
		}
		if length != "" {
			w = append(w, blob(13, str(1, "length"), str(2, length)))
		}
		return model(blob(5, w...), op("Mul", []string{"w", "x"}, []string{"m"}), op("Transpose", []string{"m"}, []string{"y"}, list("perm", 0, 3, 2, 1)))
	}
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var raw []byte
	for _, v := range []float32{9, 1, 2, 3} {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	write("m.onnx.data", raw)
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ location, offset, length, says string }{
		{"m.onnx.data", "4", "12", "dimensions"}, // [4, 4, 3, 4] x [3] does not fit: changed below
		{"m.onnx.data", "8", "12", "cut off"},
		{"m.onnx.data", "4", "8", "take 12"},
		{"m.onnx.data", "-4", "12", "offset"},
		{"m.onnx.data", "999999999999999999999", "", "offset"},
		{"gone.data", "", "", "beside the model"},
		{"link", "", "", "data"},
		{"/etc/hostname", "", "", "not below"},
		{"../m.onnx.data", "", "", "not below"},
		{".", "", "", "data"},
	} {
		path := write("m.onnx", at(c.location, c.offset, c.length))
		m, err := Open(path, Options{})
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: error %v", c, err)
		}
	}
	good := model(blob(5, varint(1, 3), varint(1, 1), varint(1, 1), varint(2, 1), str(8, "w"), varint(14, 1), blob(13, str(1, "location"), str(2, "m.onnx.data")),
		blob(13, str(1, "offset"), str(2, "4"))), op("Mul", []string{"w", "x"}, []string{"y"}))
	m, err := Open(write("m.onnx", good), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if w, _, err := m.Params.Get("w"); err != nil || w[0] != 1 || w[2] != 3 {
		t.Errorf("weights %v, %v", w, err)
	}
}

// TestNotAFile opens what is none.
func TestNotAFile(t *testing.T) {
	if _, err := Open(t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("error %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "gone.onnx"), Options{}); err == nil {
		t.Error("a missing file is no error")
	}
}

// TestDataTypes reads a weight in every type of numbers, each in both places that the format has for them.
func TestDataTypes(t *testing.T) {
	// 1.5, -2 and 2^-24 (the smallest subnormal of float16) in the bits of each type.
	for _, c := range []struct {
		name  string
		dtype int64
		raw   []byte
		want  []float32
	}{
		{"float32", 1, binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 0x3fc00000), 0xc0000000), []float32{1.5, -2}},
		{"float64", 11, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, math.Float64bits(1.5)), math.Float64bits(-2)), []float32{1.5, -2}},
		{"float16", 10, []byte{0x00, 0x3e, 0x00, 0xc0, 0x01, 0x00, 0x01, 0x80}, []float32{1.5, -2, 1.0 / (1 << 24), -1.0 / (1 << 24)}},
		{"bfloat16", 16, []byte{0xc0, 0x3f, 0x00, 0xc0}, []float32{1.5, -2}},
	} {
		n := int64(len(c.want))
		b := model(rawTensor("w", c.dtype, []int64{n, 1, 1, 1}, c.raw), int64s("s", 0, -1), op("Reshape", []string{"x", "s"}, []string{"f"}),
			op("Relu", []string{"f"}, []string{"y"}))
		m, err := Parse(b, Options{})
		if err != nil {
			t.Fatal(c.name, err)
		}
		got, _, err := m.Params.Get("w")
		if err != nil {
			t.Fatal(c.name, err)
		}
		for i, w := range c.want {
			if got[i] != w {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
				break
			}
		}
		m.Close()
	}
	// The lists of TensorProto: float_data, int32_data (for half types the bits), double_data.
	pack := func(field int, bits ...uint64) []byte {
		var b []byte
		for _, v := range bits {
			switch field {
			case 4:
				b = binary.LittleEndian.AppendUint32(b, uint32(v))
			case 10:
				b = binary.LittleEndian.AppendUint64(b, v)
			default:
				b = binary.AppendUvarint(b, v)
			}
		}
		return blob(field, b)
	}
	for _, c := range []struct {
		name  string
		dtype int64
		data  []byte
	}{
		{"float_data", 1, pack(4, 0x3fc00000, 0xc0000000)},
		{"double_data", 11, pack(10, math.Float64bits(1.5), math.Float64bits(-2))},
		{"int32_data of float16", 10, pack(5, 0x3e00, 0xc000)},
		{"int32_data of bfloat16", 16, pack(5, 0x3fc0, 0xc000)},
	} {
		b := model(blob(5, varint(1, 2), varint(2, c.dtype), str(8, "w"), c.data), relu)
		m, err := Parse(b, Options{})
		if err != nil {
			t.Fatal(c.name, err)
		}
		if got, _, err := m.Params.Get("w"); err != nil || got[0] != 1.5 || got[1] != -2 {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
		m.Close()
	}
}

// TestSizes opens a network for pictures of any size.
func TestSizes(t *testing.T) {
	b := graph(info(11, "x", 0, 3, 0, 0), info(12, "y"), relu)
	if _, err := Parse(b, Options{}); err == nil || !strings.Contains(err.Error(), "say which") {
		t.Errorf("error %v", err)
	}
	m, err := Parse(b, Options{Height: 5, Width: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	n, err := m.Config.Network(8, 9)
	if err != nil {
		t.Fatal(err)
	}
	if s, _, err := models.Trace(n); err != nil || len(s) != 1 || s[0].Shape[1] != 8 || s[0].Shape[2] != 9 {
		t.Errorf("sites %v, %v", s, err)
	}
	if _, err := Parse(model(relu), Options{Height: 5, Width: 5}); err == nil || !strings.Contains(err.Error(), "4 x 4, not 5 x 5") {
		t.Errorf("error %v", err)
	}
	last := graph(info(11, "x", 0, 6, 5, 3), info(12, "y"), relu)
	m, err = Parse(last, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if in := m.Network.Input(); in[0] != 3 || in[1] != 6 || in[2] != 5 {
		t.Errorf("input %v of a file with the channels last", in)
	}
}
