package main

import (
	"slices"
	"testing"

	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// TestTunedEnvironment: only XLA on the CPU wants other settings of the C library, once, and never against the user's own.
func TestTunedEnvironment(t *testing.T) {
	for _, c := range []struct {
		kind backend.Kind
		env  []string
		want bool
	}{
		{backend.XLACPU, []string{"HOME=/root"}, true},
		{backend.XLACPU, nil, true},
		{backend.XLACPU, []string{"VENTRAL_MALLOC="}, true},
		{backend.XLACPU, []string{"HOME=/root", "VENTRAL_MALLOC=system"}, false},
		{backend.XLACPU, []string{"GLIBC_TUNABLES=glibc.malloc.check=3"}, false},
		{backend.XLACPU, []string{"GLIBC_TUNABLES="}, false},
		{backend.XLACUDA, []string{"HOME=/root"}, false},
		{backend.Go, []string{"HOME=/root"}, false},
	} {
		before := slices.Clone(c.env)
		got, want := tunedEnvironment(c.kind, c.env)
		if want != c.want || !slices.Equal(c.env, before) {
			t.Errorf("%s in %q: %v, want %v; afterwards %q", c.kind, before, want, c.want, c.env)
		}
		if !c.want {
			if !slices.Equal(got, c.env) {
				t.Errorf("%s in %q gives %q", c.kind, c.env, got)
			}
			continue
		}
		if wanted := append(before, "GLIBC_TUNABLES="+mallocTunables); !slices.Equal(got, wanted) {
			t.Errorf("%s in %q gives %q", c.kind, c.env, got)
		}
		if _, again := tunedEnvironment(c.kind, got); again {
			t.Errorf("%s in %q starts the program again and again", c.kind, got)
		}
	}
}
