package setup

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/internal/cache"
)

// Row is one line of doctor's table.
type Row struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"` // what to do, where it is not there
}

// Doctor looks at everything and changes nothing. backend opens what commands would compute on and says which and
// why; it is handed in because this package may not import it.
func Doctor(ctx context.Context, l Layout, backend func() (string, error)) []Row {
	d := &doctor{Layout: l}
	d.toolchain(ctx)
	d.environment(ctx)
	d.devices(ctx)
	d.space()
	if text, err := backend(); err != nil {
		d.row("backend", Failed, err.Error(), "unset VENTRAL_BACKEND and GOMLX_BACKEND, or run `ventral setup`")
	} else {
		d.row("backend", OK, text, "")
	}
	return d.rows
}

type doctor struct {
	Layout
	golang goTool
	rows   []Row
}

func (d *doctor) row(name string, s Status, detail, fix string) {
	d.rows = append(d.rows, Row{Name: name, Status: s, Detail: detail, Fix: fix})
}

// take splits an error of a probe, "what: fix", into its row.
func (d *doctor) take(name string, s Status, err error) {
	what, fix, _ := strings.Cut(err.Error(), ": ")
	d.row(name, s, what, fix)
}

func (d *doctor) toolchain(ctx context.Context) {
	d.row("clone", OK, d.Root, "")
	var err error
	if d.golang, err = probeGo(ctx, d.Root); err != nil {
		d.take("go", Failed, err)
	} else {
		d.row("go", OK, d.golang.GOVERSION+" at "+d.golang.Path, "")
	}
	if SIMD() {
		d.row("simd", OK, "this program was built with GOEXPERIMENT=simd", "")
	} else {
		d.row("simd", Off, "this program was built without SIMD: matrix products on the Go backend take about 15 times as long (notebooks and XLA are not affected)",
			"GOEXPERIMENT=simd go run ./cmd/ventral ...")
	}
	if cc, err := d.golang.cc(); err != nil {
		d.take("cc", Off, err)
	} else {
		d.row("cc", OK, cc, "")
	}
}

func (d *doctor) environment(ctx context.Context) {
	if p, err := probePython(ctx, ""); err != nil {
		d.take("python", Failed, err)
	} else {
		d.row("python", OK, p.Version+" at "+p.Path, "")
	}
	if err := hasJupyter(ctx, d.Layout); err != nil {
		d.row("jupyter", Failed, "not in "+d.rel(d.Venv()), "ventral setup")
	} else if !d.stamped("jupyter", fingerprint(requirementsJupyter)) {
		d.row("jupyter", Failed, "not the locked set", "ventral setup")
	} else {
		d.row("jupyter", OK, jupyterVersion()+" in "+d.rel(d.Venv()), "")
	}
	d.kernel()
}

// kernel checks that the kernelspec is there, whole, and of this place.
func (d *doctor) kernel() {
	s, err := d.ReadSpec()
	switch {
	case err != nil:
		d.row("kernel", Failed, "no kernelspec", "ventral setup")
	case len(s.Argv) == 0 || s.Argv[0] != filepath.Join(d.Bin(), "gonb"):
		d.row("kernel", Failed, "the kernelspec is of another place: the clone was moved", "ventral setup")
	case !exists(s.Argv[0]) || !exists(filepath.Join(d.Bin(), "goimports")):
		d.row("kernel", Failed, "gonb or goimports is not built", "ventral setup")
	default:
		d.row("kernel", OK, KernelDisplay+" in "+d.rel(d.KernelSpec()), "")
	}
}

func (d *doctor) devices(ctx context.Context) {
	gpu := probeGPU(ctx)
	if gpu == "" {
		d.row("gpu", Off, "no NVIDIA GPU", "")
	} else {
		d.row("gpu", OK, gpu, "")
	}
	for _, p := range Plugins {
		name := "xla " + p.Name
		if _, ok := p.SHA256[platform()]; !ok {
			d.row(name, Off, "no plugin is known for "+platform(), "")
			continue
		}
		switch err := p.check(d.Layout); {
		case p.Name == "cuda" && gpu == "" && err != nil:
			d.row(name, Off, "needs an NVIDIA GPU", "")
		case errors.Is(err, errPluginMissing):
			d.row(name, Off, "not installed: "+p.Package, "ventral setup")
		case err != nil:
			d.take(name, Failed, err)
		case !p.Tested:
			d.row(name, OK, d.rel(filepath.Join(d.PJRT(), p.File))+" (its authors here have not run it on a GPU)", "")
		default:
			d.row(name, OK, d.rel(filepath.Join(d.PJRT(), p.File))+", SHA-256 as pinned", "")
		}
	}
}

func (d *doctor) space() {
	free, err := freeDisk(d.Root)
	switch {
	case err != nil:
		d.row("disk", Off, err.Error(), "")
	case free < needDisk/4:
		d.row("disk", Failed, gib(free)+" free", "free some: a first set-up takes "+gib(needDisk))
	default:
		d.row("disk", OK, gib(free)+" free", "")
	}
	if dir, err := cache.Dir(); err != nil {
		d.take("cache", Off, err)
	} else {
		d.row("cache", OK, dir+" (recordings and results; may be deleted at any time)", "")
	}
}

func (d *doctor) rel(path string) string {
	if r, err := filepath.Rel(d.Root, path); err == nil {
		return r
	}
	return path
}
