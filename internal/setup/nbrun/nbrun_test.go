package nbrun

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite testdata/stored.ipynb")

var kernel = Kernel{Name: "ventral-go", Display: "Go (ventral)"}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestClean compares with a stored notebook that was read by eye.
func TestClean(t *testing.T) {
	got, err := Clean(read(t, "testdata/executed.ipynb"), kernel, "/clones/ventral")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/stored.ipynb", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, "testdata/stored.ipynb"); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	again, err := Clean(got, kernel, "/clones/ventral")
	if err != nil || !bytes.Equal(got, again) {
		t.Errorf("cleaned twice it differs: %v\n%s", err, again)
	}
	if err := Check(got, kernel); err != nil {
		t.Errorf("what Clean returns does not pass: %v", err)
	}
}

// TestCleanForgetsTheRun: two executions of one notebook, at other times and places, are stored as the same bytes.
func TestCleanForgetsTheRun(t *testing.T) {
	first := string(read(t, "testdata/executed.ipynb"))
	second := strings.NewReplacer("2026-11-21T13:36:18Z", "2031-01-01T00:00:00Z", "gonb_0f3a12bc", "gonb_99999999",
		"/tmp/", "/var/tmp/", "/clones/ventral", "/elsewhere/v", "a8f3", "77aa", `"execution_count":7`, `"execution_count":12`, "X:simd", "X:none").Replace(first)
	a, err := Clean([]byte(first), kernel, "/clones/ventral")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Clean([]byte(second), kernel, "/elsewhere/v")
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("%v\n%s\nand\n%s", err, a, b)
	}
}

// nb makes a notebook with one executed cell.
func nb(output string) []byte {
	return []byte(`{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[{"cell_type":"code","metadata":{},"execution_count":1,"source":["x"],"outputs":[` + output + `]}]}`)
}

func TestCleanRefuses(t *testing.T) {
	for _, c := range []struct{ notebook, want string }{
		{"", "notebook:"},
		{"[]", "notebook:"},
		{"{}", "format"},
		{`{"nbformat":3,"cells":[]}`, "only 4"},
		{`{"nbformat":4}`, "no list of cells"},
		{`{"nbformat":4,"cells":[1]}`, "cell 0 is not an object"},
		{string(nb(`1`)), "an output is not an object"},
		{string(nb(`{"output_type":"error","evalue":"boom"}`)), "boom"},
		{strings.Repeat("[", 100), "nested deeper"},
	} {
		if got, err := Clean([]byte(c.notebook), kernel); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q gave %s, %v, want an error with %q", c.notebook, got, err, c.want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	stream := func(s string) string { return fmt.Sprintf(`{"output_type":"stream","name":"stdout","text":[%q]}`, s) }
	clean := func(b []byte) []byte {
		c, err := Clean(b, kernel)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := Check(clean(nb(stream("fine"))), kernel); err != nil {
		t.Errorf("a good one: %v", err)
	}
	big := base64.StdEncoding.EncodeToString(make([]byte, MaxStored*3/4))
	for _, c := range []struct {
		name string
		nb   []byte
		want string
	}{
		{"not cleaned", nb(stream("fine")), "not as it is stored"},
		{"another kernel", bytes.ReplaceAll(clean(nb(stream("fine"))), []byte("ventral-go"), []byte("python3")), "not as it is stored"},
		{"home", clean(nb(stream("see /home/someone/a.png"))), "/home/someone"},
		{"temporary file", clean(nb(stream("see /tmp/x1/a.png"))), "/tmp/x1"},
		{"only SVG", clean(nb(`{"output_type":"display_data","metadata":{},"data":{"image/svg+xml":"<svg/>"}}`)), "send a PNG"},
		{"never executed", clean(nb("")), "no cell has an output"},
		{"too large", clean(nb(`{"output_type":"display_data","metadata":{},"data":{"image/png":"` + big + `"}}`)), "must be under 2"},
	} {
		if err := Check(c.nb, kernel); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
}

// TestCommitted checks the notebooks of the repository.
func TestCommitted(t *testing.T) {
	files, err := filepath.Glob("../../../notebooks/*.ipynb")
	if err != nil || len(files) == 0 {
		t.Fatalf("no notebooks: %v", err)
	}
	for _, file := range files {
		if err := Check(read(t, file), kernel); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

func TestStoreKeepsTheOldOnError(t *testing.T) {
	dir := t.TempDir()
	target, executed := filepath.Join(dir, "nb.ipynb"), filepath.Join(dir, "out.ipynb")
	if err := os.WriteFile(target, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(executed, nb(`{"output_type":"error","evalue":"boom"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Store(executed, target, kernel); err == nil || string(read(t, target)) != "old" {
		t.Errorf("a failed notebook was stored: %v", err)
	}
	if err := Store("testdata/executed.ipynb", target, kernel, "/clones/ventral"); err != nil || !bytes.Equal(read(t, target), read(t, "testdata/stored.ipynb")) {
		t.Errorf("not stored: %v", err)
	}
}

// fakeRunner stands in for Python: it keeps what it was asked, then says and does what a test wants.
func fakeRunner(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExecuteReports(t *testing.T) {
	dir := t.TempDir()
	python := fakeRunner(t, `cat > request.json; echo "$VENTRAL_OUT $EXTRA" > env
echo 'one: cell 1 of 1, 0.1 s' >&2
echo '{"name":"one","html":"one.html","cells":1,"seconds":0.1}'
printf '%s\n' '{"name":"two","html":"two.html","cells":2,"error":"a cell failed:\nl1\nl2"}'`)
	var progress bytes.Buffer
	results, err := Execute(context.Background(), Request{
		Python: python, Kernel: "k", Env: []string{"EXTRA=yes"}, Notebooks: []string{"one.ipynb", "two.ipynb"}, Out: dir, Progress: &progress,
	})
	if len(results) != 2 || results[0].Cells != 1 || err == nil || !strings.Contains(err.Error(), "two: a cell failed:\nl1\nl2\nhow far it came: two.html") || strings.Contains(err.Error(), "one:") {
		t.Errorf("%v, %v", results, err)
	}
	if progress.String() != "  one: cell 1 of 1, 0.1 s\n" {
		t.Errorf("progress is %q", progress.String())
	}
	if got := string(read(t, filepath.Join(dir, "env"))); got != dir+" yes\n" {
		t.Errorf("environment is %q", got)
	}
	var request struct {
		Notebooks []string
		Timeout   int
	}
	if err := json.Unmarshal(read(t, filepath.Join(dir, "request.json")), &request); err != nil || !filepath.IsAbs(request.Notebooks[0]) || request.Timeout != 900 {
		t.Errorf("request is %v, %v", request, err)
	}
}

func TestExecuteBrokenRunner(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"echo 'ModuleNotFoundError: No module named nbclient' >&2; exit 1", "No module named nbclient"},
		{"echo '{\"name\":'", "the runner's answer"},
	} {
		_, err := Execute(context.Background(), Request{Python: fakeRunner(t, c.script), Out: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want an error with %q", err, c.want)
		}
	}
	if _, err := Execute(context.Background(), Request{Python: filepath.Join(t.TempDir(), "none"), Out: t.TempDir()}); err == nil {
		t.Error("no interpreter and no error")
	}
}

func TestExecuteInterrupted(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := Execute(ctx, Request{Python: fakeRunner(t, "exec sleep 60"), Out: t.TempDir()})
	if err == nil || time.Since(start) > 15*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestLastLines(t *testing.T) {
	if got := lastLines("a\nb\nc\nd", 2); got != "a\n...\nc\nd" {
		t.Errorf("got %q", got)
	}
	if got := lastLines("\na\n\nb\n", 2); got != "a\nb" {
		t.Errorf("got %q", got)
	}
}

// FuzzClean: whatever is accepted is stored as a fixed point, and Check never panics.
func FuzzClean(f *testing.F) {
	f.Add([]byte(`{"nbformat":4,"cells":[{"cell_type":"code","source":"a","outputs":[{"output_type":"stream","text":"x\n\ny"}]}]}`))
	f.Add(nb(`{"output_type":"display_data","data":{"image/png":["a","b"]},"metadata":{"image/png":{"width":1e400}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		once, err := Clean(b, kernel, "/clones/ventral")
		Check(b, kernel)
		if err != nil {
			return
		}
		twice, err := Clean(once, kernel, "/clones/ventral")
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("not a fixed point: %v\n%s\n%s", err, once, twice)
		}
	})
}
