package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/models/bench"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/record"
)

func init() { register(newBench) }

func newBench() *cobra.Command {
	c := &cobra.Command{
		Use:     "bench",
		Short:   "Measure what opening and running networks costs",
		GroupID: groupUpkeep,
		Long: `Measure what networks cost on this machine: seconds to open, compile and run, processor seconds
and memory. The numbers of docs/performance.md come from here.`,
		Example: "  ventral bench forward random:openai/clip-vit-b-32 --batch 1,4\n  ventral bench load",
	}
	c.AddCommand(newBenchForward(), newBenchLoad(), newBenchLesions(), newBenchRatemaps())
	return c
}

func newBenchForward() *cobra.Command {
	var be string
	var sizes []int
	var repeats int
	c := &cobra.Command{
		Use:   "forward NAME",
		Short: "Run a model's image network on random pictures and print seconds and memory",
		Long: `Open a model and run its image network, whole, on random pictures of its input size. For each
batch size the graph is compiled and run once to warm up, then as often as --repeat says. Wall
seconds are those of the best and the median run; processor seconds are the mean, of all threads.
Memory is the peak of this process: all of it, and what is not pages of the checkpoint's file.`,
		Example: "  ventral bench forward random:openai/clip-vit-b-32 --batch 1,4 --repeat 5 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := backend.Open(be)
			if err != nil {
				return err
			}
			defer b.Finalize()
			f, err := bench.Run(args[0], b, sizes, repeats)
			if err != nil {
				return err
			}
			var rows [][]string
			for _, s := range f.Batches {
				rows = append(rows, []string{fmt.Sprint(s.Size), fmt.Sprint(s.Input), fmt.Sprintf("%.2f", s.CompileSeconds), fmt.Sprintf("%.4f", s.BestSeconds),
					fmt.Sprintf("%.4f", s.MedianSeconds), fmt.Sprintf("%.4f", s.CPUSeconds), record.Bytes(f.Memory.Peak), record.Bytes(f.Memory.PeakAnonymous)})
			}
			return emit(cmd, f, []string{"BATCH", "INPUT", "COMPILE", "BEST", "MEDIAN", "CPU", "PEAK", "ANONYMOUS"}, rows)
		},
	}
	c.Flags().IntSliceVar(&sizes, "batch", []int{1}, "batch sizes")
	c.Flags().IntVar(&repeats, "repeat", 5, "runs that are timed for each batch size")
	c.Flags().StringVar(&be, "backend", "", "backend (default: the best there is)")
	addJSON(c)
	return c
}

// loadRow is one checkpoint of `bench load`.
type loadRow struct {
	Table   string        `json:"table"`
	Bytes   int64         `json:"bytes"` // of all weights as float32
	Ratio   float64       `json:"ratio"` // peak memory without the file's pages over Bytes
	Forward bench.Forward `json:"forward"`
}

func newBenchLoad() *cobra.Command {
	var be, dir string
	var repeats int
	var seed uint64
	c := &cobra.Command{
		Use:   "load [TABLE.json...]",
		Short: "Open a random checkpoint of full size for each table of names and shapes, run it once, print the memory",
		Long: `For each table of names and shapes, such as those in models/weights/testdata/keys, write a random
float32 checkpoint of full size, open it in a process of its own as file:PATH, run one picture
and print what that took. RATIO is the peak of memory, without the pages of the checkpoint's file,
which the system can take back, over the bytes of the weights as float32.`,
		Example: "  ventral bench load models/weights/testdata/keys/openclip_vit_b_32.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				var err error
				if args, err = filepath.Glob("models/weights/testdata/keys/*.json"); err != nil || len(args) == 0 {
					return fmt.Errorf("no tables in models/weights/testdata/keys: name some, or start in the root of a clone")
				}
			}
			work, err := os.MkdirTemp(dir, "ventral-bench-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(work)
			var done []loadRow
			var failed []error
			var rows [][]string
			for _, path := range args {
				if filepath.Base(path) == "index.json" {
					continue
				}
				r, err := benchLoad(cmd, path, filepath.Join(work, "model.safetensors"), be, repeats, seed)
				if err != nil {
					failed = append(failed, err)
					continue
				}
				done = append(done, r)
				b := r.Forward.Batches[0]
				rows = append(rows, []string{r.Table, r.Forward.Architecture, fmt.Sprint(r.Forward.Parameters), record.Bytes(r.Bytes), fmt.Sprintf("%.2f", r.Forward.OpenSeconds),
					fmt.Sprintf("%.2f", b.CompileSeconds), fmt.Sprintf("%.3f", b.BestSeconds), record.Bytes(r.Forward.Memory.Peak), record.Bytes(r.Forward.Memory.PeakAnonymous), fmt.Sprintf("%.2f", r.Ratio)})
			}
			err = emit(cmd, done, []string{"TABLE", "ARCHITECTURE", "PARAMETERS", "FLOAT32", "OPEN", "COMPILE", "BEST", "PEAK", "ANONYMOUS", "RATIO"}, rows)
			return errors.Join(append(failed, err)...)
		},
	}
	c.Flags().StringVar(&be, "backend", "", "backend (default: the best there is)")
	c.Flags().StringVar(&dir, "dir", "", "folder for the checkpoint, which is deleted again (default: the system's)")
	c.Flags().IntVar(&repeats, "repeat", 1, "runs that are timed")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of the weights")
	addJSON(c)
	return c
}

// benchLoad measures one table in a process of its own, so that one peak of memory does not hide the next.
func benchLoad(cmd *cobra.Command, path, file, be string, repeats int, seed uint64) (loadRow, error) {
	table, err := weights.ReadTable(path)
	if err != nil {
		return loadRow{}, err
	}
	r := loadRow{Table: strings.TrimSuffix(filepath.Base(path), ".json")}
	if err := bench.WriteRandom(file, table.Keys, seed); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	defer os.Remove(file)
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	args := []string{"bench", "forward", "file:" + file, "--repeat", fmt.Sprint(repeats), "--json"}
	if be != "" {
		args = append(args, "--backend", be)
	}
	child := exec.CommandContext(cmd.Context(), self, args...)
	var out, errs bytes.Buffer
	child.Stdout, child.Stderr = &out, &errs
	if err := child.Run(); err != nil {
		return r, fmt.Errorf("%s: %w: %s", path, err, strings.TrimSpace(errs.String()))
	}
	if err := json.Unmarshal(out.Bytes(), &r.Forward); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	r.Bytes = 4 * int64(r.Forward.Scalars)
	r.Ratio = float64(r.Forward.Memory.PeakAnonymous) / float64(r.Bytes)
	return r, nil
}
