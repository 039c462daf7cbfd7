package main

import (
	"os"
	"strings"

	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

const (
	// envMalloc set to mallocSystem leaves the C library's memory as the system has it.
	envMalloc    = "VENTRAL_MALLOC"
	mallocSystem = "system"
	// envTunables is where glibc looks for its settings when a process starts.
	envTunables = "GLIBC_TUNABLES"
)

// mallocTunables make glibc keep the memory that XLA's CPU plugin frees at the end of a step and asks for again in the next.
// By default each of those blocks is mapped and unmapped anew, and a sixth to a quarter of a training's CPU time is the kernel
// clearing pages. No block is mapped by itself (mmap_max, which all versions of glibc honour at any size), none is given
// back (trim_threshold), memory grows by 256 MB at a time, in huge pages where the kernel has them, and in one arena, so that
// a block freed by one thread serves the next. https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html
const mallocTunables = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456:glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1"

const mallocHelp = `On Linux, with XLA on the CPU, the program starts itself once more with $GLIBC_TUNABLES set, so that
the C library keeps the memory of one step for the next; the kernel otherwise costs 15 to 25 % of a
training. It does not where that variable is set already, or where $VENTRAL_MALLOC is "system".`

// tunedEnvironment is env with mallocTunables, and whether a training on a backend of this kind wants it.
func tunedEnvironment(k backend.Kind, env []string) ([]string, bool) {
	if k != backend.XLACPU {
		return env, false
	}
	for _, v := range env {
		if strings.HasPrefix(v, envTunables+"=") || v == envMalloc+"="+mallocSystem {
			return env, false
		}
	}
	return append(env[:len(env):len(env)], envTunables+"="+mallocTunables), true
}

// keepMemory starts the program once more in the environment that a training on that backend wants, in place of this one:
// glibc reads its settings only then. It returns where nothing is to be done, and with an error where it cannot be.
func keepMemory(config string) error {
	choice, err := backend.Choose(config)
	if err != nil {
		return nil // which opening the backend says better
	}
	env, want := tunedEnvironment(choice.Kind, os.Environ())
	if !want {
		return nil
	}
	return startAgain(env)
}
