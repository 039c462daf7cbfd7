package onnx

import (
	"testing"

	"github.com/ventral-lab/ventral/models"
)

// FuzzParse reads any bytes as a model. It may fail, but not panic, and what opens can be built for other batches.
func FuzzParse(f *testing.F) {
	f.Add(model(relu))
	f.Add(model(floats("w", []int64{2, 3, 2, 2}, make([]float32, 24)...), op("Conv", []string{"x", "w"}, []string{"y"}, list("strides", 2, 1), list("pads", 1, 0, 0, 1))))
	f.Add(model(int64s("s", 0, -1), op("Reshape", []string{"x", "s"}, []string{"f"}), op("Softmax", []string{"f"}, []string{"y"})))
	f.Add(graph(info(11, "x", 1, 3, 4, 4), info(12, "y"), int64s("s", 1, 3, 16), op("Reshape", []string{"x", "s"}, []string{"r"}),
		op("Transpose", []string{"r"}, []string{"t"}, list("perm", 1, 0, 2)), op("Relu", []string{"t"}, []string{"y"})))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b, Options{Height: 8, Width: 8})
		if err != nil {
			if m, err = Parse(b, Options{}); err != nil {
				return
			}
		}
		defer m.Close()
		sites, _, err := models.Trace(m.Network)
		if err != nil {
			return // a graph may be right for one batch only
		}
		for _, s := range sites {
			if len(s.Axes) != len(s.Shape) || s.Name == "" {
				t.Errorf("site %+v", s)
			}
		}
		for name := range m.Config.Shapes() {
			if _, _, err := m.Params.Get(name); err != nil {
				t.Errorf("weight %s: %v", name, err)
			}
		}
	})
}
