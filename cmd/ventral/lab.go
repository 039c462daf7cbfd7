package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/internal/setup"
)

func init() { register(newLab) }

func newLab() *cobra.Command {
	var o setup.LabOptions
	c := &cobra.Command{
		Use:     "lab [-- jupyterlab arguments]",
		GroupID: groupMachine,
		Short:   "Open the notebooks in JupyterLab",
		Long: `Start the clone's own JupyterLab on this machine only (127.0.0.1) and open the first
notebook. Set-up runs first where it has not been done. The address to open is printed; it
holds a token that is new each time. Control-C ends it.

The user's own Jupyter is neither read nor changed. What comes after -- goes to JupyterLab.`,
		Example: `  ventral lab
  ventral lab --no-browser --port 9000
  ventral lab -- --ServerApp.ip=0.0.0.0`,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := setup.Find(".")
			if err != nil {
				return err
			}
			if !l.Complete() {
				if _, err := runSetup(cmd, l, setup.Options{}); err != nil {
					return err
				}
			}
			fmt.Fprintln(cmd.OutOrStdout(), "JupyterLab prints its address below; open it in a browser. Control-C twice ends it.")
			o.Args = args
			return setup.Lab(l, o)
		},
	}
	c.Flags().IntVar(&o.Port, "port", 8888, "port to listen on; the next free one is taken")
	c.Flags().BoolVar(&o.NoBrowser, "no-browser", false, "only print the address")
	return c
}
