package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// goEnv is how cells are compiled, so that what set-up compiles is in the build cache when the first cell asks.
func goEnv(t goTool) []string {
	return []string{"GOEXPERIMENT=simd", "GOWORK=off", "GOFLAGS=" + strings.TrimSpace(t.GOFLAGS+" -buildvcs=false")}
}

// tools builds the kernel and goimports at the versions of go.mod's tool lines. go build itself knows whether there
// is anything to do.
func (r *runner) tools(ctx context.Context) (Status, string) {
	fresh := !exists(filepath.Join(r.Bin(), "gonb")) || !exists(filepath.Join(r.Bin(), "goimports"))
	err := r.run(ctx, command{step: "kernel", dir: r.Root, env: goEnv(r.golang), argv: []string{
		r.golang.Path, "build", "-o", r.Bin() + string(filepath.Separator), "github.com/janpfeifer/gonb", "golang.org/x/tools/cmd/goimports",
	}})
	if err != nil {
		return Failed, fmt.Sprintf("go build: %v\n%s", err, fillModules)
	}
	if fresh {
		return Done, "gonb and goimports built"
	}
	return OK, "gonb and goimports"
}

// modules brings go.mod of every module of the graph into the module cache. Building needs fewer; GoNB's `go get`
// before each cell needs all, and with GOPROXY=off it takes them from the cache or fails.
func (r *runner) modules(ctx context.Context) (Status, string) {
	argv := []string{r.golang.Path, "list", "-m", "all"}
	if err := r.run(ctx, command{step: "modules", dir: r.Root, env: goEnv(r.golang), argv: argv}); err != nil {
		return Failed, fmt.Sprintf("go list: %v\n%s", err, fillModules)
	}
	return OK, "the module graph is in the cache"
}

// fillModules is what to do where Go finds no network.
const fillModules = "without a network, fill the module cache first (go mod download where there is one)"

// warm compiles the packages that the committed notebooks import.
func (r *runner) warm(ctx context.Context) (Status, string) {
	imports, err := r.cellImports(ctx)
	if err != nil {
		return Failed, err.Error()
	}
	argv := append([]string{r.golang.Path, "build"}, imports...)
	if err := r.run(ctx, command{step: "build", dir: r.Root, env: goEnv(r.golang), argv: argv}); err != nil {
		return Failed, fmt.Sprintf("go build: %v", err)
	}
	return OK, fmt.Sprintf("%d packages that cells import, with GOEXPERIMENT=simd", len(imports))
}

var importPath = regexp.MustCompile(`(?m)^\s*(?:import\s+)?(?:[\w.]+\s+)?"(\w[\w./~-]*)"\s*(?://.*)?$`)

// cellImports lists what the committed notebooks import and this module can build, with GoNB's display package.
func (r *runner) cellImports(ctx context.Context) ([]string, error) {
	found := []string{"github.com/janpfeifer/gonb/gonbui"}
	files, err := filepath.Glob(filepath.Join(r.Notebooks(), "*.ipynb"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		paths, err := notebookImports(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		found = append(found, paths...)
	}
	sort.Strings(found)
	found = slices.Compact(found)
	argv := append([]string{"list", "-e", "-f", "{{if not .Error}}{{.ImportPath}}{{end}}"}, found...)
	out, err := ask(ctx, r.Root, r.golang.Path, argv...)
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// notebookImports returns the import paths with a dot in their first part (so not the standard library) that stand
// alone on a line of a code cell.
func notebookImports(notebook []byte) ([]string, error) {
	var nb struct {
		Cells []struct {
			Type   string          `json:"cell_type"`
			Source json.RawMessage `json:"source"`
		} `json:"cells"`
	}
	if err := json.NewDecoder(bytes.NewReader(notebook)).Decode(&nb); err != nil {
		return nil, fmt.Errorf("not a notebook: %w", err)
	}
	var paths []string
	for _, c := range nb.Cells {
		if c.Type != "code" {
			continue
		}
		source, err := joinSource(c.Source)
		if err != nil {
			return nil, err
		}
		for _, m := range importPath.FindAllStringSubmatch(source, -1) {
			if first, _, _ := strings.Cut(m[1], "/"); strings.Contains(first, ".") {
				paths = append(paths, m[1])
			}
		}
	}
	return paths, nil
}

// joinSource reads nbformat's multiline string: one string, or a list of lines.
func joinSource(raw json.RawMessage) (string, error) {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return one, nil
	}
	var lines []string
	if err := json.Unmarshal(raw, &lines); err != nil {
		return "", errors.New("not a notebook: a cell's source is neither text nor lines")
	}
	return strings.Join(lines, ""), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
