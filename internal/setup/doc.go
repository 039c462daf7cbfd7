// Package setup turns a fresh clone into a place where notebooks run, and says what is missing when it cannot.
//
// All it makes lies in one folder of the module, .ventral, which git ignores: a Python environment with JupyterLab,
// the GoNB kernel and goimports at the versions of go.mod, the XLA plugin, and the kernelspec that ties them
// together. Nothing is written to the home folder, to the user's own Jupyter or to the Go environment, so deleting
// .ventral undoes all of it.
//
// [Run] is the work, [Doctor] the account of it. They look at the machine through the same probes, so they cannot
// disagree. The headless execution of notebooks is in the package nbrun below this one.
//
// Every Python package and plugin is named with its version and the SHA-256 of its files, in the requirements files
// beside this text, which are part of the binary. pip refuses whatever differs. The plugin's library is hashed once
// more where it lies, each time.
//
// # Invariants
//
//   - Run means "finish what is missing": a second run changes nothing, a run after a kill completes the first.
//   - A part that is half installed is never taken for whole: its stamp is written last, and carries the hash of
//     what was asked for.
//   - XLA is an offer. Without a C compiler, a wheel for the platform or a network, Run says so and succeeds, and
//     everything runs on the Go backend.
//   - Programs of the system (a C compiler, python3-venv) are named in messages and never installed.
//
// # Limits
//
// The kernelspec holds absolute paths: after moving the clone, run set-up again. The CPU plugin exists for Linux on
// x86-64 with glibc 2.27 or later; elsewhere the Go backend is used. The CUDA half is table-driven and its downloads
// are hash-checked, but it has not been run on a machine with a GPU. Windows has not been tried.
package setup
