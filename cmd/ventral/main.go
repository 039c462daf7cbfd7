// Ventral is a rig for virtual electrophysiology: it records, scores, lesions and drives the units of vision
// networks. This is its command line; `ventral help` lists what there is.
//
// Every command is a thin call into the packages of the module. The exit status is 0 only when everything that was
// asked for is there; errors go to standard error and say what to do. Commands that print a table print it as JSON
// with --json.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program but for the process: it returns the exit status.
func run(args []string, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(errs, "ventral: interrupted")
		return 130
	case !errors.Is(err, errSaid):
		fmt.Fprintf(errs, "ventral: %v\n", err)
	}
	return 1
}
