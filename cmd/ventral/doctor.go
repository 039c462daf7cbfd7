package main

import (
	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/internal/setup"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

func init() { register(newDoctor) }

func newDoctor() *cobra.Command {
	c := &cobra.Command{
		Use:     "doctor",
		GroupID: groupMachine,
		Short:   "Say what is there, what is missing and what to do about it",
		Long: `Look at everything Ventral uses and print a line for each: what it is, and what to do where
it is missing. "off" is something this machine can do without; "failed" is something that
notebooks need. Nothing is changed. The exit status is 1 if any line says failed.

The backend line opens the backend that commands would use here, and says why that one.`,
		Example: `  ventral doctor
  ventral doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := setup.Find(".")
			if err != nil {
				return err
			}
			rows := setup.Doctor(cmd.Context(), l, openBackend)
			var table [][]string
			for _, r := range rows {
				table = append(table, []string{string(r.Status), r.Name, r.Detail})
				if r.Fix != "" {
					table = append(table, []string{"", "", "-> " + r.Fix})
				}
			}
			if err := emit(cmd, rows, nil, table); err != nil {
				return err
			}
			for _, r := range rows {
				if r.Status == setup.Failed {
					return errSaid
				}
			}
			return nil
		},
	}
	addJSON(c)
	return c
}

// openBackend opens the backend that commands use by default, and says which and why.
func openBackend() (string, error) {
	b, err := backend.Open("")
	if err != nil {
		return "", err
	}
	defer b.Finalize()
	return b.String(), nil
}
