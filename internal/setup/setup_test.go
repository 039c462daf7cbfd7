package setup

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeGo answers the three questions set-up has for the toolchain, and builds empty tools.
const fakeGo = `#!/bin/sh
case "$1" in
env) echo '{"GOVERSION":"go1.26.8","GOROOT":"/usr/local/go","CGO_ENABLED":"'"${FAKE_CGO:-1}"'","CC":"cc-of-test"}' ;;
list) [ "$2" = -m ] && echo "modules" >> "$FAKE_LOG" && exit; shift 4; for p in "$@"; do echo "$p"; done ;;
build) shift
	if [ "$1" = -o ]; then : > "$2/gonb"; : > "$2/goimports"; fi
	echo "go build GOEXPERIMENT=$GOEXPERIMENT" >> "$FAKE_LOG" ;;
esac
`

// fakePython makes environments that hold itself, and "installs" by writing what FAKE_PLUGIN says into the target.
const fakePython = `#!/bin/sh
case "$1 $2" in
"-c "*)
	case "$2" in
	*ensurepip*) echo "3 12 1 $0"; echo venv ;;
	*nbconvert*) [ -f "${0%/bin/python}/jupyter-is-here" ] ;;
	esac ;;
"-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo venv >> "$FAKE_LOG" ;;
"-m pip")
	[ "$3" = --version ] && exit 0
	echo "pip $*" >> "$FAKE_LOG"
	if [ -n "$FAKE_OFFLINE" ]; then echo "ERROR: No matching distribution found" >&2; exit 1; fi
	target=
	while [ $# -gt 0 ]; do [ "$1" = --target ] && target=$2; shift; done
	if [ -z "$target" ]; then : > "${0%/bin/python}/jupyter-is-here"; exit 0; fi
	mkdir -p "$target/lammps_jax_pjrt_cpu" "$target/extra"
	printf '%s' "$FAKE_PLUGIN" > "$target/lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so" ;;
esac
`

// machine is a clone with a notebook, on a machine whose programs are fakes.
type machine struct {
	Layout
	t   *testing.T
	bin string
	log string
}

func newMachine(t *testing.T) machine {
	t.Helper()
	dir := t.TempDir()
	m := machine{Layout: Layout{Root: filepath.Join(dir, "clone")}, t: t, bin: filepath.Join(dir, "bin"), log: filepath.Join(dir, "log")}
	m.write(filepath.Join(m.Root, "go.mod"), "module "+Module+"\n", 0o644)
	m.write(filepath.Join(m.Notebooks(), "00_quickstart.ipynb"), `{"cells":[{"cell_type":"code","source":["import \"`+Module+`/pkg/rig/backend\"\n"]}]}`, 0o644)
	m.tool("go", fakeGo)
	m.tool("python3", fakePython)
	m.tool("cc-of-test", "#!/bin/sh\n")
	t.Setenv("PATH", m.bin+":/bin:/usr/bin")
	t.Setenv("FAKE_LOG", m.log)
	t.Setenv("VENTRAL_PYTHON", filepath.Join(m.bin, "python3"))
	t.Setenv("VENTRAL_ROOT", "")
	return m
}

func (m machine) write(path, text string, mode os.FileMode) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) tool(name, script string) { m.write(filepath.Join(m.bin, name), script, 0o755) }

// calls returns what the fakes were asked to do, and forgets it.
func (m machine) calls() string {
	b, _ := os.ReadFile(m.log)
	os.Remove(m.log)
	return string(b)
}

func statuses(r *Report) map[string]Status {
	all := map[string]Status{}
	for _, s := range r.Steps {
		all[s.Name] = s.Status
	}
	return all
}

func want(t *testing.T, r *Report, name string, s Status, detail string) {
	t.Helper()
	for _, step := range r.Steps {
		if step.Name == name {
			if step.Status != s || !strings.Contains(step.Detail, detail) {
				t.Errorf("step %s is %s (%s), want %s with %q", name, step.Status, step.Detail, s, detail)
			}
			return
		}
	}
	t.Errorf("no step %s in %v", name, r.Steps)
}

// pinFake makes the fake plugin the pinned one for the test.
func pinFake(t *testing.T, content string) {
	t.Helper()
	saved := Plugins
	t.Cleanup(func() { Plugins = saved })
	Plugins = append([]Plugin(nil), saved...)
	for i := range Plugins {
		Plugins[i].SHA256 = map[string]string{platform(): sha256Hex(content)}
	}
	t.Setenv("FAKE_PLUGIN", content)
}

func TestRunFinishesWhatIsMissing(t *testing.T) {
	m := newMachine(t)
	pinFake(t, "library")
	var out bytes.Buffer
	report, err := Run(context.Background(), m.Layout, Options{Out: &out})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for name, status := range map[string]Status{"venv": Done, "jupyter": Done, "xla cpu": Done, "kernel": Done, "build": OK, "kernelspec": OK} {
		want(t, report, name, status, "")
	}
	if report.Plugin != filepath.Join(m.PJRT(), plugin("cpu").File) {
		t.Errorf("plugin is %q", report.Plugin)
	}
	first := m.calls()
	if !strings.Contains(first, "GOEXPERIMENT=simd") || strings.Count(first, "--require-hashes") != 2 || strings.Count(first, "--only-binary=:all:") != 2 {
		t.Errorf("set-up called\n%s", first)
	}
	if !strings.Contains(first, "modules\n") {
		t.Errorf("the module graph was not asked for; with GOPROXY=off the first cell would fail:\n%s", first)
	}
	if !m.Complete() {
		t.Error("not complete")
	}

	report, err = Run(context.Background(), m.Layout, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, status := range statuses(report) {
		if status != OK {
			t.Errorf("second run: step %s is %s, want ok", name, status)
		}
	}
	if again := m.calls(); strings.Contains(again, "pip") || strings.Contains(again, "venv") {
		t.Errorf("second run called\n%s", again)
	}

	t.Run("a part that vanished comes back alone", func(t *testing.T) {
		if err := os.Remove(filepath.Join(m.Venv(), "jupyter-is-here")); err != nil {
			t.Fatal(err)
		}
		report, err := Run(context.Background(), m.Layout, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want(t, report, "venv", OK, "")
		want(t, report, "jupyter", Done, "")
		m.calls()
	})
	t.Run("a changed library is replaced", func(t *testing.T) {
		m.write(filepath.Join(m.PJRT(), plugin("cpu").File), "tampered", 0o644)
		report, err := Run(context.Background(), m.Layout, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want(t, report, "xla cpu", Done, "")
		if err := plugin("cpu").check(m.Layout); err != nil {
			t.Error(err)
		}
	})
	t.Run("a set-up that was killed in the middle of pip starts it again", func(t *testing.T) {
		if err := os.Remove(m.stamp("jupyter")); err != nil {
			t.Fatal(err)
		}
		m.calls()
		report, err := Run(context.Background(), m.Layout, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want(t, report, "jupyter", Done, "")
		if calls := m.calls(); !strings.Contains(calls, "requirements-jupyter") || strings.Contains(calls, "requirements-pjrt") {
			t.Errorf("called\n%s", calls)
		}
	})
}

func TestRunXLAIsAnOffer(t *testing.T) {
	t.Run("wrong bytes", func(t *testing.T) {
		m := newMachine(t)
		pinFake(t, "library")
		t.Setenv("FAKE_PLUGIN", "something else")
		report, err := Run(context.Background(), m.Layout, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want(t, report, "xla cpu", Off, "has SHA-256")
		if report.Plugin != "" || exists(filepath.Join(m.PJRT(), plugin("cpu").File)) {
			t.Error("a library with other bytes is still there")
		}
	})
	t.Run("no compiler", func(t *testing.T) {
		m := newMachine(t)
		t.Setenv("FAKE_CGO", "0")
		report, err := Run(context.Background(), m.Layout, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want(t, report, "xla", Off, "CGO_ENABLED=0")
		s, err := m.ReadSpec()
		if err != nil {
			t.Fatal(err)
		}
		if s.Env["VENTRAL_PJRT"] != "" {
			t.Errorf("kernel names a plugin: %v", s.Env)
		}
	})
	t.Run("left out", func(t *testing.T) {
		m := newMachine(t)
		report, err := Run(context.Background(), m.Layout, Options{NoXLA: true})
		if err != nil {
			t.Fatal(err)
		}
		want(t, report, "xla", Off, "as asked")
	})
	t.Run("unknown platform", func(t *testing.T) {
		m := newMachine(t)
		saved := Plugins
		t.Cleanup(func() { Plugins = saved })
		Plugins = []Plugin{{Name: "cpu", File: "a/b.so"}}
		report, err := Run(context.Background(), m.Layout, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want(t, report, "xla cpu", Off, "no cpu plugin is known for")
	})
}

func TestRunSaysWhatIsMissing(t *testing.T) {
	t.Run("no network", func(t *testing.T) {
		m := newMachine(t)
		t.Setenv("FAKE_OFFLINE", "1")
		report, err := Run(context.Background(), m.Layout, Options{})
		if err == nil || !strings.Contains(err.Error(), "--wheels DIR") || strings.Contains(err.Error(), "xla") {
			t.Errorf("error is %v, want one about jupyter alone, with what to do", err)
		}
		want(t, report, "jupyter", Failed, "No matching distribution")
		want(t, report, "xla cpu", Off, "the Go backend is used")
		if m.Complete() {
			t.Error("complete without Jupyter")
		}
	})
	t.Run("no go", func(t *testing.T) {
		m := newMachine(t)
		if err := os.Remove(filepath.Join(m.bin, "go")); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", m.bin)
		report, err := Run(context.Background(), m.Layout, Options{})
		if err == nil || !strings.Contains(err.Error(), "install Go") {
			t.Errorf("error is %v", err)
		}
		if len(report.Steps) == 0 || statuses(report)["venv"] != "" {
			t.Errorf("steps are %v, want only checks", report.Steps)
		}
	})
	t.Run("no python", func(t *testing.T) {
		m := newMachine(t)
		t.Setenv("VENTRAL_PYTHON", filepath.Join(m.bin, "python9"))
		report, err := Run(context.Background(), m.Layout, Options{})
		if err == nil || !strings.Contains(err.Error(), "python9") {
			t.Errorf("error is %v", err)
		}
		want(t, report, "build", OK, "")
	})
	t.Run("only the Go half", func(t *testing.T) {
		m := newMachine(t)
		t.Setenv("VENTRAL_PYTHON", filepath.Join(m.bin, "python9"))
		if _, err := Run(context.Background(), m.Layout, Options{NoJupyter: true}); err != nil {
			t.Error(err)
		}
		if m.Complete() {
			t.Error("complete without Jupyter")
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		m := newMachine(t)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := Run(ctx, m.Layout, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestOfflineWheels(t *testing.T) {
	m := newMachine(t)
	pinFake(t, "library")
	t.Chdir(m.bin)
	if _, err := Run(context.Background(), m.Layout, Options{Wheels: "wheels"}); err != nil {
		t.Fatal(err)
	}
	if calls := m.calls(); strings.Count(calls, "--no-index --find-links "+filepath.Join(m.bin, "wheels")) != 2 {
		t.Errorf("pip was called\n%s", calls)
	}
}

func TestLockWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(context.Background(), path, func() { t.Error("the first had to wait") })
	if err != nil {
		t.Fatal(err)
	}
	waiting, got := make(chan bool), make(chan error)
	go func() {
		again, err := lock(context.Background(), path, func() { close(waiting) })
		if err == nil {
			again()
		}
		got <- err
	}()
	<-waiting
	select {
	case <-got:
		t.Error("two hold the lock")
	case <-time.After(50 * time.Millisecond):
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := lock(ctx, path, func() {}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait gave %v", err)
	}
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestDoctorOnAFreshClone(t *testing.T) {
	m := newMachine(t)
	rows := Doctor(context.Background(), m.Layout, func() (string, error) { return "", errors.New("no such backend") })
	by := map[string]Row{}
	for _, r := range rows {
		by[r.Name] = r
		if r.Status == Failed && r.Fix == "" {
			t.Errorf("%s failed and nothing says what to do", r.Name)
		}
	}
	for name, status := range map[string]Status{
		"clone": OK, "go": OK, "cc": OK, "python": OK, "jupyter": Failed, "kernel": Failed, "xla cpu": Off, "disk": OK, "backend": Failed,
	} {
		if by[name].Status != status {
			t.Errorf("%s is %q, want %s", name, by[name].Status, status)
		}
	}
	if _, err := os.Stat(m.State()); err == nil {
		t.Error("doctor made something")
	}
}

func TestDoctorAfterSetup(t *testing.T) {
	m := newMachine(t)
	pinFake(t, "library")
	if _, err := Run(context.Background(), m.Layout, Options{}); err != nil {
		t.Fatal(err)
	}
	backend := func() (string, error) { return "go (for the test)", nil }
	for _, r := range Doctor(context.Background(), m.Layout, backend) {
		if r.Status == Failed {
			t.Errorf("%s failed: %s", r.Name, r.Detail)
		}
	}
	moved := Layout{Root: m.Root + "-moved"}
	if err := os.Rename(m.Root, moved.Root); err != nil {
		t.Fatal(err)
	}
	if moved.Complete() {
		t.Error("complete at another place")
	}
	for _, r := range Doctor(context.Background(), moved, backend) {
		if r.Name == "kernel" && (r.Status != Failed || !strings.Contains(r.Detail, "moved")) {
			t.Errorf("kernel of a moved clone is %s: %s", r.Status, r.Detail)
		}
	}
}
