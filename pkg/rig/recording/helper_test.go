//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package recording

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/rng"
)

// TestMain lets the test binary play a recording process: with VENTRAL_TEST_HELPER set it does what that says
// instead of running tests.
func TestMain(m *testing.M) {
	if os.Getenv("VENTRAL_TEST_HELPER") != "" {
		if err := helper(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// helper is the process that the kill tests kill. The variable reads "ACTION NUMBER DIR".
func helper() error {
	f := strings.SplitN(os.Getenv("VENTRAL_TEST_HELPER"), " ", 3)
	action, dir := f[0], f[2]
	arg, err := strconv.Atoi(f[1])
	if err != nil {
		return err
	}
	switch action {
	case "slow": // write everything, at a pace at which a kill hits something
		atomicfile.Hook = func(atomicfile.Op, string) error {
			time.Sleep(time.Duration(arg) * time.Microsecond)
			return nil
		}
		return small().finish(dir)
	case "die": // kill itself before step arg; one chunk after the other
		n := 0
		var mu sync.Mutex
		atomicfile.Hook = func(atomicfile.Op, string) error {
			mu.Lock()
			defer mu.Unlock()
			if n == arg {
				if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
					return err
				}
				select {}
			}
			n++
			return nil
		}
		return tiny().finish(dir)
	case "limit": // no file may be larger than arg bytes: the kernel cuts writes off in the middle
		signal.Ignore(syscall.SIGXFSZ)
		lim := syscall.Rlimit{Cur: uint64(arg), Max: uint64(arg)}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &lim); err != nil {
			return err
		}
		return small().finish(dir)
	case "hold": // take the lock of the whole (arg 0) or of a shard (arg of 10) until the parent closes the pipe
		var opts []Option
		if arg > 0 {
			opts = append(opts, Shard(arg, 10))
		}
		w, err := small().create(dir, opts...)
		if err != nil {
			return err
		}
		fmt.Println("held")
		if _, err := os.Stdin.Read(make([]byte, 1)); err != io.EOF {
			return err
		}
		return w.Close()
	case "shard": // write shard arg of 3
		w, err := small().create(dir, Shard(arg, 3))
		if err != nil {
			return err
		}
		if err := small().write(w); err != nil {
			return err
		}
		err = w.Finish()
		if errors.Is(err, ErrIncomplete) {
			return w.Close()
		}
		return err
	}
	return fmt.Errorf("no action %q", action)
}

// fixture is a recording whose every value follows from the row.
type fixture struct {
	manifest Manifest
	arrays   []ArraySpec
	columns  []Column
	n, chunk int
	serial   bool // one chunk after the other
	opts     []Option
}

func small() fixture {
	return fixture{
		manifest: Manifest{Model: "test/model", WeightsHash: "abc", Stimuli: "fake?n=11", Preprocess: []byte(`{"size": 8}`),
			Plan: []byte(`{"captures":["visual.**"]}`), DType: "float32", Backend: "none", Seed: 1 << 63, Batch: 2,
			Extra: map[string]string{"note": "<ö>"}},
		arrays: []ArraySpec{
			{Name: "visual.ln_post:cls", Site: "visual.ln_post", Reduction: "cls", Axes: []string{"channel"}, Shape: []int{3}},
			{Name: "visual.conv1", Site: "visual.conv1", Axes: []string{"", "y", "x"}, Shape: []int{2, 3, 2}, DType: "float16"},
			{Name: "argmax", DType: "int32"},
		},
		columns: []Column{{"x", KindFloat, "px", "position"}, {"count", KindInt, "", ""}, {"word", KindString, "", ""}, {"clipped", KindBool, "", ""}},
		n:       11, chunk: 3,
	}
}

// tiny has few files, for tests that go through every step of writing.
func tiny() fixture {
	f := small()
	f.arrays, f.columns = f.arrays[:1], f.columns[2:3]
	f.n, f.chunk, f.serial = 4, 2, true
	return f
}

// every is a fixture with all types, for round trips.
func every() fixture {
	f := small()
	f.arrays = append(f.arrays, ArraySpec{Name: "double", Shape: []int{2}, DType: "float64"}, ArraySpec{Name: "long", Shape: []int{1, 2}, DType: "int64"})
	return f
}

func (f fixture) create(dir string, opts ...Option) (*Writer, error) {
	return Create(dir, f.manifest, f.arrays, f.columns, f.n, f.chunk, append(opts, f.opts...)...)
}

func (f fixture) row(i int) Row {
	r := Row{ID: fmt.Sprintf("stim-%04d", i), ContentHash: fmt.Sprintf("%x", i*i), Status: OK, Labels: map[string]any{
		"x": float64(i) / 3, "count": int64(i) << 40, "word": strings.Repeat("é", i%4), "clipped": i%3 == 0}}
	switch i % 7 {
	case 4:
		r.Status, r.Message = Corrupt, "unexpected EOF"
		r.ContentHash, r.Labels = "", nil
	case 6:
		r.Status, r.Message = Skipped, "too small"
	}
	return r
}

// value is element j of array a for stimulus i: an arbitrary number that float16 holds exactly where needed.
func (f fixture) value(a, i, j int) float64 {
	r := rng.Fast(uint64(a), "value", uint64(i), uint64(j))
	switch f.arrays[a].DType {
	case "int32":
		return float64(int32(r.Uint32()))
	case "int64":
		return float64(r.Int64N(1<<53) - 1<<52)
	case "float16":
		return float64(r.IntN(4097)-2048) / 16
	case "float64":
		return r.NormFloat64()
	}
	return float64(float32(r.NormFloat64()))
}

func (f fixture) data(lo, hi int) map[string]any {
	out := map[string]any{}
	for a, s := range f.arrays {
		vals := make([]float64, 0, (hi-lo)*s.Size())
		for i := lo; i < hi; i++ {
			for j := range s.Size() {
				vals = append(vals, f.value(a, i, j))
			}
		}
		switch s.DType {
		case "", "float32", "float16":
			out[s.Name] = convert[float32](vals)
		case "float64":
			out[s.Name] = vals
		case "int32":
			out[s.Name] = convert[int32](vals)
		case "int64":
			out[s.Name] = convert[int64](vals)
		}
	}
	return out
}

func convert[T float32 | int32 | int64](v []float64) []T {
	out := make([]T, len(v))
	for i, x := range v {
		out[i] = T(x)
	}
	return out
}

func (f fixture) writeChunk(w *Writer, k int) error {
	lo, hi := w.Rows(k)
	var rows []Row
	for i := lo; i < hi; i++ {
		rows = append(rows, f.row(i))
	}
	return w.WriteChunk(k, rows, f.data(lo, hi))
}

// write writes what is missing.
func (f fixture) write(w *Writer) error {
	missing := w.Missing()
	if !f.serial {
		return parallel(len(missing), func(i int) error { return f.writeChunk(w, missing[i]) })
	}
	for _, k := range missing {
		if err := f.writeChunk(w, k); err != nil {
			return err
		}
	}
	return nil
}

// finish creates or reopens the recording and brings it to its end.
func (f fixture) finish(dir string) error {
	w, err := f.create(dir)
	if err != nil {
		return err
	}
	if err := f.write(w); err != nil {
		w.Close()
		return err
	}
	if err := w.Finish(); err != nil {
		w.Close()
		return err
	}
	return nil
}

// tempDir is t.TempDir in memory where the system has a folder for that: these tests make some ten thousand small
// files, each fsynced.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "ventral-recording-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// tree reads all files below a folder.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			out[rel+"/"] = ""
			return nil
		}
		b, err := os.ReadFile(path)
		out[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sameTree fails where two folders differ in any file or byte.
func sameTree(t testing.TB, what string, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if g, ok := got[name]; !ok {
			t.Errorf("%s: %s is missing", what, name)
		} else if g != want[name] {
			t.Errorf("%s: %s differs", what, name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: %s should not be there", what, name)
		}
	}
}

// start runs the test binary as a helper process.
func start(t testing.TB, action string, arg int, dir string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), fmt.Sprintf("VENTRAL_TEST_HELPER=%s %d %s", action, arg, dir))
	return c
}

// reference is the tree of an uninterrupted recording of a fixture.
func reference(t testing.TB, f fixture) map[string]string {
	t.Helper()
	dir := filepath.Join(tempDir(t), "reference")
	if err := f.finish(dir); err != nil {
		t.Fatal(err)
	}
	return tree(t, dir)
}

func sameValue(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
