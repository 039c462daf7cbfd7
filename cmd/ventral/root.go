package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// commands are the constructors of all commands. Each command's file registers its own in an init function, so a
// new command is a new file.
var commands []func() *cobra.Command

func register(make func() *cobra.Command) { commands = append(commands, make) }

// The groups that `ventral help` lists commands under; a command names one as its GroupID.
const (
	groupMachine    = "machine"
	groupModels     = "models"
	groupStimuli    = "stimuli"
	groupRecordings = "recordings"
	groupDocuments  = "documents"
	groupTraining   = "training"
	groupSingle     = "single"
	groupMethods    = "methods"
	groupUpkeep     = "upkeep"
)

var groups = []*cobra.Group{
	{ID: groupMachine, Title: "This machine:"},
	{ID: groupModels, Title: "Models:"},
	{ID: groupStimuli, Title: "Stimuli:"},
	{ID: groupRecordings, Title: "Recordings:"},
	{ID: groupDocuments, Title: "Studies:"},
	{ID: groupTraining, Title: "Training:"},
	{ID: groupSingle, Title: "Single experiments:"},
	{ID: groupMethods, Title: "Methods on plain files:"},
	{ID: groupUpkeep, Title: "Upkeep:"},
}

// errSaid ends the program with status 1 where the output has already said what is wrong.
var errSaid = errors.New("already said")

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "ventral",
		Short: "Virtual electrophysiology of vision networks",
		Long: `Ventral records, scores, lesions and drives the units of vision networks, compares
them with brains and prints the figures, from Go notebooks or from this command line.

A fresh clone needs Go and Python, nothing else: "ventral demo" sets everything up in the
clone's own .ventral folder and executes the first notebooks.`,
		Example: `  ventral demo
  ventral doctor
  ventral help setup`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetHelpCommand(newHelp())
	used := map[string]bool{}
	for _, make := range commands {
		c := make()
		used[c.GroupID] = true
		root.AddCommand(c)
	}
	for _, g := range groups {
		if used[g.ID] {
			root.AddGroup(g)
		}
	}
	root.InitDefaultHelpCmd()
	return root
}

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [command]",
		Short:   "Say how a command is used",
		Long:    `Print what a command does, its flags and examples.`,
		Example: `  ventral help demo`,
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return fmt.Errorf("no command %q: `ventral help` lists all", strings.Join(args, " "))
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}

// addJSON gives a command the --json flag, for emit to see.
func addJSON(c *cobra.Command) {
	c.Flags().Bool("json", false, "print JSON instead of a table")
}

// emit prints an aligned table or, with --json, the value it was made from.
func emit(cmd *cobra.Command, v any, header []string, rows [][]string) error {
	if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	if len(header) > 0 {
		fmt.Fprintln(w, strings.Join(header, "\t"))
	}
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}
