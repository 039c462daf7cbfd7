package zoo_test

import (
	"context"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

const onnxFile = "../onnx/testdata/vit_dynamo.onnx"

// copyONNX puts the file into a folder of its own, with a file beside it.
func copyONNX(t *testing.T, side string) string {
	t.Helper()
	b, err := os.ReadFile(onnxFile)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "net.onnx")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if side != "" {
		if err := os.WriteFile(strings.TrimSuffix(path, ".onnx")+".json", []byte(side), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestONNX opens a foreign network by name and records from it.
func TestONNX(t *testing.T) {
	m, err := zoo.Open("file:" + onnxFile + "?preprocess=imagenet224")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Architecture != "onnx" || m.Preprocess.Size != 16 || m.Preprocess.Resize != 18 || m.WeightsHash == "" || m.Card.Parameters == 0 || m.Text != nil {
		t.Errorf("%+v", m.Card)
	}
	be := backend.MustOpen("go")
	defer be.Finalize()
	im := image.NewRGBA(image.Rect(0, 0, 20, 20))
	im.Set(3, 4, color.White)
	out, err := record.Once(context.Background(), be, m.Model, site.Plan{}.Capture("blocks.0.attn:mean", "head"), im)
	if err != nil {
		t.Fatal(err)
	}
	if len(out[0]) != 12 || len(out[1]) != 5 {
		t.Errorf("%d and %d values, want 12 and 5", len(out[0]), len(out[1]))
	}
	untrained, err := m.Untrained(1)
	if err != nil {
		t.Fatal(err)
	}
	defer untrained.Close()
	if untrained.WeightsHash == m.WeightsHash {
		t.Error("the untrained network has the weights of the file")
	}
	sites, err := zoo.Sites("file:"+onnxFile+"?preprocess=imagenet224", "visual")
	if err != nil || len(sites) != 39 {
		t.Errorf("%d sites, %v", len(sites), err)
	}
}

// TestONNXSide reads what the file beside the network says.
func TestONNXSide(t *testing.T) {
	for _, c := range []struct{ side, query, says string }{
		{`{"preprocess": "clip224", "licence": "MIT", "note": "a test"}`, "", ""},
		{`{"preprocess": {"size": 16, "interpolation": "bilinear", "order": "rgb-first", "crop_rounding": "floor", "mean": [0,0,0], "std": [1,1,1]}, "output": "gelu"}`, "", ""},
		{`{"preprocess": "nothing"}`, "?preprocess=plain16", ""},
		{"", "", "does not say how its pictures are prepared"},
		{`{"output": "gelu"}`, "", "does not say how its pictures are prepared"},
		{`{"preprocess": "nothing"}`, "", "no preset"},
		{`{"preprocess": {"size": "large"}}`, "", "beside the file"},
		{`{"preprocess"`, "", "it should read"},
		{strings.Repeat(" ", 1<<17), "", "at most"},
		{"", "?preprocess=plain16&output=nowhere", "does not depend"},
		{"", "?preprocess=plain16&size=32", "16 x 16, not 32 x 32"},
		{"", "?preprocess=plain16&seed=3", "unknown parameter"},
	} {
		m, err := zoo.Open("file:" + copyONNX(t, c.side) + c.query)
		if err == nil {
			m.Close()
		}
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s %s: %v", c.side, c.query, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%.60s %s: error %v, want one with %q", c.side, c.query, err, c.says)
		}
		if err == nil && strings.Contains(c.side, "MIT") && (m.Card.Licence != "MIT" || m.Card.Note != "a test" || m.Preprocess.Size != 16) {
			t.Errorf("card %+v", m.Card)
		}
	}
}
