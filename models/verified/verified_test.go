package verified

import (
	"bytes"
	"strings"
	"testing"
)

func TestLoadIsWhatEncodeWrites(t *testing.T) {
	r, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Encode()
	if err != nil || !bytes.Equal(b, embedded) {
		t.Errorf("verified.json is not as it is written: run `go run ./cmd/ventral models verify --write` (%v)", err)
	}
}

func TestSummary(t *testing.T) {
	r := Record{Date: "2026-01-02", Cases: []Case{
		{Case: "a", Architecture: "net", Weights: "1", Compared: 10, Worst: map[string]float64{"go": 1e-6, "xla-cpu": 2e-6}},
		{Case: "a", Architecture: "net", Weights: "2", Compared: 20, Worst: map[string]float64{"go": 3e-6, "xla-cpu": 1e-6}},
		{Case: "b", Architecture: "other", Compared: 5, Worst: map[string]float64{"go": 1}},
	}, Tables: []Table{{Table: "hf_net", Models: []string{"x/net"}}, {Table: "timm_net", Models: []string{"x/net", "y"}}}}
	want := "2026-01-02: 30 values of 1 reference networks, worst error 2.0e-06 (xla-cpu), 3.0e-06 (go) of the peak; names and shapes at full size: hf_net, timm_net"
	if got := r.Summary("net", "x/net"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := r.Summary("net", "z"); strings.Contains(got, "full size") || got == "" {
		t.Errorf("%q", got)
	}
	if got := r.Summary("nothing", "x/net"); got != "" {
		t.Errorf("%q", got)
	}
	if len(r.Of("net")) != 2 || len(r.Matched("y")) != 1 {
		t.Error("wrong parts")
	}
}
