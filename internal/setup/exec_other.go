//go:build !unix

package setup

import (
	"os"
	"os/exec"
)

// replaceProcess runs the program argv[0] to its end.
func replaceProcess(argv, env []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}
