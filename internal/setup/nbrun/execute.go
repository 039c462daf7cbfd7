package nbrun

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

//go:embed run.py
var script string

// Request says what to execute and how.
type Request struct {
	Python    string        // interpreter of the private environment
	Kernel    string        // kernelspec name
	Env       []string      // added to the environment
	Notebooks []string      // files
	Out       string        // folder for the executed notebook, its HTML and figures
	Timeout   time.Duration // for each cell; 0 means 15 minutes
	Progress  io.Writer     // a line a cell; nil: nowhere
}

// Result is what became of one notebook. Error is empty where every cell ran.
type Result struct {
	Name     string  `json:"name"`
	Notebook string  `json:"notebook"`
	HTML     string  `json:"html"`
	Cells    int     `json:"cells"`
	Seconds  float64 `json:"seconds"`
	Error    string  `json:"error,omitempty"`
}

// errorLines is how much of a failed cell's output an error shows; all of it is in the HTML.
const errorLines = 12

// Execute runs the notebooks one after the other and returns a result for each that was run. The error names each
// that failed, with the last lines of its output.
func Execute(ctx context.Context, q Request) ([]Result, error) {
	if q.Timeout == 0 {
		q.Timeout = 15 * time.Minute
	}
	out, err := filepath.Abs(q.Out)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, fmt.Errorf("run notebooks: %w", err)
	}
	files := make([]string, len(q.Notebooks))
	for i, file := range q.Notebooks {
		if files[i], err = filepath.Abs(file); err != nil {
			return nil, err
		}
	}
	request, err := json.Marshal(map[string]any{
		"notebooks": files, "out": out, "kernel": q.Kernel, "timeout": int(q.Timeout.Seconds()),
	})
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, q.Python, "-c", script)
	cmd.Dir = out
	cmd.Env = append(os.Environ(), q.Env...)
	cmd.Env = append(cmd.Env, "VENTRAL_OUT="+out)
	cmd.Stdin = bytes.NewReader(request)
	var answers bytes.Buffer
	noise := &lineWriter{to: q.Progress}
	cmd.Cancel = func() error {
		noise.mute.Store(true) // how Python unwinds is nothing to read
		return cmd.Process.Signal(os.Interrupt)
	}
	cmd.WaitDelay = 20 * time.Second
	cmd.Stdout, cmd.Stderr = &answers, noise
	runErr := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	results, err := parseResults(answers.Bytes())
	if err != nil {
		return results, fmt.Errorf("run notebooks: %w", err)
	}
	if runErr != nil {
		return results, fmt.Errorf("run notebooks: %w\n%s", runErr, noise.tail())
	}
	return results, failures(results)
}

func parseResults(b []byte) ([]Result, error) {
	var results []Result
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var r Result
		err := d.Decode(&r)
		if errors.Is(err, io.EOF) {
			return results, nil
		}
		if err != nil {
			return results, fmt.Errorf("the runner's answer: %w", err)
		}
		results = append(results, r)
	}
}

func failures(results []Result) error {
	var errs []error
	for _, r := range results {
		if r.Error != "" {
			errs = append(errs, fmt.Errorf("%s: %s\nhow far it came: %s", r.Name, lastLines(r.Error, errorLines), r.HTML))
		}
	}
	return errors.Join(errs...)
}

// lastLines returns the first line and the last n, leaving empty ones out.
func lastLines(s string, n int) string {
	var lines []string
	for _, line := range strings.Split(s, "\n") {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) <= n {
		return strings.Join(lines, "\n")
	}
	return lines[0] + "\n...\n" + strings.Join(lines[len(lines)-n:], "\n")
}

// lineWriter passes whole lines on and remembers the last ones.
type lineWriter struct {
	to   io.Writer
	mute atomic.Bool
	part []byte
	last []string
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.part = append(w.part, p...)
	for {
		advance, line, _ := bufio.ScanLines(w.part, false)
		if advance == 0 {
			return len(p), nil
		}
		w.last = append(w.last, string(line))
		w.last = w.last[max(0, len(w.last)-errorLines):]
		if w.to != nil && !w.mute.Load() {
			fmt.Fprintf(w.to, "  %s\n", line)
		}
		w.part = w.part[advance:]
	}
}

func (w *lineWriter) tail() string { return strings.Join(append(w.last, string(w.part)), "\n") }
