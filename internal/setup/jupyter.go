package setup

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/ventral-lab/ventral/internal/setup/nbrun"
)

// Complete says whether a set-up of this clone, at this place, came to its end.
func (l Layout) Complete() bool { return l.stamped("done", l.Root) && exists(l.KernelSpec()) }

// Execute runs notebooks headless on the clone's kernel. Python, Kernel and Env of the request are filled in.
func Execute(ctx context.Context, l Layout, q nbrun.Request) ([]nbrun.Result, error) {
	q.Python, q.Kernel = l.Python(), KernelName
	q.Env = append(l.JupyterEnv(), "JUPYTER_PATH="+l.HeadlessPath())
	return nbrun.Execute(ctx, q)
}

// StoreAll puts each executed notebook, cleaned, in place of its source file.
func StoreAll(l Layout, results []nbrun.Result, sources []string) error {
	if len(results) != len(sources) {
		return fmt.Errorf("store notebooks: %d were executed of %d", len(results), len(sources))
	}
	for i, r := range results {
		roots := []string{l.Root}
		if home, err := os.UserHomeDir(); err == nil {
			roots = append(roots, home)
		}
		if err := nbrun.Store(r.Notebook, sources[i], StoredKernel, roots...); err != nil {
			return err
		}
	}
	return nil
}

// StoredKernel is the kernel in the metadata of committed notebooks.
var StoredKernel = nbrun.Kernel{Name: KernelName, Display: KernelDisplay}

// LabOptions says how to start JupyterLab.
type LabOptions struct {
	Port      int
	NoBrowser bool
	Args      []string // passed on
}

// Lab becomes JupyterLab: on Unix the process is replaced, so that the terminal and its signals are JupyterLab's own.
// It returns only where it could not be started, or, on other systems, when it has ended.
func Lab(l Layout, o LabOptions) error {
	argv := []string{
		l.Python(), "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=" + strconv.Itoa(o.Port),
		"--ServerApp.root_dir=" + l.Root, "--LabApp.default_url=/lab/tree/notebooks/00_quickstart.ipynb",
		"--MultiKernelManager.default_kernel_name=" + KernelName, "--LabApp.extension_manager=readonly",
	}
	if os.Geteuid() == 0 {
		argv = append(argv, "--allow-root")
	}
	if o.NoBrowser {
		argv = append(argv, "--no-browser")
	}
	if err := os.Chdir(l.Root); err != nil {
		return fmt.Errorf("JupyterLab: %w", err)
	}
	if err := replaceProcess(append(argv, o.Args...), append(os.Environ(), l.JupyterEnv()...)); err != nil {
		return fmt.Errorf("JupyterLab: %w: run `ventral setup`", err)
	}
	return nil
}
