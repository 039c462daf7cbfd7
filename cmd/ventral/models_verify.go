package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/models/golden"
	"github.com/ventral-lab/ventral/models/verified"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// The folders of a clone that `models verify` reads.
const (
	goldenFolder = "models/golden/testdata"
	tablesFolder = "models/weights/testdata/keys"
)

func newModelsVerify() *cobra.Command {
	var dir, be, date string
	var tolerance float64
	var write, keep bool
	c := &cobra.Command{
		Use:   "verify [PAGE.md]",
		Short: "Run reference cases and print the worst error of every tensor",
		Long: `Run reference cases: small networks whose every inner value was computed by the reference
library. Each tensor's largest error is printed as a share of its largest value. The exit
status is 1 if one is beyond tolerance, or nothing was compared.

With --write, in the root of a clone, all cases are run on both backends, the tables of names and
shapes of the full-size models are matched, and docs/verified-models.md (or PAGE.md) is written
from that, with the record that the models' cards quote, models/verified/verified.json. If
anything fails nothing is written. --keep-cases runs no case and keeps what is on record of them: for
cards and tables that changed.`,
		Example: "  ventral models verify --golden models/golden/testdata --backend xla\n  ventral models verify --write docs/verified-models.md",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if write {
				page := filepath.FromSlash("docs/verified-models.md")
				if len(args) == 1 {
					page = args[0]
				}
				return writeVerified(cmd, dir, page, date, keep)
			}
			if len(args) == 1 {
				return fmt.Errorf("%s: a page is written with --write; cases are named with --golden", args[0])
			}
			reports, err := verifyOn(be, dir, tolerance)
			if err != nil {
				return err
			}
			return printReports(cmd, reports)
		},
	}
	c.Flags().StringVar(&dir, "golden", goldenFolder, "a reference case, or a folder of them")
	c.Flags().StringVar(&be, "backend", "", "backend (default: the best there is)")
	c.Flags().Float64Var(&tolerance, "tolerance", 0, "relative tolerance (default: 5e-5, gradients 1e-4)")
	c.Flags().BoolVar(&write, "write", false, "run on both backends and write the page and the record of what was verified")
	c.Flags().BoolVar(&keep, "keep-cases", false, "with --write, keep the cases on record and their date, and run none")
	c.Flags().StringVar(&date, "date", "", "date to put on the page, YYYY-MM-DD (default: today)")
	addJSON(c)
	return c
}

func verifyOn(be, dir string, tolerance float64) ([]golden.Report, error) {
	b, err := backend.Open(be)
	if err != nil {
		return nil, err
	}
	defer b.Finalize()
	return golden.Verify(dir, b, golden.Options{Tolerance: tolerance})
}

func printReports(cmd *cobra.Command, reports []golden.Report) error {
	compared, failed := 0, 0
	var rows [][]string
	for _, r := range reports {
		if r.Error != "" {
			rows = append(rows, []string{r.Case, r.Weights, "-", "-", "FAILED " + r.Error})
		}
		sort.SliceStable(r.Rows, func(i, j int) bool { return r.Rows[i].Error > r.Rows[j].Error })
		for _, row := range r.Rows {
			verdict := "ok"
			if !row.OK {
				verdict = "FAILED " + row.Reason
			}
			rows = append(rows, []string{r.Case, row.Tensor, fmt.Sprint(row.Shape), fmt.Sprintf("%.2g", row.Error), verdict})
		}
		for _, row := range r.NotComparable {
			rows = append(rows, []string{r.Case, row.Tensor, fmt.Sprint(row.Shape), "-", "not comparable: " + row.Reason})
		}
		compared, failed = compared+len(r.Rows), failed+r.Failed()
	}
	for _, r := range reports {
		rows = append(rows, []string{r.Case, "SUMMARY", r.Layout, r.Backend, fmt.Sprintf("%d compared, %d failed, %d not comparable", len(r.Rows), r.Failed(), len(r.NotComparable))})
	}
	if err := emit(cmd, reports, []string{"CASE", "TENSOR", "SHAPE", "ERROR", ""}, rows); err != nil {
		return err
	}
	if failed > 0 || compared == 0 {
		return errSaid
	}
	return nil
}

// writeVerified runs everything, or with keep all but the cases, and writes the page and the record.
func writeVerified(cmd *cobra.Command, dir, page, date string, keep bool) error {
	old, err := os.ReadFile(filepath.FromSlash(verified.File))
	if err != nil {
		return fmt.Errorf("%w: --write belongs into the root of a clone, where the record and the page are", err)
	}
	if date == "" {
		date = time.Now().UTC().Format(time.DateOnly)
	}
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return fmt.Errorf("--date %s: want YYYY-MM-DD", date)
	}
	r := verified.Record{Date: date}
	if keep {
		if err := json.Unmarshal(old, &r); err != nil {
			return fmt.Errorf("%s: %w", verified.File, err)
		}
	} else if r.Cases, err = verifiedCases(cmd, dir); err != nil {
		return err
	}
	if r.Tables, err = zoo.MatchTables(filepath.FromSlash(tablesFolder)); err != nil {
		return err
	}
	record, err := r.Encode()
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := zoo.WritePage(&text, r); err != nil {
		return err
	}
	if err := atomicfile.WriteFile(page, []byte(text.String()), "verify"); err != nil {
		return err
	}
	if err := atomicfile.WriteFile(filepath.FromSlash(verified.File), record, "verify"); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d cases and %d tables: %s\n", len(r.Cases), len(r.Tables), page)
	return nil
}

// verifiedCases runs all cases on both backends. If one fails all are printed.
func verifiedCases(cmd *cobra.Command, dir string) ([]verified.Case, error) {
	var reports []golden.Report
	for _, be := range []string{"go", "xla:cpu"} {
		on, err := verifyOn(be, dir, 0)
		if err != nil {
			return nil, err
		}
		reports = append(reports, on...)
	}
	cases, err := golden.Record(reports)
	if err != nil {
		if perr := printReports(cmd, reports); perr != nil && perr != errSaid {
			return nil, perr
		}
	}
	return cases, err
}
