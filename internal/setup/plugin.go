package setup

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

//go:embed requirements-pjrt-cpu.txt
var requirementsCPU string

//go:embed requirements-pjrt-cuda.txt
var requirementsCUDA string

// Plugin is a PJRT plugin that set-up can install: the compiler and runtime of XLA for one kind of device.
type Plugin struct {
	Name         string            // "cpu" or "cuda"
	Package      string            // what pip is asked for, for messages
	File         string            // the library, below Layout.PJRT
	SHA256       map[string]string // of the library, by GOOS/GOARCH; a platform that is not named has no plugin
	Tested       bool              // whether it was run on such a device
	Bytes        int64             // disk it takes, with what it brings
	requirements string            // hash-locked requirements file
}

// Plugins lists the plugins, the preferred one first.
//
// The CPU plugin is XLA's own (openxla/xla, Apache-2.0) as packed by one person for a LAMMPS companion package: the
// only wheel that carries it alone. The CUDA plugin is the JAX project's. Its wheel finds NVIDIA's libraries by a
// path relative to itself, so they are unpacked into the same folder.
var Plugins = []Plugin{
	{
		Name: "cuda", Package: "jax-cuda13-pjrt==0.11.2 and NVIDIA's CUDA 13 libraries",
		File:         filepath.Join("jax_plugins", "xla_cuda13", "xla_cuda_plugin.so"),
		SHA256:       map[string]string{"linux/amd64": "43d3efd6fd43d8a5d9aa67176e830d81e4ad5fc19fda4ad09cdcc4aebd9f3920"},
		Bytes:        8 << 30,
		requirements: requirementsCUDA,
	},
	{
		Name: "cpu", Package: "lammps-jax-pjrt-cpu==0.11.2",
		File:         filepath.Join("lammps_jax_pjrt_cpu", "pjrt_c_api_cpu_plugin.so"),
		SHA256:       map[string]string{"linux/amd64": "ad1309ac822b1b24d51b7f9947c7c9fa9ef5d67f390584cbc3d1fa2428fed9c2"},
		Tested:       true,
		Bytes:        210 << 20,
		requirements: requirementsCPU,
	},
}

func plugin(name string) Plugin {
	for _, p := range Plugins {
		if p.Name == name {
			return p
		}
	}
	panic("setup: no plugin " + name)
}

func platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// errPluginMissing is what check returns where no library is.
var errPluginMissing = errors.New("not installed")

// check hashes the installed library. The error is errPluginMissing, or says in what it differs. A library that
// was already on the machine (a linked folder) is taken as it is.
func (p Plugin) check(l Layout) error {
	path := filepath.Join(l.PJRT(), p.File)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return errPluginMissing
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if p.linked(l) {
		return nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("hash %s: %w", path, err)
	}
	if got, want := hex.EncodeToString(h.Sum(nil)), p.SHA256[platform()]; got != want {
		return fmt.Errorf("%s has SHA-256 %s, expected %s: run `ventral setup` to install it again", path, got, want)
	}
	return nil
}

// linked says whether the plugin's folder is a link to one that another program installed.
func (p Plugin) linked(l Layout) bool {
	st, err := os.Lstat(filepath.Dir(filepath.Join(l.PJRT(), p.File)))
	return err == nil && st.Mode()&fs.ModeSymlink != 0
}

// installed returns the path of the best plugin that is there and whole: CUDA only where a GPU is. It is empty
// where there is none.
func installed(l Layout, gpu bool) string {
	for _, p := range Plugins {
		if p.Name == "cuda" && !gpu {
			continue
		}
		if p.check(l) == nil {
			return filepath.Join(l.PJRT(), p.File)
		}
	}
	return ""
}
