package setup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Status is how a step of set-up or a row of doctor came out.
type Status string

// The statuses. Only Failed keeps what was asked for from being there.
const (
	OK     Status = "ok"     // there
	Done   Status = "done"   // made just now
	Off    Status = "off"    // an offer that this machine cannot take up; all else works
	Failed Status = "failed" // missing
)

// Step is one line of the account that Run gives.
type Step struct {
	Name    string  `json:"name"`
	Status  Status  `json:"status"`
	Detail  string  `json:"detail"`
	Seconds float64 `json:"seconds"`
}

// Report is what Run did.
type Report struct {
	Root    string  `json:"root"`
	Steps   []Step  `json:"steps"`
	Plugin  string  `json:"plugin,omitempty"` // the XLA plugin notebooks will use; empty: Go backend
	Seconds float64 `json:"seconds"`
}

// failed returns what is missing, as an error, or nil.
func (r *Report) failed() error {
	var lines []string
	for _, s := range r.Steps {
		if s.Status == Failed {
			lines = append(lines, "  "+s.Name+": "+s.Detail)
		}
	}
	if lines == nil {
		return nil
	}
	return fmt.Errorf("set-up is not complete:\n%s", strings.Join(lines, "\n"))
}

// account collects steps from both halves and prints each as it ends.
type account struct {
	mu     sync.Mutex
	out    io.Writer
	report *Report
}

// step runs f, which says how it came out, and writes the line.
func (a *account) step(name string, f func() (Status, string)) Status {
	start := time.Now()
	status, detail := f()
	a.add(Step{Name: name, Status: status, Detail: detail, Seconds: time.Since(start).Seconds()})
	return status
}

func (a *account) add(s Step) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Steps = append(a.report.Steps, s)
	head, rest, _ := strings.Cut(s.Detail, "\n")
	fmt.Fprintf(a.out, "  %-6s  %-12s  %6.1f s  %s\n", s.Status, s.Name, s.Seconds, head)
	for _, line := range strings.Split(rest, "\n") {
		if line != "" {
			fmt.Fprintf(a.out, "  %-6s  %-12s  %8s  %s\n", "", "", "", line)
		}
	}
}

func (a *account) note(line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Fprintf(a.out, "          %s\n", line)
}

// command is a program that does a part of the work.
type command struct {
	step string   // names its log
	dir  string   // where it runs
	env  []string // added to the environment
	argv []string
}

// run keeps the output in the step's log. The error holds the last lines of it, and its path.
func (l Layout) run(ctx context.Context, c command) error {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	log := filepath.Join(l.Logs(), c.step+".log")
	text := "$ " + strings.Join(c.argv, " ") + "\n" + out.String()
	if werr := os.WriteFile(log, []byte(text), 0o644); werr != nil && err == nil {
		return werr
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%w (all of it: %s)\n%s", err, log, tail(out.String(), 8))
	}
	return nil
}

// tail returns the last n lines that are not empty.
func tail(s string, n int) string {
	var keep []string
	for _, line := range strings.Split(s, "\n") {
		if strings.TrimSpace(line) != "" {
			keep = append(keep, strings.TrimRight(line, "\r"))
		}
	}
	return strings.Join(keep[max(0, len(keep)-n):], "\n")
}
