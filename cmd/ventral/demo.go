package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/internal/setup"
	"github.com/ventral-lab/ventral/internal/setup/nbrun"
)

func init() { register(newDemo) }

// demoNotebooks are what `ventral demo` executes where none is named.
var demoNotebooks = []string{"00_quickstart", "01_spatial_cells"}

func newDemo() *cobra.Command {
	var o setup.Options
	var names []string
	var out string
	var store bool
	var timeout time.Duration
	c := &cobra.Command{
		Use:     "demo",
		GroupID: groupMachine,
		Short:   "Set up, execute the first notebooks and say where their figures are",
		Long: `Set up what is missing (see "ventral help setup"), execute notebooks without a browser and
write each one with its outputs, its HTML and its figures. The last lines say where they are
and how to open the notebooks live.

A notebook is named as it is in the notebooks folder, with or without .ipynb, or by a path;
"all" stands for every one of that folder. A notebook that fails is written as far as it
came, the others still run, and the exit status is 1.

With --store the executed notebooks replace the ones in the repository, cleaned so that the
same outputs give the same bytes on any machine.`,
		Example: `  ventral demo
  ventral demo --notebook 01_spatial_cells --out /tmp/spatial
  ventral demo --notebook all --store`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := setup.Find(".")
			if err != nil {
				return err
			}
			files, err := notebookFiles(l, names)
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(l.Root, "out", "demo")
			}
			if _, err := runSetup(cmd, l, o); err != nil {
				return err
			}
			results, err := setup.Execute(cmd.Context(), l, nbrun.Request{
				Notebooks: files, Out: out, Timeout: timeout, Progress: cmd.OutOrStdout(),
			})
			if len(results) > 0 {
				demoSummary(cmd, out, results)
			}
			if err != nil || !store {
				return err
			}
			return setup.StoreAll(l, results, files)
		},
	}
	setupFlags(c, &o)
	c.Flags().StringArrayVar(&names, "notebook", nil, "notebook to execute; may be repeated (default the first two)")
	c.Flags().StringVar(&out, "out", "", "folder for results (default out/demo in the clone)")
	c.Flags().BoolVar(&store, "store", false, "put the executed notebooks into the repository")
	c.Flags().DurationVar(&timeout, "timeout", 15*time.Minute, "longest time one cell may take")
	return c
}

// notebookFiles turns names into files that exist.
func notebookFiles(l setup.Layout, names []string) ([]string, error) {
	if len(names) == 0 {
		names = demoNotebooks
	}
	var files []string
	for _, name := range names {
		if name == "all" {
			all, err := filepath.Glob(filepath.Join(l.Notebooks(), "*.ipynb"))
			if err != nil {
				return nil, err
			}
			files = append(files, all...)
			continue
		}
		file := name
		if filepath.Ext(file) != ".ipynb" {
			file += ".ipynb"
		}
		if filepath.Base(file) == file {
			file = filepath.Join(l.Notebooks(), file)
		}
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("no notebook %q (%w): `ls %s` shows what there is", name, err, l.Notebooks())
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return nil, errors.New("no notebooks in " + l.Notebooks())
	}
	return files, nil
}

func demoSummary(cmd *cobra.Command, out string, results []nbrun.Result) {
	w := cmd.OutOrStdout()
	for _, r := range results {
		verdict := "executed"
		if r.Error != "" {
			verdict = "FAILED"
		}
		fmt.Fprintf(w, "%s: %d cells, %s in %.1f s\n", r.Name, r.Cells, verdict, r.Seconds)
		fmt.Fprintf(w, "  read  %s\n", r.HTML)
	}
	if figures := filepath.Join(out, "figures"); isDir(figures) {
		fmt.Fprintf(w, "\nFigures: %s\n", figures)
	}
	fmt.Fprintf(w, "Open the notebooks live: go run ./cmd/ventral lab\n")
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
