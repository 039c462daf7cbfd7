package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// needDisk is what a first set-up takes: 0.4 GB of private state, the rest Go's module and build caches (measured
// 1.2 GB in all), and room for pip to unpack.
const needDisk = 3 << 29

// Options says what to set up. The zero value of each field asks for all there is.
type Options struct {
	NoXLA     bool      // leave the XLA plugins out
	NoJupyter bool      // leave Python, JupyterLab and the kernel out
	Wheels    string    // a folder with wheels, instead of the network
	Python    string    // the interpreter to make the environment with
	Out       io.Writer // where lines of progress go; nil: nowhere
}

// runner is one run of set-up.
type runner struct {
	Layout
	options Options
	account
	golang goTool
	python pythonTool
	gpu    string
}

// Run makes what is missing in the clone. The report is never nil; the error names each thing that was asked for
// and is not there, and what to do about it.
func Run(ctx context.Context, l Layout, o Options) (*Report, error) {
	start := time.Now()
	if o.Out == nil {
		o.Out = io.Discard
	}
	r := &runner{Layout: l, options: o}
	r.account = account{out: o.Out, report: &Report{Root: l.Root}}
	err := r.all(ctx)
	r.report.Seconds = time.Since(start).Seconds()
	if ctx.Err() != nil {
		return r.report, ctx.Err()
	}
	if err != nil {
		return r.report, err
	}
	return r.report, r.report.failed()
}

func (r *runner) all(ctx context.Context) error {
	if r.options.Wheels != "" {
		abs, err := filepath.Abs(r.options.Wheels)
		if err != nil {
			return err
		}
		r.options.Wheels = abs
	}
	for _, dir := range []string{r.State(), r.Logs(), r.Bin(), filepath.Join(r.State(), "stamps")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("set-up: %w", err)
		}
	}
	unlock, err := lock(ctx, filepath.Join(r.State(), "lock"), func() { r.note("another set-up of this clone is running; waiting for it") })
	if err != nil {
		return err
	}
	defer unlock()
	if !r.checks(ctx) {
		return nil
	}
	var halves sync.WaitGroup
	halves.Go(func() { r.pythonHalf(ctx) })
	halves.Go(func() { r.goHalf(ctx) })
	halves.Wait()
	if r.options.NoJupyter || r.report.failed() != nil || ctx.Err() != nil {
		return nil
	}
	return atomicfile.WriteFile(r.stamp("done"), []byte(r.Root+"\n"), "")
}

// checks looks at the machine; it is false where going on makes no sense.
func (r *runner) checks(ctx context.Context) bool {
	good := r.step("go", func() (Status, string) {
		var err error
		if r.golang, err = probeGo(ctx, r.Root); err != nil {
			return Failed, err.Error()
		}
		return OK, r.golang.GOVERSION + " at " + r.golang.Path
	}) == OK
	if !r.options.NoJupyter {
		r.step("python", func() (Status, string) {
			var err error
			if r.python, err = probePython(ctx, r.options.Python); err != nil {
				return Failed, err.Error()
			}
			return OK, r.python.Version + " at " + r.python.Path
		})
	}
	room := r.step("disk", func() (Status, string) {
		free, err := freeDisk(r.Root)
		if err != nil {
			return Off, err.Error()
		}
		if !exists(r.stamp("done")) && free < needDisk {
			return Failed, fmt.Sprintf("%s free at %s, %s are needed: free some, or clone to another disk", gib(free), r.Root, gib(needDisk))
		}
		return OK, gib(free) + " free"
	})
	return good && room != Failed
}

// pythonHalf makes the environment, then fills it and fetches the plugins at once.
func (r *runner) pythonHalf(ctx context.Context) {
	if r.options.NoJupyter || r.python.Path == "" {
		return
	}
	if r.step("venv", func() (Status, string) { return r.venv(ctx) }) == Failed {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { r.step("jupyter", func() (Status, string) { return r.jupyter(ctx) }) })
	both.Go(func() { r.xla(ctx) })
	both.Wait()
	r.step("kernelspec", func() (Status, string) { return r.kernelspec(ctx) })
}

func (r *runner) xla(ctx context.Context) {
	if r.options.NoXLA {
		r.add(Step{Name: "xla", Status: Off, Detail: "left out as asked: the Go backend is used"})
		return
	}
	if _, err := r.golang.cc(); err != nil {
		r.add(Step{Name: "xla", Status: Off, Detail: err.Error() + "; until then the Go backend is used"})
		return
	}
	if r.gpu = probeGPU(ctx); r.gpu != "" {
		r.step("xla cuda", func() (Status, string) { return r.plugin(ctx, plugin("cuda")) })
	}
	r.step("xla cpu", func() (Status, string) { return r.plugin(ctx, plugin("cpu")) })
}

// kernelspec ties the parts together: once for people, once for the headless runner.
func (r *runner) kernelspec(context.Context) (Status, string) {
	if !r.options.NoXLA {
		if _, err := r.golang.cc(); err == nil {
			r.report.Plugin = installed(r.Layout, r.gpu != "")
		}
	}
	if err := r.Spec(r.report.Plugin, r.golang.GOROOT, false).write(r.KernelSpec()); err != nil {
		return Failed, err.Error()
	}
	headless := filepath.Join(r.HeadlessPath(), "kernels", KernelName)
	if err := r.Spec(r.report.Plugin, r.golang.GOROOT, true).write(headless); err != nil {
		return Failed, err.Error()
	}
	settings := filepath.Join(r.Venv(), "share", "jupyter", "lab", "settings")
	if err := os.MkdirAll(settings, 0o755); err != nil {
		return Failed, err.Error()
	}
	if err := atomicfile.WriteFile(filepath.Join(settings, "overrides.json"), labOverrides, ""); err != nil {
		return Failed, err.Error()
	}
	return OK, KernelDisplay
}

func (r *runner) goHalf(ctx context.Context) {
	if !r.options.NoJupyter {
		if r.step("modules", func() (Status, string) { return r.modules(ctx) }) == Failed {
			return
		}
		if r.step("kernel", func() (Status, string) { return r.tools(ctx) }) == Failed {
			return
		}
	}
	r.step("build", func() (Status, string) { return r.warm(ctx) })
}

func gib(n int64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }
