//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package recording

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// checkRest looks at what a killed or failed writer left: it must open as nothing or as an honest part.
func checkRest(t *testing.T, what, dir string) {
	t.Helper()
	r, err := Open(dir)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Errorf("%s: what is left does not open: %v", what, err)
		return
	}
	rep, err := r.Verify(context.Background())
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	for _, p := range rep.Problems {
		// Before the writer has got to the arrays their metadata may be missing; nothing may be wrong.
		if !strings.HasSuffix(p.Path, "zarr.json") || !strings.Contains(p.Message, "no such file") {
			t.Errorf("%s: %+v", what, p)
		}
	}
	if _, err := r.Rows(0, r.Len()); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// TestKillAtRandom kills a recording process twenty times at random moments, each time going on with what is there,
// and compares the end with an uninterrupted recording byte by byte.
func TestKillAtRandom(t *testing.T) {
	want := reference(t, small())
	for range 2 {
		dir := filepath.Join(tempDir(t), "r")
		kills, done := 0, 0
		for try := 0; kills < 10 && try < 200; try++ {
			c := start(t, "slow", 200, dir)
			var stderr bytes.Buffer
			c.Stderr = &stderr
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rand.IntN(250)) * time.Millisecond)
			if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			err := c.Wait()
			var exit *exec.ExitError
			switch {
			case err == nil:
				// It got to its end before the kill: start afresh, for there must be something to interrupt.
				done++
				sameTree(t, "uninterrupted", tree(t, dir), want)
				dir = filepath.Join(tempDir(t), "r")
				continue
			case errors.As(err, &exit) && exit.ExitCode() == -1:
				kills++
			default:
				t.Fatalf("the process failed by itself: %v\n%s", err, stderr.String())
			}
			checkRest(t, fmt.Sprint("kill ", kills), dir)
		}
		if kills < 10 {
			t.Fatalf("only %d kills hit, %d runs ended before", kills, done)
		}
		if err := small().finish(dir); err != nil {
			t.Fatal(err)
		}
		sameTree(t, "finished after kills", tree(t, dir), want)
	}
}

// steps counts the steps of a whole recording.
func steps(t *testing.T, f fixture) int {
	t.Helper()
	n := 0
	var mu sync.Mutex
	atomicfile.Hook = func(atomicfile.Op, string) error {
		mu.Lock()
		defer mu.Unlock()
		n++
		return nil
	}
	defer func() { atomicfile.Hook = nil }()
	if err := f.finish(filepath.Join(tempDir(t), "r")); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKillAtEveryStep kills the process before each single step of writing.
func TestKillAtEveryStep(t *testing.T) {
	f := tiny()
	want := reference(t, f)
	n := steps(t, f)
	if n < 100 {
		t.Fatalf("%d steps", n)
	}
	base := tempDir(t)
	err := parallel(n, func(i int) error {
		dir := filepath.Join(base, fmt.Sprint(i))
		out, err := start(t, "die", i, dir).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != -1 {
			return fmt.Errorf("step %d: the process was not killed: %v\n%s", i, err, out)
		}
		checkRest(t, fmt.Sprint("step ", i), dir)
		if err := f.finish(dir); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		sameTree(t, fmt.Sprint("killed before step ", i), tree(t, dir), want)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFailAtEveryStep lets every single step of writing fail for want of space, in turn.
func TestFailAtEveryStep(t *testing.T) {
	f := tiny()
	want := reference(t, f)
	base := tempDir(t)
	for i := range steps(t, f) {
		dir := filepath.Join(base, fmt.Sprint(i))
		n := 0
		failed := ""
		var mu sync.Mutex
		atomicfile.Hook = func(op atomicfile.Op, path string) error {
			mu.Lock()
			defer mu.Unlock()
			n++
			if n == i+1 {
				failed = fmt.Sprint(op, " ", path)
				return fmt.Errorf("%s: %w", op, syscall.ENOSPC)
			}
			return nil
		}
		err := f.finish(dir)
		atomicfile.Hook = nil
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
			t.Fatalf("step %d (%s): %v, want ENOSPC and the path", i, failed, err)
		}
		if _, err := os.Stat(dir); err == nil {
			for name := range tree(t, dir) {
				base := filepath.Base(name)
				if atomicfile.IsTemp(base, "*") || strings.HasPrefix(base, lockName) {
					t.Errorf("step %d (%s) left %s", i, failed, name)
				}
			}
			checkRest(t, failed, dir)
		}
		if err := f.finish(dir); err != nil {
			t.Fatalf("after step %d (%s): %v", i, failed, err)
		}
		sameTree(t, fmt.Sprintf("failed at step %d (%s)", i, failed), tree(t, dir), want)
	}
}

// TestOrderOfSteps: no name before its bytes are on the disk, no status before everything else of the chunk is, and
// no completion before all of it.
func TestOrderOfSteps(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	type entry struct {
		op   atomicfile.Op
		path string
	}
	var log []entry
	var mu sync.Mutex
	atomicfile.Hook = func(op atomicfile.Op, path string) error {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, entry{op, path})
		return nil
	}
	err := f.finish(dir)
	atomicfile.Hook = nil
	if err != nil {
		t.Fatal(err)
	}
	after := func(from int, op atomicfile.Op, path string) int {
		return from + slices.Index(log[from:], entry{op, path})
	}
	renames := map[string]int{}
	for i, e := range log {
		if e.op != atomicfile.OpRename {
			continue
		}
		d, base := filepath.Split(e.path)
		synced := slices.ContainsFunc(log[:i], func(b entry) bool {
			return b.op == atomicfile.OpSync && strings.HasPrefix(b.path, d+"."+base+".tmp-")
		})
		if !synced {
			t.Errorf("%s was renamed before it was fsynced", e.path)
		}
		renames[e.path] = i
	}
	var chunkFiles int
	for path, i := range renames {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(filepath.ToSlash(rel), "/c/")
		if len(parts) != 2 || parts[0] == "stimuli/status" {
			continue
		}
		chunkFiles++
		k := strings.Split(parts[1], "/")[0]
		status := renames[filepath.Join(dir, "stimuli/status/c", k)]
		if durable := after(i, atomicfile.OpDir, filepath.Dir(path)); durable < i || durable > status {
			t.Errorf("%s (step %d) is not durable before the status of its chunk (step %d)", rel, i, status)
		}
	}
	if chunkFiles != 4*10 {
		t.Errorf("%d chunk files, want 40", chunkFiles)
	}
	if last := renames[filepath.Join(dir, "zarr.json")]; last != len(log)-2 {
		t.Errorf("the completion is step %d of %d", last, len(log))
	}
}

// TestWriteCutOff lets the kernel cut files off in the middle of a write (RLIMIT_FSIZE).
func TestWriteCutOff(t *testing.T) {
	want := reference(t, small())
	for _, limit := range []int{0, 1, 20, 60, 100, 400, 1000} {
		dir := filepath.Join(tempDir(t), "r")
		out, err := start(t, "limit", limit, dir).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "file too large") || !strings.Contains(string(out), dir) {
			t.Errorf("limit %d: %v, %s", limit, err, out)
		}
		for name := range tree(t, dir) {
			if atomicfile.IsTemp(filepath.Base(name), "*") {
				t.Errorf("limit %d left %s", limit, name)
			}
		}
		checkRest(t, fmt.Sprint("limit ", limit), dir)
		if err := small().finish(dir); err != nil {
			t.Fatal(err)
		}
		sameTree(t, fmt.Sprint("limit ", limit), tree(t, dir), want)
	}
}

// TestShardProcesses runs three processes on one recording at once.
func TestShardProcesses(t *testing.T) {
	want := reference(t, small())
	dir := filepath.Join(tempDir(t), "r")
	err := parallel(3, func(i int) error {
		if out, err := start(t, "shard", i, dir).CombinedOutput(); err != nil {
			return fmt.Errorf("shard %d: %w\n%s", i, err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sameTree(t, "three processes", tree(t, dir), want)
}
