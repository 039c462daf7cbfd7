package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// probeTimeout bounds each question to another program: a broken shim must not hang set-up.
const probeTimeout = 30 * time.Second

// SIMD says whether this binary was built with GOEXPERIMENT=simd, without which matrix products on the Go backend
// take about fifteen times as long. The toolchain's version string is asked, because a build tag can be set
// without the experiment.
func SIMD() bool { return strings.Contains(runtime.Version(), "X:simd") }

// goTool is what `go env` says of the toolchain.
type goTool struct {
	Path       string
	GOVERSION  string
	GOROOT     string
	GOCACHE    string
	GOMODCACHE string
	GOFLAGS    string
	CGOENABLED string `json:"CGO_ENABLED"`
	CC         string
}

func probeGo(ctx context.Context, root string) (goTool, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return goTool{}, errors.New("no go command on PATH: install Go (https://go.dev/dl)")
	}
	out, err := ask(ctx, root, path, "env", "-json", "GOVERSION", "GOROOT", "GOCACHE", "GOMODCACHE", "GOFLAGS", "CGO_ENABLED", "CC")
	if err != nil {
		return goTool{}, fmt.Errorf("%s env: %w", path, err)
	}
	t := goTool{Path: path}
	if err := json.Unmarshal(out, &t); err != nil {
		return goTool{}, fmt.Errorf("%s env: %w", path, err)
	}
	return t, nil
}

// cc returns the C compiler cgo would call. go env answers CGO_ENABLED=0 by itself where there is none.
func (t goTool) cc() (string, error) {
	fields := strings.Fields(t.CC)
	if len(fields) == 0 {
		fields = []string{"gcc"}
	}
	path, err := exec.LookPath(fields[0])
	switch {
	case err != nil:
		return "", fmt.Errorf("no C compiler (%s): `apt install gcc`, or your system's, for XLA", fields[0])
	case t.CGOENABLED == "0":
		return "", errors.New("CGO_ENABLED=0: unset it for XLA")
	}
	return path, nil
}

// pythonTool is an interpreter that can make a virtual environment.
type pythonTool struct {
	Path    string
	Version string // "3.11.7"
}

// The oldest Python the locked packages support.
const minPythonMinor = 10

const pythonProbe = `import sys
sys.stdout.write("%d %d %d %s\n" % (sys.version_info[:3] + (sys.executable,)))
import venv, ensurepip
sys.stdout.write("venv\n")`

// probePython tries choice alone where it is given, else VENTRAL_PYTHON alone where it is set, else the usual names.
// The error says what was wrong with the most promising one.
func probePython(ctx context.Context, choice string) (pythonTool, error) {
	names := []string{"python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"}
	if env := os.Getenv("VENTRAL_PYTHON"); env != "" {
		names = []string{env}
	}
	if choice != "" {
		names = []string{choice}
	}
	best := fmt.Errorf("no Python 3 on PATH (tried %s): install Python 3.%d or later with venv (`apt install python3 python3-venv`)",
		strings.Join(names, ", "), minPythonMinor)
	said := false
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		tool, err := tryPython(ctx, path)
		if err == nil {
			return tool, nil
		}
		if !said {
			best, said = err, true
		}
	}
	return pythonTool{}, best
}

func tryPython(ctx context.Context, path string) (pythonTool, error) {
	out, err := ask(ctx, "", path, "-c", pythonProbe)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	fields := strings.SplitN(lines[0], " ", 4)
	if len(fields) != 4 {
		return pythonTool{}, fmt.Errorf("%s does not run: %w", path, err)
	}
	version := strings.Join(fields[:3], ".")
	major, _ := strconv.Atoi(fields[0])
	minor, _ := strconv.Atoi(fields[1])
	if major != 3 || minor < minPythonMinor {
		return pythonTool{}, fmt.Errorf("%s is Python %s; 3.%d or later is needed: install one, or name it in VENTRAL_PYTHON", path, version, minPythonMinor)
	}
	if err != nil || len(lines) < 2 {
		return pythonTool{}, fmt.Errorf("%s (Python %s) has no venv or ensurepip: `apt install python3-venv`", path, version)
	}
	return pythonTool{Path: fields[3], Version: version}, nil
}

// probeGPU returns a line that names the NVIDIA GPU, or "" where there is none. A machine may have the tools of a
// driver and no device, so nvidia-smi must list one; without the tool the device files decide.
func probeGPU(ctx context.Context) string {
	if smi, err := exec.LookPath("nvidia-smi"); err == nil {
		out, err := ask(ctx, "", smi, "-L")
		if line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n"); err == nil && strings.HasPrefix(line, "GPU ") {
			return line
		}
		return ""
	}
	if found, _ := filepath.Glob("/dev/nvidia[0-9]*"); len(found) > 0 {
		return "NVIDIA GPU at " + found[0]
	}
	return ""
}

const cudaProbe = `import importlib.util as u, os, sys
for name in ("xla_cuda13", "xla_cuda12"):
    try:
        s = u.find_spec("jax_plugins." + name)
    except ImportError:
        continue
    if s and s.origin and os.path.exists(os.path.join(os.path.dirname(s.origin), "xla_cuda_plugin.so")):
        print(os.path.dirname(s.origin))
        break`

// probeCUDA returns the folder of a CUDA plugin that the machine's Python already has, or "".
func probeCUDA(ctx context.Context) string {
	for _, name := range []string{"python3", "python"} {
		if path, err := exec.LookPath(name); err == nil {
			if out, err := ask(ctx, "", path, "-c", cudaProbe); err == nil {
				if dir := strings.TrimSpace(string(out)); dir != "" {
					return dir
				}
			}
		}
	}
	return ""
}

// ask runs a program and returns its standard output; the error carries the last line of its standard error.
func ask(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if line := lastLine(errs.String()); line != "" {
			return out.Bytes(), fmt.Errorf("%w: %s", err, line)
		}
		return out.Bytes(), err
	}
	return out.Bytes(), nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}
