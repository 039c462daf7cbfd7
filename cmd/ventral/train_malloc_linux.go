package main

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// startAgain replaces this process by the same program in another environment. It returns where it could not, and in
// tests, whose process is not only this program's.
func startAgain(env []string) error {
	if testing.Testing() {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return fmt.Errorf("starting %s again: %w", self, syscall.Exec(self, os.Args, env))
}
