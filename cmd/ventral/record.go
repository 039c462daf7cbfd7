package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/datasets/catalog"
	"github.com/ventral-lab/ventral/internal/progress"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/record"
	"github.com/ventral-lab/ventral/pkg/rig/recording"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

func init() { register(newRecord); register(newVerify); register(newExport) }

func newRecord() *cobra.Command {
	var model, stimuli, out, be, budget string
	var captures []string
	var batch, index, of int
	var zstd bool
	c := &cobra.Command{
		Use:     "record",
		GroupID: groupRecordings,
		Short:   "Record a model's sites over stimuli, or finish a recording",
		Long: `Record the values of sites for every stimulus into a Zarr v3 folder. Started again after a
kill, it finishes what is missing, and the files are the same bytes.

A capture is SITE or SITE:REDUCTION. Sites are globs (ventral models sites NAME lists them);
reductions are steps joined by commas, done before anything leaves the device: class, token=I,
tokens=LO:HI, channels=LO:HI, mean, max, argmax, moments, top=K.

Stimuli: ` + strings.Join(catalog.Names(), ", ") + ` (ventral help record lists their parameters below).
` + catalog.Help(),
		Example: `  ventral record --model mini/clip-vit --stimuli 'circles?n=3000&seed=1' \
    --capture 'visual.transformer.resblocks.{0..5}.attn:class' --out out/circles
  ventral record --model openai/clip-vit-b-32 --stimuli folder:pictures --capture '**.mlp.c_proj:mean' --out out/pictures`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if model == "" || stimuli == "" || len(captures) == 0 {
				return errors.New("record wants --model, --stimuli and at least one --capture; see ventral help record")
			}
			plan := site.Plan{}
			for _, s := range captures {
				if _, err := site.ParseCapture(s); err != nil {
					return err
				}
				plan = plan.Capture(s)
			}
			bytes, err := parseBytes(budget)
			if err != nil {
				return err
			}
			set, err := catalog.Open(stimuli)
			if err != nil {
				return err
			}
			b, err := backend.Open(be)
			if err != nil {
				return err
			}
			defer b.Finalize()
			m, err := openModel(cmd, model)
			if err != nil {
				return err
			}
			defer m.Close()
			fmt.Fprintln(cmd.ErrOrStderr(), "backend:", b)
			rec, err := record.Run(cmd.Context(), record.Config{Model: m.Model, Stimuli: set, Plan: plan, Backend: b, Dir: out, Batch: batch,
				Budget: bytes, Index: index, Of: of, Zstd: zstd, Progress: progress.New("recording", set.Len(), progress.Writer(cmd.ErrOrStderr()))})
			if errors.Is(err, record.ErrPartial) {
				fmt.Fprintln(cmd.OutOrStdout(), "this part is done; the others are not")
				return nil
			}
			if err != nil {
				return err
			}
			st, err := rec.Statuses(0, rec.Len())
			if err != nil {
				return err
			}
			bad := 0
			for _, s := range st {
				if s != recording.OK {
					bad++
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d stimuli, %d arrays, %d stimuli not ok: %s\n", rec.Len(), len(rec.Arrays()), bad, rec.Dir())
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&model, "model", "", "model name (ventral models list)")
	f.StringVar(&stimuli, "stimuli", "", "stimuli, such as circles?n=3000&seed=1 or folder:PATH")
	f.StringArrayVar(&captures, "capture", nil, "SITE or SITE:REDUCTION; may be repeated")
	f.StringVar(&out, "out", "", "folder of the recording (default: the cache, under its hash)")
	f.StringVar(&be, "backend", "", "backend (default: the best there is)")
	f.IntVar(&batch, "batch", record.DefaultBatch, "stimuli at a time; part of the recording's identity")
	f.StringVar(&budget, "budget", "1GiB", "memory for pictures and values on their way")
	f.IntVar(&index, "index", 0, "this process's part of a shared recording")
	f.IntVar(&of, "of", 1, "processes that share the recording")
	f.BoolVar(&zstd, "zstd", false, "compress chunks")
	return c
}

// parseBytes reads 512MiB, 2GiB, 1GB or a plain number.
func parseBytes(s string) (int64, error) {
	units := []struct {
		suffix string
		n      float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"", 1}}
	for _, u := range units {
		if num, ok := strings.CutSuffix(s, u.suffix); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(num), 64)
			if err != nil || !(v > 0) || v*u.n > 1<<60 {
				return 0, fmt.Errorf("size %q: want a number with KiB, MiB, GiB, KB, MB or GB, such as 2GiB", s)
			}
			return int64(v * u.n), nil
		}
	}
	return 0, fmt.Errorf("size %q", s)
}

func newVerify() *cobra.Command {
	c := &cobra.Command{
		Use:     "verify RECORDING",
		GroupID: groupRecordings,
		Short:   "Check every file of a recording",
		Long: `Read every chunk of a recording and check checksums, shapes, row counts, ids and the hash
of its manifest. The exit status is 1 if anything is missing or damaged.`,
		Example: "  ventral verify out/circles",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := recording.Open(args[0])
			if err != nil {
				return err
			}
			rep, err := r.Verify(cmd.Context())
			if err != nil {
				return err
			}
			rows := [][]string{{"stimuli", fmt.Sprint(r.Len())}, {"arrays", fmt.Sprint(len(r.Arrays()))}, {"complete", fmt.Sprint(rep.Complete)}, {"missing chunks", fmt.Sprint(len(rep.MissingChunks))}}
			for _, p := range rep.Problems {
				rows = append(rows, []string{"problem", fmt.Sprint(p)})
			}
			if err := emit(cmd, rep, nil, rows); err != nil {
				return err
			}
			if !rep.OK() {
				return errSaid
			}
			return nil
		},
	}
	addJSON(c)
	return c
}

func newExport() *cobra.Command {
	var out string
	var arrays []string
	c := &cobra.Command{
		Use:     "export RECORDING",
		GroupID: groupRecordings,
		Short:   "Write a recording as one .npz, .safetensors, .parquet or .csv file",
		Long: `Write a complete recording as one file for other tools. The ending of --out picks the format:
.npz (numpy), .safetensors, .parquet or .csv (a row a stimulus, with its labels).`,
		Example: "  ventral export out/circles --out circles.npz",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return errors.New("export wants --out FILE.npz, .safetensors, .parquet or .csv")
			}
			r, err := recording.Open(args[0])
			if err != nil {
				return err
			}
			if err := recording.Export(r, out, arrays...); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), out)
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "file; its ending picks the format")
	c.Flags().StringArrayVar(&arrays, "array", nil, "only this array; may be repeated")
	return c
}
