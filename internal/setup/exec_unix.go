//go:build unix

package setup

import "syscall"

// replaceProcess becomes the program argv[0], a path.
func replaceProcess(argv, env []string) error { return syscall.Exec(argv[0], argv, env) }
