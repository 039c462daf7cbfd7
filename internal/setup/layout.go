package setup

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Module is the path of this Go module; the folder set-up works in is the one whose go.mod says so.
const Module = "github.com/ventral-lab/ventral"

// KernelName is the kernelspec that every committed notebook names in its metadata.
const KernelName = "ventral-go"

// KernelDisplay is what Jupyter shows for KernelName.
const KernelDisplay = "Go (ventral)"

// Layout says where things are in a clone. Root is the absolute path of the module's folder.
type Layout struct{ Root string }

// Find returns the layout of the clone that dir lies in, looking upwards for the go.mod of Module. VENTRAL_ROOT,
// where set, names the clone instead.
func Find(dir string) (Layout, error) {
	if root := os.Getenv("VENTRAL_ROOT"); root != "" {
		dir = root
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("find the clone: %w", err)
	}
	for d := abs; ; d = filepath.Dir(d) {
		ok, err := isModule(filepath.Join(d, "go.mod"))
		if err != nil {
			return Layout{}, fmt.Errorf("find the clone: %w", err)
		}
		if ok {
			return Layout{Root: d}, nil
		}
		if d == filepath.Dir(d) {
			return Layout{}, fmt.Errorf("no clone of %s at or above %s: change into the clone, or set VENTRAL_ROOT to its folder", Module, abs)
		}
	}
}

func isModule(file string) (bool, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, ok := strings.CutPrefix(strings.TrimSpace(s.Text()), "module "); ok {
			return strings.Trim(strings.TrimSpace(name), `"`) == Module, nil
		}
	}
	return false, nil
}

// State is the private folder of the clone.
func (l Layout) State() string { return filepath.Join(l.Root, ".ventral") }

// Venv is the Python environment with JupyterLab.
func (l Layout) Venv() string { return filepath.Join(l.State(), "venv") }

// Python is the interpreter of Venv.
func (l Layout) Python() string { return filepath.Join(l.Venv(), "bin", "python") }

// PJRT is the folder pip unpacks the XLA plugins into. pkg/rig/backend looks there too.
func (l Layout) PJRT() string { return filepath.Join(l.State(), "pjrt") }

// Bin holds gonb and goimports.
func (l Layout) Bin() string { return filepath.Join(l.State(), "bin") }

// Logs holds the output of the last run of each step, and the kernel's log.
func (l Layout) Logs() string { return filepath.Join(l.State(), "logs") }

// Jupyter is the data and configuration folder of the private JupyterLab: trust of notebooks, settings, run files.
func (l Layout) Jupyter() string { return filepath.Join(l.State(), "jupyter") }

// KernelSpec is the kernelspec folder JupyterLab reads.
func (l Layout) KernelSpec() string {
	return filepath.Join(l.Venv(), "share", "jupyter", "kernels", KernelName)
}

// HeadlessPath is a Jupyter data folder with a kernelspec of the same name whose errors are plain text; the runner
// puts it first in JUPYTER_PATH.
func (l Layout) HeadlessPath() string { return filepath.Join(l.State(), "headless") }

// Notebooks is the folder of the committed notebooks.
func (l Layout) Notebooks() string { return filepath.Join(l.Root, "notebooks") }

// JupyterEnv is what a Jupyter process of the private environment needs in its environment so that it neither
// reads nor writes the user's own Jupyter.
func (l Layout) JupyterEnv() []string {
	return []string{
		"JUPYTER_DATA_DIR=" + filepath.Join(l.Jupyter(), "data"),
		"JUPYTER_CONFIG_DIR=" + filepath.Join(l.Jupyter(), "config"),
		"JUPYTER_RUNTIME_DIR=" + filepath.Join(l.Jupyter(), "runtime"),
		"JUPYTERLAB_SETTINGS_DIR=" + filepath.Join(l.Jupyter(), "lab", "user-settings"),
		"JUPYTERLAB_WORKSPACES_DIR=" + filepath.Join(l.Jupyter(), "lab", "workspaces"),
		"PYTHONNOUSERSITE=1", "PYTHONPATH=", "PYTHONHOME=",
	}
}

func (l Layout) stamp(name string) string { return filepath.Join(l.State(), "stamps", name) }

// stamped says whether the part was installed whole from exactly this.
func (l Layout) stamped(name, want string) bool {
	b, err := os.ReadFile(l.stamp(name))
	return err == nil && strings.TrimSpace(string(b)) == want
}
