package backend

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// alone hides the machine's plugins and choices.
func alone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("VENTRAL_PJRT", "")
	t.Setenv("VENTRAL_BACKEND", "")
	t.Setenv("GOMLX_BACKEND", "")
	return dir
}

func touch(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestChoose(t *testing.T) {
	t.Run("nothing there", func(t *testing.T) {
		alone(t)
		c, err := Choose("")
		if err != nil || c.Kind != Go || c.Config != "go:ops_sequential" || c.Reason == "" {
			t.Errorf("%+v, %v", c, err)
		}
	})
	t.Run("Go backend never in its parallel mode", func(t *testing.T) {
		for in, want := range map[string]string{"go": "go:ops_sequential", "go:": "go:ops_sequential", "go:parallelism=4": "go:parallelism=4", "go:ops_parallel": "go:ops_parallel"} {
			if c, err := Choose(in); err != nil || c.Config != want {
				t.Errorf("%s: %+v, %v; want %s", in, c, err, want)
			}
		}
	})
	t.Run("environment", func(t *testing.T) {
		alone(t)
		t.Setenv("GOMLX_BACKEND", "go:parallelism=3")
		if c, err := Choose(""); err != nil || c.Config != "go:parallelism=3" || !strings.Contains(c.Reason, "GOMLX_BACKEND") {
			t.Errorf("%+v, %v", c, err)
		}
		t.Setenv("VENTRAL_BACKEND", "go")
		if c, err := Choose(""); err != nil || c.Config != "go:ops_sequential" || !strings.Contains(c.Reason, "VENTRAL_BACKEND") {
			t.Errorf("%+v, %v", c, err)
		}
	})
	t.Run("unknown", func(t *testing.T) {
		if _, err := Choose("tpu"); err == nil || !strings.Contains(err.Error(), "want go, xla") {
			t.Errorf("error %v", err)
		}
	})
	if !xlaLinked {
		return
	}
	t.Run("XLA asked for and not there", func(t *testing.T) {
		alone(t)
		if _, err := Choose("xla:cpu"); !errors.Is(err, ErrNoPlugin) || !strings.Contains(err.Error(), "ventral setup") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("plugin of the project, from a folder below", func(t *testing.T) {
		dir := alone(t)
		p := touch(t, filepath.Join(dir, ".ventral/pjrt/wheel/pjrt_c_api_cpu_plugin.so"))
		deep := filepath.Join(dir, "a", "b")
		if err := os.MkdirAll(deep, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Chdir(deep)
		for _, config := range []string{"", "xla", "xla:cpu"} {
			c, err := Choose(config)
			if err != nil || c.Kind != XLACPU || filepath.Base(c.Plugin) != filepath.Base(p) {
				t.Errorf("%q: %+v, %v", config, c, err)
			}
		}
	})
	t.Run("plugin of the environment comes first", func(t *testing.T) {
		dir := alone(t)
		touch(t, filepath.Join(dir, ".ventral/pjrt/wheel/pjrt_c_api_cpu_plugin.so"))
		p := touch(t, filepath.Join(dir, "mine/pjrt_c_api_cpu_plugin.so"))
		t.Setenv("VENTRAL_PJRT", p)
		if c, err := Choose(""); err != nil || c.Plugin != p {
			t.Errorf("%+v, %v", c, err)
		}
	})
	t.Run("TF32 is off on CUDA unless asked for", func(t *testing.T) {
		for in, want := range map[string]string{
			"xla:/x/pjrt_c_api_cuda_plugin.so":           "xla:/x/pjrt_c_api_cuda_plugin.so,tf32=false",
			"xla:/x/pjrt_c_api_cuda_plugin.so,tf32=true": "xla:/x/pjrt_c_api_cuda_plugin.so,tf32=true",
			"xla:/x/pjrt_c_api_cpu_plugin.so":            "xla:/x/pjrt_c_api_cpu_plugin.so",
		} {
			if c, err := Choose(in); err != nil || c.Config != want {
				t.Errorf("%s: %+v, %v", in, c, err)
			}
		}
	})
	t.Run("a plugin that was only found and is broken", func(t *testing.T) {
		dir := alone(t)
		touch(t, filepath.Join(dir, ".ventral/pjrt/wheel/pjrt_c_api_cpu_plugin.so"))
		b, err := Open("")
		if err != nil || b.Kind != Go || !strings.Contains(b.Reason, "could not be opened") {
			t.Errorf("%v, %v; want the Go backend and why", b, err)
		}
		if _, err := Open("xla:cpu"); err == nil {
			t.Error("an explicit choice was replaced")
		}
	})
}
