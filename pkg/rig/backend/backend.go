package backend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend" // registers "go"
)

// Environment variables that choose the backend and the plugin.
const (
	EnvBackend = "VENTRAL_BACKEND"
	EnvPlugin  = "VENTRAL_PJRT"
)

// Kind names what a backend runs on.
type Kind string

// The kinds of backends.
const (
	XLACUDA Kind = "xla-cuda"
	XLACPU  Kind = "xla-cpu"
	Go      Kind = "go"
)

// ErrNoPlugin says that XLA was asked for and no PJRT plugin was found, or that this program was built without cgo.
var ErrNoPlugin = errors.New("no XLA plugin")

const goConfig = "go:ops_sequential"

// Choice is what Open would open.
type Choice struct {
	Kind   Kind
	Config string // as GoMLX understands it
	Plugin string // path of the PJRT plugin, "" on the Go backend and where GoMLX searches by itself
	Reason string // one clause: why this one
}

// String reads "xla-cpu (found .../pjrt_c_api_cpu_plugin.so)".
func (c Choice) String() string { return fmt.Sprintf("%s (%s)", c.Kind, c.Reason) }

// Backend is an open backend and the choice that led to it.
type Backend struct {
	compute.Backend
	Choice
}

// String is the choice: what runs and why.
func (b *Backend) String() string { return b.Choice.String() }

// IsXLA tells whether graphs are compiled by XLA.
func (b *Backend) IsXLA() bool { return b.Kind != Go }

// Open opens the backend config names, or the best one there is when config is empty (see the package comment).
// The caller calls Finalize when done with it.
func Open(config string) (*Backend, error) {
	choice, err := Choose(config)
	if err != nil {
		return nil, err
	}
	be, err := compute.NewWithConfig(choice.Config)
	if err != nil {
		if choice.Kind != Go && choice.Config != config && !explicit(config) {
			// The plugin was only found, not asked for: say why it failed and go on without it.
			fallback := Choice{Kind: Go, Config: goConfig, Reason: fmt.Sprintf("%s could not be opened: %v", choice.Plugin, err)}
			be, err = compute.NewWithConfig(fallback.Config)
			choice = fallback
		}
		if err != nil {
			return nil, fmt.Errorf("backend %q: %w; run 'ventral doctor' to see what is missing", choice.Config, err)
		}
	}
	return &Backend{Backend: be, Choice: choice}, nil
}

// MustOpen is Open for tests and examples: it panics where Open returns an error.
func MustOpen(config string) *Backend {
	b, err := Open(config)
	if err != nil {
		panic(err)
	}
	return b
}

func explicit(config string) bool {
	return config != "" || os.Getenv(EnvBackend) != "" || os.Getenv(compute.ConfigEnvVar) != ""
}

// Choose says what Open(config) would open, without opening it. The error wraps ErrNoPlugin where XLA was asked for and
// cannot be had.
func Choose(config string) (Choice, error) {
	if config != "" {
		return fromConfig(config, "asked for")
	}
	for _, name := range []string{EnvBackend, compute.ConfigEnvVar} {
		if v := os.Getenv(name); v != "" {
			return fromConfig(v, "$"+name)
		}
	}
	if !xlaLinked {
		return Choice{Kind: Go, Config: goConfig, Reason: "built without cgo, so without XLA"}, nil
	}
	if HasGPU() {
		if p := findPlugin("cuda"); p != "" {
			return Choice{Kind: XLACUDA, Config: "xla:" + p + ",tf32=false", Plugin: p, Reason: "a GPU is there, and " + p}, nil
		}
	}
	if p := findPlugin("cpu"); p != "" {
		return Choice{Kind: XLACPU, Config: "xla:" + p, Plugin: p, Reason: "found " + p}, nil
	}
	return Choice{Kind: Go, Config: goConfig, Reason: "no XLA plugin found; 'ventral setup' installs one"}, nil
}

func fromConfig(config, why string) (Choice, error) {
	name, rest, _ := strings.Cut(config, ":")
	if name == "go" {
		return Choice{Kind: Go, Config: goOptions(rest), Reason: why}, nil
	}
	if name != "xla" && name != "stablehlo" && name != "hlo" && name != "pjrt" {
		return Choice{}, fmt.Errorf("backend %q (%s) is unknown: want go, xla, xla:cpu, xla:cuda or xla:/path/to/plugin.so", config, why)
	}
	if !xlaLinked {
		return Choice{}, fmt.Errorf("backend %q (%s): %w: this program was built without cgo; install a C compiler and build again", config, why, ErrNoPlugin)
	}
	plugin, options, _ := strings.Cut(rest, ",")
	var want []string
	switch {
	case strings.Contains(plugin, "/"):
		kind := XLACPU
		if strings.Contains(filepath.Base(plugin), "cuda") {
			kind = XLACUDA
		}
		return Choice{Kind: kind, Config: xlaConfig(plugin, options, kind), Plugin: plugin, Reason: why}, nil
	case plugin == "":
		if HasGPU() {
			want = append(want, "cuda")
		}
		want = append(want, "cpu")
	default:
		want = []string{plugin}
	}
	for _, w := range want {
		if p := findPlugin(w); p != "" {
			kind := Kind("xla-" + w)
			return Choice{Kind: kind, Config: xlaConfig(p, options, kind), Plugin: p, Reason: why + "; found " + p}, nil
		}
	}
	return Choice{}, fmt.Errorf("backend %q (%s): %w for %s; 'ventral setup' installs one, or set $%s to its path",
		config, why, ErrNoPlugin, strings.Join(want, " or "), EnvPlugin)
}

// goOptions adds ops_sequential unless an execution mode was named.
func goOptions(options string) string {
	if strings.Contains(options, "ops_") || strings.Contains(options, "parallelism") {
		return "go:" + options
	}
	if options == "" {
		return goConfig
	}
	return goConfig + "," + options
}

func xlaConfig(plugin, options string, kind Kind) string {
	c := "xla:" + plugin
	if kind == XLACUDA && !strings.Contains(options, "tf32") {
		c += ",tf32=false"
	}
	if options != "" {
		c += "," + options
	}
	return c
}

// HasGPU tells whether an NVIDIA GPU is visible to this process.
func HasGPU() bool {
	m, _ := filepath.Glob("/dev/nvidia[0-9]*")
	return len(m) > 0 && os.Getenv("CUDA_VISIBLE_DEVICES") != "-1"
}

// SIMD tells whether this program was built with GOEXPERIMENT=simd, without which products on the Go backend are about
// thirteen times slower.
func SIMD() bool { return strings.Contains(runtime.Version(), "X:simd") }
