package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func sha256Hex(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// TestRequirementsAreLocked reads the three locks as pip does: exact versions, a SHA-256 for each, nothing else.
func TestRequirementsAreLocked(t *testing.T) {
	requirement := regexp.MustCompile(`^[A-Za-z0-9._-]+==[A-Za-z0-9.+!-]+( ; python_full_version [<>]=? '[0-9.]+'| ; os_name != 'nt')?$`)
	hash := regexp.MustCompile(`^--hash=sha256:[0-9a-f]{64}$`)
	for name, text := range map[string]string{"jupyter": requirementsJupyter, "cpu": requirementsCPU, "cuda": requirementsCUDA} {
		joined := strings.ReplaceAll(text, "\\\n", " ")
		for _, line := range strings.Split(strings.TrimSpace(joined), "\n") {
			what, hashes, ok := strings.Cut(line, " --hash")
			fields := strings.Fields("--hash" + hashes)
			if !ok || !requirement.MatchString(strings.TrimSpace(what)) || len(fields) == 0 {
				t.Errorf("%s: %q is not locked", name, what)
			}
			for _, f := range fields {
				if !hash.MatchString(f) {
					t.Errorf("%s: %s: %q is not a SHA-256", name, what, f)
				}
			}
		}
	}
	if jupyterVersion() != "JupyterLab 4.6.6" {
		t.Errorf("version read from the lock is %q", jupyterVersion())
	}
	if !strings.Contains(requirementsCPU, "1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1") {
		t.Error("the CPU plugin's wheel is not the audited one")
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	m := machine{t: t}
	m.write(filepath.Join(dir, "clone", "go.mod"), "// a comment\nmodule "+Module+"\n\ngo 1.26\n", 0o644)
	m.write(filepath.Join(dir, "clone", "vendored", "go.mod"), "module example.org/other\n", 0o644)
	m.write(filepath.Join(dir, "longer", "go.mod"), "module "+Module+"er\n", 0o644)
	for _, c := range []struct{ from, want string }{
		{"clone", "clone"}, {"clone/notebooks/deep", "clone"}, {"clone/vendored", "clone"}, {".", ""}, {"longer", ""},
	} {
		l, err := Find(filepath.Join(dir, c.from))
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), "VENTRAL_ROOT") {
				t.Errorf("Find(%s) is %v, %v", c.from, l, err)
			}
			continue
		}
		if err != nil || l.Root != filepath.Join(dir, c.want) {
			t.Errorf("Find(%s) is %v, %v", c.from, l, err)
		}
	}
	t.Setenv("VENTRAL_ROOT", filepath.Join(dir, "clone"))
	if l, err := Find(dir); err != nil || l.Root != filepath.Join(dir, "clone") {
		t.Errorf("VENTRAL_ROOT gave %v, %v", l, err)
	}
}

func TestSpec(t *testing.T) {
	l := Layout{Root: "/clone"}
	s := l.Spec("/clone/plugin.so", "/go", false)
	for name := range s.Env {
		if strings.Contains(name, "BACKEND") {
			t.Errorf("the kernelspec sets %s: the user could not", name)
		}
	}
	if s.Env["VENTRAL_PJRT"] != "/clone/plugin.so" || s.Env["PATH"] != "/clone/.ventral/bin:${PATH}:/go/bin" || s.Env["GOPROXY"] != "off" {
		t.Errorf("environment is %v", s.Env)
	}
	if slices.Contains(s.Argv, "-raw_error") || !slices.Contains(l.Spec("", "", true).Argv, "-raw_error") {
		t.Error("plain errors are for headless runs alone")
	}
	if !slices.Contains(s.Argv, "{connection_file}") {
		t.Errorf("argv is %q", s.Argv)
	}
	var again KernelSpec
	if err := json.Unmarshal(s.JSON(), &again); err != nil || again.Env["GOFLAGS"] != s.Env["GOFLAGS"] {
		t.Errorf("read back %v, %v", again, err)
	}
}

func TestInstallKernel(t *testing.T) {
	l := Layout{Root: t.TempDir()}
	data := t.TempDir()
	if _, err := l.InstallKernel(data); err == nil || !strings.Contains(err.Error(), "ventral setup") {
		t.Errorf("without set-up: %v", err)
	}
	if err := l.Spec("", "/go", false).write(l.KernelSpec()); err != nil {
		t.Fatal(err)
	}
	dir, err := l.InstallKernel(data)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(filepath.Join(dir, "kernel.json"))
	b, _ := os.ReadFile(filepath.Join(l.KernelSpec(), "kernel.json"))
	if len(a) == 0 || string(a) != string(b) {
		t.Errorf("installed %q, want %q", a, b)
	}
	if dir != filepath.Join(data, "kernels", KernelName) || !exists(filepath.Join(dir, "logo-svg.svg")) {
		t.Errorf("installed in %s", dir)
	}
}

func TestUserData(t *testing.T) {
	t.Setenv("JUPYTER_DATA_DIR", "/data")
	if dir, err := UserData(); err != nil || dir != "/data" {
		t.Errorf("%s, %v", dir, err)
	}
	t.Setenv("JUPYTER_DATA_DIR", "")
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("HOME", "/home/of/test")
	if dir, err := UserData(); err != nil || !strings.HasPrefix(strings.ToLower(dir), "/home/of/test/") || !strings.HasSuffix(strings.ToLower(dir), "jupyter") {
		t.Errorf("%s, %v", dir, err)
	}
}

func TestPluginCheck(t *testing.T) {
	l := Layout{Root: t.TempDir()}
	m := machine{t: t}
	p := Plugin{Name: "cpu", File: "x/lib.so", SHA256: map[string]string{platform(): sha256Hex("good")}}
	if err := p.check(l); !errors.Is(err, errPluginMissing) {
		t.Errorf("nothing there: %v", err)
	}
	m.write(filepath.Join(l.PJRT(), p.File), "good", 0o644)
	if err := p.check(l); err != nil {
		t.Errorf("good: %v", err)
	}
	m.write(filepath.Join(l.PJRT(), p.File), "goof", 0o644)
	if err := p.check(l); err == nil || !strings.Contains(err.Error(), "ventral setup") {
		t.Errorf("bad: %v", err)
	}
	other := t.TempDir()
	m.write(filepath.Join(other, "lib.so"), "the machine's own", 0o644)
	if err := relink(other, filepath.Dir(filepath.Join(l.PJRT(), p.File))); err != nil {
		t.Fatal(err)
	}
	if err := p.check(l); err != nil || !p.linked(l) {
		t.Errorf("linked: %v", err)
	}
}

func TestAdoptReplaces(t *testing.T) {
	dir := t.TempDir()
	m := machine{t: t}
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	m.write(filepath.Join(from, "lib", "new"), "1", 0o644)
	m.write(filepath.Join(from, "info", "new"), "1", 0o644)
	m.write(filepath.Join(to, "lib", "old"), "1", 0o644)
	m.write(filepath.Join(to, "other", "kept"), "1", 0o644)
	if err := adopt(from, to, "lib"); err != nil {
		t.Fatal(err)
	}
	if exists(filepath.Join(to, "lib", "old")) || !exists(filepath.Join(to, "lib", "new")) || !exists(filepath.Join(to, "info", "new")) || !exists(filepath.Join(to, "other", "kept")) {
		t.Error("the folder is not what pip unpacked beside what was there")
	}
}

func TestProbePython(t *testing.T) {
	m := newMachine(t)
	t.Setenv("VENTRAL_PYTHON", "")
	script := func(lines ...string) string { return "#!/bin/sh\nprintf '" + strings.Join(lines, `\n`) + `\n'` }
	for _, c := range []struct {
		name, python3, python311 string
		want                     string // version, or part of the error
	}{
		{"fine", script("3 12 4 /p/python3", "venv"), "", "3.12.4"},
		{"too old", script("3 9 1 /p/python3", "venv"), "", "3.10 or later is needed"},
		{"two", script("2 7 18 /p/python"), "", "3.10 or later is needed"},
		{"too old, a later one beside it", script("3 9 1 /p/python3", "venv"), script("3 11 2 /p/python3.11", "venv"), "3.11.2"},
		{"no ensurepip", script("3 11 2 /p/python3") + "\nexit 1", "", "apt install python3-venv"},
		{"a shim that fails", "#!/bin/sh\necho 'shim: no version set' >&2\nexit 127", "", "shim: no version set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PATH", m.bin)
			m.tool("python3", c.python3)
			os.Remove(filepath.Join(m.bin, "python3.11"))
			if c.python311 != "" {
				m.tool("python3.11", c.python311)
			}
			got, err := probePython(context.Background(), "")
			if text := got.Version; err == nil && text != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v, want %q", got, err, c.want)
			}
		})
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := probePython(context.Background(), ""); err == nil || !strings.Contains(err.Error(), "apt install python3 python3-venv") {
		t.Errorf("without any: %v", err)
	}
}

func TestProbeGPU(t *testing.T) {
	m := newMachine(t)
	m.tool("nvidia-smi", "#!/bin/sh\necho 'GPU 0: NVIDIA H100 (UUID: GPU-1)'\n")
	if got := probeGPU(context.Background()); !strings.HasPrefix(got, "GPU 0: NVIDIA H100") {
		t.Errorf("got %q", got)
	}
	m.tool("nvidia-smi", "#!/bin/sh\necho 'NVIDIA-SMI has failed because it could not communicate with the driver.'\nexit 9\n")
	if got := probeGPU(context.Background()); got != "" {
		t.Errorf("tools without a device gave %q", got)
	}
}

func TestNotebookImports(t *testing.T) {
	nb := `{"cells":[
	 {"cell_type":"markdown","source":"import \"example.org/prose\""},
	 {"cell_type":"code","source":"import \"example.org/one\"\n%%\nfmt.Println(\"example.org/text\")"},
	 {"cell_type":"code","source":["import (\n","\t\"fmt\"\n","\tx \"example.org/two/v2\" // why\n","\t. \"example.org/three\"\n",")\n"]}]}`
	got, err := notebookImports([]byte(nb))
	if want := []string{"example.org/one", "example.org/two/v2", "example.org/three"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"", "[]", `{"cells":[{"cell_type":"code","source":1}]}`} {
		if got, err := notebookImports([]byte(bad)); err == nil {
			t.Errorf("%q gave %v and no error", bad, got)
		}
	}
}

// FuzzNotebookImports feeds arbitrary bytes to the scan of notebooks: it must not panic, and what it finds are paths
// that go list can be asked for, never flags.
func FuzzNotebookImports(f *testing.F) {
	f.Add([]byte(`{"cells":[{"cell_type":"code","source":["import \"example.org/a\"\n"]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		paths, err := notebookImports(b)
		if err != nil && paths != nil {
			t.Errorf("error %v with %v", err, paths)
		}
		for _, p := range paths {
			if strings.HasPrefix(p, "-") || strings.ContainsAny(p, " \t\n\"") {
				t.Errorf("path %q", p)
			}
		}
	})
}

func TestTail(t *testing.T) {
	if got := tail("a\n\nb\r\nc\n", 2); got != "b\nc" {
		t.Errorf("got %q", got)
	}
	if got := tail("", 2); got != "" {
		t.Errorf("got %q", got)
	}
}
