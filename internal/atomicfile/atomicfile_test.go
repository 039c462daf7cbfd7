package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, s := range []string{"first", "", "third, longer than the first"} {
		if err := WriteFile(path, []byte(s), ""); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != s {
			t.Errorf("%q, want %q", got, s)
		}
		if got := names(t, dir); !slices.Equal(got, []string{"a"}) {
			t.Errorf("files %q", got)
		}
	}
	if err := WriteFile(filepath.Join(dir, "none", "a"), nil, ""); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none/a") {
		t.Error(err)
	}
}

func TestInvisibleUntilCommit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := WriteFile(path, []byte("old"), ""); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path, "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "old" {
		t.Errorf("before Commit: %q", got)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if got := read(t, path); got != "new" {
		t.Errorf("after Commit and Abort: %q", got)
	}
	if f.Commit() == nil {
		t.Error("a second Commit succeeded")
	}
	g, err := Create(path, "")
	if err != nil {
		t.Fatal(err)
	}
	g.Abort()
	g.Abort()
	if got := names(t, dir); read(t, path) != "new" || !slices.Equal(got, []string{"a"}) {
		t.Errorf("after Abort: %q, %q", read(t, path), got)
	}
}

// TestEveryStepCanFail: whichever step fails, the error names it and the file, the old file stays until the rename,
// and no temporary file is left.
func TestEveryStepCanFail(t *testing.T) {
	defer func() { Hook = nil }()
	for i, want := range []Op{OpCreate, OpWrite, OpSync, OpRename, OpDir} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a")
		Hook = nil
		if err := WriteFile(path, []byte("old"), ""); err != nil {
			t.Fatal(err)
		}
		n := 0
		var at Op
		Hook = func(op Op, _ string) error {
			if n++; n == i+1 {
				at = op
				return syscall.ENOSPC
			}
			return nil
		}
		err := WriteFile(path, []byte("new"), "")
		if at != want {
			t.Errorf("step %d is %s, want %s", i, at, want)
		}
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", want, err)
		}
		content := "old"
		if want == OpDir {
			content = "new"
		}
		if got := names(t, dir); read(t, path) != content || !slices.Equal(got, []string{"a"}) {
			t.Errorf("%s failed: %q in %q", want, read(t, path), got)
		}
	}
}

func TestRenameOverFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("x"), ""); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if got := names(t, dir); !slices.Equal(got, []string{"a"}) {
		t.Errorf("left %q", got)
	}
}

func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	var log []string
	Hook = func(op Op, path string) error {
		log = append(log, fmt.Sprint(op, " ", strings.TrimPrefix(path, dir)))
		return nil
	}
	err := MkdirAll(filepath.Join(dir, "a", "b"))
	Hook = nil
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"make folder /a", "fsync folder ", "make folder /a/b", "fsync folder /a"}; !slices.Equal(log, want) {
		t.Errorf("%q, want %q", log, want)
	}
	if err := MkdirAll(filepath.Join(dir, "a", "b")); err != nil {
		t.Error(err)
	}
	if err := WriteFile(filepath.Join(dir, "f"), nil, ""); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"f", "f/x"} {
		if err := MkdirAll(filepath.Join(dir, p)); err == nil {
			t.Errorf("made a folder of %s", p)
		}
	}
}

func TestRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := Remove(path); err != nil {
		t.Error("removing nothing:", err)
	}
	if err := WriteFile(path, nil, ""); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestRemoveTemp: what a killed writer leaves is found by its tag, and nothing else is.
func TestRemoveTemp(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	keep := []string{".hidden", ".a.tmp-", ".a.tmp-x-12345", ".a.tmp-x-zzzzzzzzzzzz", "a.tmp-x-0123456789ab", "plain"}
	for _, name := range keep {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tag := range []string{"", "0of2", "1of2", "with-dash"} {
		f, err := Create(filepath.Join(sub, "a"), tag)
		if err != nil {
			t.Fatal(err)
		}
		if !IsTemp(filepath.Base(f.temp), tag) || !IsTemp(filepath.Base(f.temp), "*") || IsTemp(filepath.Base(f.temp), "other") {
			t.Errorf("IsTemp does not know %s", f.temp)
		}
		f.f.Close() // as if killed
	}
	for _, c := range []struct {
		tag  string
		want int
	}{{"1of2", 1}, {"1of2", 0}, {"", 1}, {"with-dash", 1}, {"*", 1}, {"*", 0}} {
		if n, err := RemoveTemp(dir, c.tag); err != nil || n != c.want {
			t.Errorf("tag %q: %d, %v; want %d", c.tag, n, err, c.want)
		}
	}
	slices.Sort(keep)
	if got := names(t, dir); !slices.Equal(got[:len(keep)], keep) || len(got) != len(keep)+1 {
		t.Errorf("kept %q", got)
	}
	if n, err := RemoveTemp(filepath.Join(dir, "none"), "*"); n != 0 || err != nil {
		t.Errorf("a folder that is not there: %d, %v", n, err)
	}
}
