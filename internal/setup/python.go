package setup

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// requirementsJupyter is the smallest set that runs JupyterLab, nbclient and nbconvert: no IPython, no Python
// kernel. It is a lock for CPython 3.10 and later on any platform, with every file's hash.
//
//go:embed requirements-jupyter.txt
var requirementsJupyter string

//go:embed overrides.json
var labOverrides []byte

//go:embed logo.svg
var logo []byte

// fingerprint names what a stamp stands for.
func fingerprint(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d %s\n", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// venv makes the Python environment, anew where it is not whole.
func (r *runner) venv(ctx context.Context) (Status, string) {
	want := fingerprint(r.python.Path, r.python.Version)
	if r.stamped("venv", want) {
		if _, err := ask(ctx, "", r.Python(), "-m", "pip", "--version"); err == nil {
			return OK, "Python " + r.python.Version
		}
	}
	for _, name := range []string{"venv", "jupyter"} {
		if err := os.RemoveAll(r.stamp(name)); err != nil {
			return Failed, err.Error()
		}
	}
	if err := os.RemoveAll(r.Venv()); err != nil {
		return Failed, err.Error()
	}
	err := r.run(ctx, command{step: "venv", dir: r.Root, env: pythonEnv, argv: []string{r.python.Path, "-m", "venv", r.Venv()}})
	if err != nil {
		return Failed, fmt.Sprintf("no virtual environment: %v", err)
	}
	return r.seal("venv", want, "Python "+r.python.Version)
}

// jupyter installs the locked set into the environment.
func (r *runner) jupyter(ctx context.Context) (Status, string) {
	want := fingerprint(requirementsJupyter)
	if r.stamped("jupyter", want) && hasJupyter(ctx, r.Layout) == nil {
		return OK, jupyterVersion()
	}
	if err := os.RemoveAll(r.stamp("jupyter")); err != nil {
		return Failed, err.Error()
	}
	if err := r.pip(ctx, "jupyter", requirementsJupyter); err != nil {
		return Failed, fmt.Sprintf("pip could not install it: %v\nwithout a network, name a folder with the wheels: ventral setup --wheels DIR", err)
	}
	return r.seal("jupyter", want, jupyterVersion())
}

const jupyterProbe = `import importlib.util as u, sys
sys.exit(" ".join(n for n in ("jupyterlab", "nbclient", "nbconvert") if u.find_spec(n) is None) or 0)`

func hasJupyter(ctx context.Context, l Layout) error {
	_, err := ask(ctx, "", l.Python(), "-c", jupyterProbe)
	return err
}

// jupyterVersion reads "JupyterLab 4.6.6" out of the lock.
func jupyterVersion() string {
	_, rest, _ := strings.Cut(requirementsJupyter, "\njupyterlab==")
	version, _, _ := strings.Cut(rest, " ")
	return "JupyterLab " + version
}

// plugin installs one XLA plugin beside the others: into a folder of its own first, then by renames, the folder
// with the library last.
func (r *runner) plugin(ctx context.Context, p Plugin) (Status, string) {
	if _, ok := p.SHA256[platform()]; !ok {
		return Off, fmt.Sprintf("no %s plugin is known for %s: the Go backend is used", p.Name, platform())
	}
	if p.check(r.Layout) == nil {
		return OK, r.describe(p)
	}
	if p.Name == "cuda" {
		if dir := probeCUDA(ctx); dir != "" {
			link := filepath.Dir(filepath.Join(r.PJRT(), p.File))
			if err := relink(dir, link); err != nil {
				return Off, err.Error()
			}
			return Done, r.describe(p)
		}
		if free, err := freeDisk(r.Root); err == nil && free < p.Bytes {
			return Off, fmt.Sprintf("%s needs %s of disk, %s is free", p.Package, gib(p.Bytes), gib(free))
		}
	}
	temp := filepath.Join(r.State(), "pjrt-"+p.Name+".part")
	if err := os.RemoveAll(temp); err != nil {
		return Off, err.Error()
	}
	defer os.RemoveAll(temp)
	if err := r.pip(ctx, "pjrt-"+p.Name, p.requirements, "--target", temp); err != nil {
		return Off, fmt.Sprintf("pip could not install %s: the Go backend is used: %v", p.Package, err)
	}
	if err := adopt(temp, r.PJRT(), strings.Split(filepath.ToSlash(p.File), "/")[0]); err != nil {
		return Off, err.Error()
	}
	if err := p.check(r.Layout); err != nil {
		os.Remove(filepath.Join(r.PJRT(), p.File))
		return Off, fmt.Sprintf("%v; removed, the Go backend is used", err)
	}
	return Done, r.describe(p)
}

func (r *runner) describe(p Plugin) string {
	path := filepath.Join(r.PJRT(), p.File)
	if rel, err := filepath.Rel(r.Root, path); err == nil {
		path = rel
	}
	if p.linked(r.Layout) {
		return path + " (this machine's own)"
	}
	if !p.Tested {
		path += " (not tried on a GPU by its authors here)"
	}
	return path
}

// relink makes link point to dir.
func relink(dir, link string) error {
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(link); err != nil {
		return err
	}
	return os.Symlink(dir, link)
}

// adopt moves every entry of from into to, replacing what is there; last goes last.
func adopt(from, to, last string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if e.Name() != last {
			names = append(names, e.Name())
		}
	}
	for _, name := range append(names, last) {
		if err := os.RemoveAll(filepath.Join(to, name)); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

// pythonEnv keeps the user's own packages and pip settings that would move the target out of a private install.
var pythonEnv = []string{
	"PYTHONNOUSERSITE=1", "PYTHONPATH=", "PYTHONHOME=",
	"PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_NO_INPUT=1", "PIP_USER=0", "PIP_REQUIRE_VIRTUALENV=0", "PIP_PREFIX=", "PIP_TARGET=",
}

// pip installs a lock: nothing but what it names, wheels only, so that no package's code runs while it installs.
func (r *runner) pip(ctx context.Context, name, requirements string, args ...string) error {
	file := filepath.Join(r.State(), "requirements-"+name+".txt")
	if err := atomicfile.WriteFile(file, []byte(requirements), ""); err != nil {
		return err
	}
	argv := []string{r.Python(), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "-r", file}
	if r.options.Wheels != "" {
		argv = append(argv, "--no-index", "--find-links", r.options.Wheels)
	}
	return r.run(ctx, command{step: name, dir: r.Root, env: pythonEnv, argv: append(argv, args...)})
}

// seal writes the stamp of a part that is now whole.
func (r *runner) seal(name, value, detail string) (Status, string) {
	if err := atomicfile.WriteFile(r.stamp(name), []byte(value+"\n"), ""); err != nil {
		return Failed, err.Error()
	}
	return Done, detail
}
