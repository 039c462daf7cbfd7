package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

func TestExplore(t *testing.T) {
	files, _ := filepath.Glob(os.Getenv("EXPLORE"))
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			be := backend.MustOpen("go")
			m, n := compare(t, be, f, strings.TrimSuffix(f, ".onnx")+".ref", Options{})
			s, _, _ := models.Trace(m.Network)
			t.Log(len(s), n, m.Warnings)
			if os.Getenv("LISTING") != "" {
				t.Log("\n" + listing(s))
			}
		})
	}
}
