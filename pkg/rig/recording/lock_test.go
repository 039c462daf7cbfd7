//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package recording

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hold starts a process that keeps the lock of the whole recording (shard 0) or of a shard of 10. The function it
// returns ends it, by kill or by letting it close.
func hold(t *testing.T, dir string, shard int) (pid int, end func(kill bool)) {
	t.Helper()
	c := start(t, "hold", shard, dir)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatalf("the process does not hold the lock: %q, %v", line, err)
	}
	return c.Process.Pid, func(kill bool) {
		if kill {
			if err := c.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
		in.Close()
		err := c.Wait()
		if !kill && err != nil {
			t.Error(err)
		}
	}
}

func locked(t *testing.T, what string, err error, pid int) {
	t.Helper()
	var l *LockedError
	if !errors.Is(err, ErrLocked) || !errors.As(err, &l) {
		t.Fatalf("%s: %v, want ErrLocked", what, err)
	}
	if l.PID != pid || !strings.Contains(err.Error(), fmt.Sprintf("process %d", pid)) {
		t.Errorf("%s: %v, want process %d named", what, err, pid)
	}
}

func TestSecondProcess(t *testing.T) {
	f := small()
	for _, kill := range []bool{true, false} {
		dir := filepath.Join(tempDir(t), "r")
		pid, end := hold(t, dir, 0)
		_, err := f.create(dir)
		locked(t, "whole beside whole", err, pid)
		_, err = f.create(dir, Shard(1, 2))
		locked(t, "shard beside whole", err, pid)
		end(kill)
		if err := f.finish(dir); err != nil {
			t.Fatal(err)
		}
		sameTree(t, "afterwards", tree(t, dir), reference(t, f))
	}
}

func TestSecondWriterInProcess(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	w, err := f.create(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.create(dir)
	locked(t, "in one process", err, os.Getpid())
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.finish(dir); err != nil {
		t.Fatal(err)
	}
}

func TestShardLocks(t *testing.T) {
	f := small()
	dir := filepath.Join(tempDir(t), "r")
	pid, end := hold(t, dir, 3)
	_, err := f.create(dir, Shard(3, 10))
	locked(t, "the same shard", err, pid)
	_, err = f.create(dir)
	locked(t, "the whole beside a shard", err, pid)
	_, err = f.create(dir, Shard(3, 4))
	locked(t, "a shard of another division", err, pid)
	w, err := f.create(dir, Shard(1, 10))
	if err != nil {
		t.Fatalf("another shard: %v", err)
	}
	if got := w.Missing(); len(got) != 1 || got[0] != 1 {
		t.Errorf("missing %v, want the chunk of the shard", got)
	}
	if err := f.writeChunk(w, 0); err == nil || !strings.Contains(err.Error(), "shard 0 of 10") {
		t.Errorf("a chunk of another shard: %v", err)
	}
	end(true)
	if err := f.write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.finish(dir); err != nil {
		t.Fatal(err)
	}
	sameTree(t, "afterwards", tree(t, dir), reference(t, f))
}
