package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/internal/setup"
)

func init() { register(newKernel) }

func newKernel() *cobra.Command {
	c := &cobra.Command{
		Use:     "kernel",
		GroupID: groupMachine,
		Short:   "Show the notebook kernel, or install it for another Jupyter or editor",
		Long: `The kernel "Go (ventral)" belongs to the clone: "ventral lab" finds it without being
installed. These commands show it and offer it to other programs that run notebooks.`,
		Example: `  ventral kernel show
  ventral kernel install --user`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(newKernelShow(), newKernelInstall())
	return c
}

func newKernelShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Print the kernel's kernel.json",
		Long: `Print the kernelspec: the command that starts the kernel and its environment.

It names no backend. Choose one with VENTRAL_BACKEND in the environment Jupyter starts in, or
in a cell.`,
		Example: `  ventral kernel show`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := setup.Find(".")
			if err != nil {
				return err
			}
			s, err := l.ReadSpec()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(s.JSON())
			return err
		},
	}
}

func newKernelInstall() *cobra.Command {
	var user bool
	var prefix string
	c := &cobra.Command{
		Use:   "install",
		Short: "Copy the kernelspec to where another Jupyter looks",
		Long: `Copy the kernelspec of this clone into the user's Jupyter data folder (--user), where a
Jupyter of one's own or an editor such as VS Code finds it, or below another prefix, such as
a virtual environment (--prefix). It refers to the clone by its absolute path: after moving
the clone run "ventral setup" and this again.`,
		Example: `  ventral kernel install --user
  ventral kernel install --prefix ~/my-venv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := setup.Find(".")
			if err != nil {
				return err
			}
			if user == (prefix != "") {
				return errors.New("where to? give --user, or --prefix FOLDER")
			}
			data := filepath.Join(prefix, "share", "jupyter")
			if user {
				if data, err = setup.UserData(); err != nil {
					return err
				}
			}
			dir, err := l.InstallKernel(data)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is installed in %s; remove that folder to undo it\n", setup.KernelDisplay, dir)
			return nil
		},
	}
	c.Flags().BoolVar(&user, "user", false, "for this user's Jupyter and editors")
	c.Flags().StringVar(&prefix, "prefix", "", "below this folder's share/jupyter")
	return c
}
