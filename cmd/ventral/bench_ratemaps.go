package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/pkg/method/ratemap"
)

// taskTime is one task on one side: the best of its runs, wall and processor separately.
type taskTime struct {
	Wall  float64 `json:"wall"`
	CPU   float64 `json:"cpu"`
	Value float64 `json:"value"` // mean score, so that one sees both sides do the same
}

// ratemapsRow is a task of `bench ratemaps`.
type ratemapsRow struct {
	Task      string    `json:"task"`
	Ours      taskTime  `json:"ours"`
	Peer      *taskTime `json:"peer,omitempty"`
	WallRatio float64   `json:"wall_ratio,omitempty"` // ours over the peer's
	CPURatio  float64   `json:"cpu_ratio,omitempty"`
}

// benchTasks are what both sides do, in the order they are done.
var benchTasks = []string{"maps", "grid", "border", "skaggs", "eta2"}

func newBenchRatemaps() *cobra.Command {
	var units, stimuli, bins, shuffles, repeats int
	var python, script string
	var tasks []string
	c := &cobra.Command{
		Use:   "ratemaps",
		Short: "Score the rate maps of a layer, beside numpy and scipy",
		Long: `Time the scores of pkg/method/ratemap on rectified noise: rate maps, grid scores, border scores, and
permutation tests of Skaggs information (bits per event) and eta squared. With --python (an interpreter that has numpy
and scipy) the same is timed there, by scripts/peer_ratemaps.py, in turns with our own runs, so that
the ratios hold on a busy machine too. The best run of each side counts. Grid scores take other
rings on the two sides, so their means differ; the other means agree.`,
		Example: "  ventral bench ratemaps --python venv/bin/python --repeat 3",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if units < 1 || stimuli < 1 || bins < 7 || shuffles < 1 || repeats < 1 {
				return errors.New("bench ratemaps wants at least one unit, stimulus, shuffle and run, and maps of 7 bins a side")
			}
			for _, t := range tasks {
				if !slices.Contains(benchTasks, t) {
					return fmt.Errorf("no task %q: there are %s", t, strings.Join(benchTasks, ", "))
				}
			}
			rows := make([]ratemapsRow, len(tasks))
			for range repeats {
				if err := timeRatemaps(rows, tasks, units, stimuli, bins, shuffles); err != nil {
					return err
				}
				if python == "" {
					continue
				}
				if err := timePeer(cmd, rows, python, script, "--units", fmt.Sprint(units), "--stimuli", fmt.Sprint(stimuli), "--bins", fmt.Sprint(bins),
					"--shuffles", fmt.Sprint(shuffles), "--repeat", "1", "--tasks", strings.Join(tasks, ",")); err != nil {
					return err
				}
			}
			var out [][]string
			for k := range rows {
				r := &rows[k]
				line := []string{r.Task, fmt.Sprintf("%.4f", r.Ours.Wall), fmt.Sprintf("%.4f", r.Ours.CPU), "-", "-", "-", "-", fmt.Sprintf("%.5g", r.Ours.Value), "-"}
				if r.Peer != nil {
					r.WallRatio, r.CPURatio = r.Ours.Wall/r.Peer.Wall, r.Ours.CPU/r.Peer.CPU
					line = []string{r.Task, line[1], line[2], fmt.Sprintf("%.4f", r.Peer.Wall), fmt.Sprintf("%.4f", r.Peer.CPU), fmt.Sprintf("%.2f", r.WallRatio),
						fmt.Sprintf("%.2f", r.CPURatio), line[7], fmt.Sprintf("%.5g", r.Peer.Value)}
				}
				out = append(out, line)
			}
			return emit(cmd, rows, []string{"TASK", "WALL", "CPU", "PEER WALL", "PEER CPU", "WALL RATIO", "CPU RATIO", "MEAN", "PEER MEAN"}, out)
		},
	}
	f := c.Flags()
	f.IntVar(&units, "units", 768, "units")
	f.IntVar(&stimuli, "stimuli", 3000, "stimuli")
	f.IntVar(&bins, "bins", 28, "bins on a side of a map")
	f.IntVar(&shuffles, "shuffles", 1000, "permutations of the tests")
	f.IntVar(&repeats, "repeat", 3, "runs, of which the best counts")
	f.StringSliceVar(&tasks, "tasks", benchTasks, "what to time")
	f.StringVar(&python, "python", "", "interpreter with numpy and scipy to time beside (default: none)")
	f.StringVar(&script, "script", "scripts/peer_ratemaps.py", "the other side")
	addJSON(c)
	return c
}

// uniformHash is the i-th number in [0, 1) of a stream, from splitmix64, as the peer makes it.
func uniformHash(stream, i uint64) float64 {
	z := (i + stream<<40 + 1) * 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return float64((z^z>>31)>>11) / (1 << 53)
}

// timeRatemaps runs every task once and keeps the better of this run and those before.
func timeRatemaps(rows []ratemapsRow, tasks []string, units, stimuli, bins, shuffles int) error {
	values := make([]float32, stimuli*units)
	for i := range values {
		values[i] = float32(max(2*math.Sqrt(3)*(uniformHash(1, uint64(i))-.5)+.5, 0))
	}
	place := make([]int, stimuli)
	for i := range place {
		place[i] = min(int(uniformHash(2, uint64(i))*float64(bins*bins)), bins*bins-1)
	}
	r, err := ratemap.FromStimuli(values, stimuli, units)
	if err != nil {
		return err
	}
	r.Conversion = ratemap.ReLU
	grid := ratemap.Screen(bins, bins, 1, 1)
	set, err := ratemap.Maps(r, place, grid)
	if err != nil {
		return err
	}
	smooth := set.FillNearest().Smooth(1.5)
	test := func(s ratemap.Statistic) ([]float64, error) {
		n, err := ratemap.Null(r, place, grid, s, ratemap.NullOptions{Shuffles: shuffles, Seed: 1})
		if err != nil {
			return nil, err
		}
		return n.Observed, nil
	}
	do := map[string]func() ([]float64, error){
		"maps": func() ([]float64, error) {
			s, err := ratemap.Maps(r, place, grid)
			if err != nil {
				return nil, err
			}
			return s.Rate, nil
		},
		"grid": func() ([]float64, error) {
			return smooth.Scores(func(m ratemap.Map) float64 { return ratemap.GridScore(m).Score }), nil
		},
		"border": func() ([]float64, error) {
			return smooth.Scores(func(m ratemap.Map) float64 {
				return ratemap.BorderScore(m, ratemap.FindFields(m, ratemap.BorderShare, ratemap.BorderBins), ratemap.AllWalls).Score
			}), nil
		},
		"skaggs": func() ([]float64, error) { return test(ratemap.BitsPerEvent()) },
		"eta2":   func() ([]float64, error) { return test(ratemap.EtaSquared()) },
	}
	for k, name := range tasks {
		wall, cpu := time.Now(), processorSeconds()
		v, err := do[name]()
		now := taskTime{Wall: time.Since(wall).Seconds(), CPU: processorSeconds() - cpu}
		if err != nil {
			return err
		}
		sum, n := 0.0, 0
		for _, x := range v {
			if !math.IsNaN(x) {
				sum += x
				n++
			}
		}
		if now.Value = sum / float64(max(n, 1)); name == "maps" {
			now.Value = sum
		}
		rows[k].Task = name
		rows[k].Ours = better(rows[k].Ours, now)
	}
	return nil
}

func better(a, b taskTime) taskTime {
	if a.Wall == 0 {
		return b
	}
	return taskTime{Wall: min(a.Wall, b.Wall), CPU: min(a.CPU, b.CPU), Value: b.Value}
}

// timePeer runs the other side once.
func timePeer(cmd *cobra.Command, rows []ratemapsRow, python, script string, args ...string) error {
	if _, err := os.Stat(script); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not here: start in the root of a clone, or give --script", script)
	}
	child := exec.CommandContext(cmd.Context(), python, append([]string{script}, args...)...)
	var out, errs bytes.Buffer
	child.Stdout, child.Stderr = &out, &errs
	if err := child.Run(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", python, script, err, strings.TrimSpace(errs.String()))
	}
	var got struct {
		Tasks map[string]taskTime `json:"tasks"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		return fmt.Errorf("%s: %w", script, err)
	}
	for k := range rows {
		t, ok := got.Tasks[rows[k].Task]
		if !ok {
			return fmt.Errorf("%s did not do %s", script, rows[k].Task)
		}
		if rows[k].Peer == nil {
			rows[k].Peer = &t
		} else {
			*rows[k].Peer = better(*rows[k].Peer, t)
		}
	}
	return nil
}
