package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// KernelSpec is a Jupyter kernel.json.
type KernelSpec struct {
	Argv          []string          `json:"argv"`
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"`
	InterruptMode string            `json:"interrupt_mode"`
	Env           map[string]string `json:"env"`
}

// Spec returns the kernelspec of this clone. plugin is the XLA plugin's path, or empty; goroot is the toolchain
// that compiles cells where the user's PATH has none. Headless asks for compile errors as plain text.
//
// Jupyter lets a kernelspec's environment override the user's, so it names no backend: VENTRAL_BACKEND and
// GOMLX_BACKEND stay the user's, and VENTRAL_PJRT only says where the plugin is. GOPROXY=off stops GoNB's `go get`
// before every cell: what a cell may import is what go.mod names. -ldflags=-s halves the link time of a cell.
func (l Layout) Spec(plugin, goroot string, headless bool) KernelSpec {
	argv := []string{
		filepath.Join(l.Bin(), "gonb"), "--kernel", "{connection_file}", "-go_work=" + l.Root,
		"-logtostderr=false", "-stderrthreshold=FATAL", "-log_file=" + filepath.Join(l.Logs(), "gonb.log"),
	}
	if headless {
		argv = append(argv, "-raw_error")
	}
	env := map[string]string{
		"GOEXPERIMENT": "simd",
		"GOFLAGS":      "-buildvcs=false -ldflags=-s",
		"GOPROXY":      "off",
		"PATH":         l.Bin() + string(os.PathListSeparator) + "${PATH}" + string(os.PathListSeparator) + filepath.Join(goroot, "bin"),
		"VENTRAL_ROOT": l.Root,
	}
	if plugin != "" {
		env["VENTRAL_PJRT"] = plugin
	}
	return KernelSpec{Argv: argv, DisplayName: KernelDisplay, Language: "go", InterruptMode: "message", Env: env}
}

// JSON returns the spec as kernel.json holds it.
func (s KernelSpec) JSON() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(s); err != nil {
		panic(err) // strings, lists and maps of strings always encode
	}
	return b.Bytes()
}

// write puts the spec and its logo into dir.
func (s KernelSpec) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, "logo-svg.svg"), logo, ""); err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, "kernel.json"), s.JSON(), "")
}

// ReadSpec returns the installed kernelspec.
func (l Layout) ReadSpec() (KernelSpec, error) {
	path := filepath.Join(l.KernelSpec(), "kernel.json")
	b, err := os.ReadFile(path)
	if err != nil {
		return KernelSpec{}, fmt.Errorf("no kernel yet (%w): run `ventral setup`", err)
	}
	var s KernelSpec
	if err := json.Unmarshal(b, &s); err != nil {
		return KernelSpec{}, fmt.Errorf("%s: %w: run `ventral setup`", path, err)
	}
	return s, nil
}

// UserData is the Jupyter data folder of the user: what JUPYTER_DATA_DIR says, else the system's usual place
// (jupyter_core, "Data files").
func UserData() (string, error) {
	if dir := os.Getenv("JUPYTER_DATA_DIR"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the Jupyter data folder: %w: set JUPYTER_DATA_DIR", err)
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Jupyter"), nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "jupyter"), nil
	}
	return filepath.Join(home, ".local", "share", "jupyter"), nil
}

// InstallKernel copies the kernelspec into a Jupyter data folder, so that a Jupyter or an editor other than the
// private one offers it, and returns where it lies.
func (l Layout) InstallKernel(data string) (string, error) {
	s, err := l.ReadSpec()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(data, "kernels", KernelName)
	if err := s.write(dir); err != nil {
		return "", fmt.Errorf("install the kernel: %w", err)
	}
	return dir, nil
}
