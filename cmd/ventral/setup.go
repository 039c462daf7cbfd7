package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/internal/setup"
)

func init() { register(newSetup) }

func newSetup() *cobra.Command {
	var o setup.Options
	c := &cobra.Command{
		Use:     "setup",
		GroupID: groupMachine,
		Short:   "Install what notebooks need, into the clone's .ventral folder",
		Long: `Install, into the folder .ventral of the clone and nowhere else: a Python environment with
JupyterLab, the Go kernel (GoNB) and goimports at the versions of go.mod, and the XLA plugin
for this machine. Then compile what the notebooks import. Everything that is downloaded is
pinned by its SHA-256. Deleting .ventral undoes all of it.

Running it again finishes what is missing; on a complete clone it takes a few seconds.

XLA needs a C compiler when commands and cells are built, and a plugin, which exists for
Linux on x86-64. Without them everything runs on the pure Go backend, more slowly, and
set-up still succeeds. On a machine with an NVIDIA GPU the CUDA plugin is installed too, or
the one its Python already has is used; that half has not been tried on a GPU.

Python is the first of python3, python3.14 ... python3.10 that can make virtual
environments, or what --python or $VENTRAL_PYTHON names.`,
		Example: `  ventral setup
  ventral setup --no-xla
  ventral setup --wheels /media/usb/wheels`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := setup.Find(".")
			if err != nil {
				return err
			}
			if _, err := runSetup(cmd, l, o); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "Next: `ventral demo` executes the notebooks, `ventral lab` opens them")
			return nil
		},
	}
	setupFlags(c, &o)
	c.Flags().BoolVar(&o.NoJupyter, "no-jupyter", false, "only compile: no Python, no kernel, no XLA plugin")
	return c
}

func setupFlags(c *cobra.Command, o *setup.Options) {
	c.Flags().BoolVar(&o.NoXLA, "no-xla", false, "do not install XLA plugins")
	c.Flags().StringVar(&o.Wheels, "wheels", "", "take Python packages from this folder instead of the network")
	c.Flags().StringVar(&o.Python, "python", "", "Python interpreter to make the environment with")
}

// runSetup sets up with progress on standard output.
func runSetup(cmd *cobra.Command, l setup.Layout, o setup.Options) (*setup.Report, error) {
	o.Out = cmd.OutOrStdout()
	fmt.Fprintf(o.Out, "Setting up %s\n", l.State())
	report, err := setup.Run(cmd.Context(), l, o)
	if err != nil {
		return report, err
	}
	backend := "the Go backend"
	if report.Plugin != "" {
		backend = "XLA"
	}
	fmt.Fprintf(o.Out, "Ready in %.1f s; notebooks will use %s\n", report.Seconds, backend)
	return report, nil
}
