package backend

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ProjectDir is the name of the folder, in the root of a checkout, that set-up fills.
const ProjectDir = ".ventral"

// findPlugin returns the path of a PJRT plugin for "cpu" or "cuda", or "".
func findPlugin(kind string) string {
	if p := os.Getenv(EnvPlugin); p != "" && isFile(p) {
		if isCUDA := strings.Contains(filepath.Base(p), "cuda"); isCUDA == (kind == "cuda") {
			return p
		}
	}
	for _, dir := range pluginDirs() {
		for _, pattern := range []string{"*/pjrt_c_api_" + kind + "_plugin.so", "pjrt_c_api_" + kind + "_plugin.so"} {
			if m, _ := filepath.Glob(filepath.Join(dir, pattern)); len(m) > 0 {
				return m[0]
			}
		}
		if kind == "cuda" {
			if m, _ := filepath.Glob(filepath.Join(dir, "jax_plugins/xla_cuda*/xla_cuda_plugin.so")); len(m) > 0 {
				return m[len(m)-1]
			}
		}
	}
	if kind == "cuda" {
		return pythonCUDAPlugin()
	}
	return ""
}

func pluginDirs() []string {
	var dirs []string
	if wd, err := os.Getwd(); err == nil {
		for d := wd; ; d = filepath.Dir(d) {
			dirs = append(dirs, filepath.Join(d, ProjectDir, "pjrt"))
			if d == filepath.Dir(d) {
				break
			}
		}
	}
	data := os.Getenv("XDG_DATA_HOME")
	if data == "" {
		if home, err := os.UserHomeDir(); err == nil {
			data = filepath.Join(home, ".local", "share")
		}
	}
	if data != "" {
		dirs = append(dirs, filepath.Join(data, "ventral", "pjrt"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".local", "lib", "go-xla"))
	}
	return dirs
}

// pythonCUDAPlugin asks the Python on PATH where its jax CUDA plugin lies: many GPU machines have one already.
func pythonCUDAPlugin() string {
	const ask = `import glob, site, sys
for d in site.getsitepackages() + [site.getusersitepackages()]:
    for p in sorted(glob.glob(d + "/jax_plugins/xla_cuda*/xla_cuda_plugin.so")): print(p)`
	out, err := exec.Command("python3", "-c", ask).Output()
	if err != nil {
		return ""
	}
	lines := strings.Fields(string(out))
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

func isFile(p string) bool {
	st, err := os.Stat(p)
	return err == nil && st.Mode().IsRegular()
}
