package onnx

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ventral-lab/ventral/models/modeltest"
)

func TestConf(t *testing.T) {
	files, _ := filepath.Glob(os.Getenv("EXPLORE"))
	for _, f := range files {
		m, err := Open(f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		st := time.Now()
		r := modeltest.Check(modeltest.Case{Network: m.Network, Params: m.Params, Backends: []string{"go"}})
		t.Log(f, time.Since(st), r.Failed())
		if r.Failed() != nil {
			t.Log("\n" + r.String())
		}
	}
}
