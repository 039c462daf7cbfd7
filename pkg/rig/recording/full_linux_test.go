package recording

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"golang.org/x/sys/unix"
)

// TestFullDisk fills a real file system of 100 KiB, makes it larger, and goes on.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=100k"); err != nil {
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
			t.Skip("mounting a small tmpfs needs root; TestFailAtEveryStep and TestWriteCutOff cover the same without it")
		}
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	}()
	dir := filepath.Join(disk, "r")
	err := small().finish(dir)
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("%v, want ENOSPC and the path", err)
	}
	for name := range tree(t, dir) {
		if base := filepath.Base(name); atomicfile.IsTemp(base, "*") || strings.HasPrefix(base, lockName) {
			t.Errorf("left %s", name)
		}
	}
	checkRest(t, "full disk", dir)
	if r, err := Open(dir); err != nil {
		t.Errorf("the recording was not even begun: %v", err)
	} else if r.Complete() {
		t.Error("complete on a full disk")
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", unix.MS_REMOUNT, "size=10m"); err != nil {
		t.Fatal(os.NewSyscallError("remount", err))
	}
	if err := small().finish(dir); err != nil {
		t.Fatal(err)
	}
	sameTree(t, "after more room", tree(t, dir), reference(t, small()))
}
