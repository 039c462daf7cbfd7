// Package archtest holds the walls of the module up: it reads the source and lists every import that runs against
// the design, every call that goes around a wrapper, and every file that breaks a rule of form.
//
// The design has methods on plain arrays, models as graph functions, stimuli that know neither, a rig that joins the
// three, studies above it, and the command line on top. Arrows between them run one way:
//
//	cmd ─▶ pkg/study ─▶ pkg/rig ─▶ models ─▶ pkg/rig/{site,backend} ─▶ internal
//	            │          └─────▶ datasets
//	            ├─▶ pkg/method      (plain arrays in and out)
//	            └─▶ pkg/figure
//
// # Invariants
//
//   - A rule is data: the folder it is about, what that folder must not import, and why.
//   - Test files are free to import what they need as a reference; only rules of form apply to them.
//   - Nothing is compiled, so the check costs well under a second on the whole tree.
//
// # Limits
//
// Types are not resolved: a call is recognised by the package it names, so an Exec handed over through an interface
// would pass. Cycles between packages are left to the compiler, which refuses them.
package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// MaxLines is the longest file: what a reader can hold in mind.
const MaxLines = 600

// rule forbids imports to a folder and all below it. Prefixes are of import paths, those of this module written
// relative to its root.
type rule struct {
	of     string
	forbid []string
	except []string // importers below of, or imports, that are free
	why    string
}

var rules = []rule{
	{of: "pkg/method", forbid: []string{"models", "datasets", "pkg/rig", "pkg/figure", "pkg/study", "pkg/notebook"},
		why: "methods take and return plain arrays, so that they serve data from any source"},
	{of: "models", forbid: []string{"datasets", "pkg"}, except: []string{"pkg/rig/site", "pkg/rig/backend"},
		why: "models are graph functions with named sites; of the rig they import only site, and backend to run on"},
	{of: "datasets", forbid: []string{"models", "pkg"},
		why: "stimuli know neither networks nor methods"},
	{of: "pkg/rig/site", forbid: []string{"models", "datasets", "pkg"},
		why: "every model imports it"},
	{of: "pkg/rig", forbid: []string{"pkg/study", "pkg/figure", "pkg/notebook"},
		why: "the rig is below the studies and draws nothing"},
	{of: "pkg/figure", forbid: []string{"models", "datasets", "pkg/rig", "pkg/study", "pkg/notebook"},
		why: "figures are drawn from results, without a network at hand"},
	{of: "pkg/notebook", forbid: []string{"models", "datasets", "pkg/study", "pkg/method"},
		why: "it shows things; analysis lives in studies and methods"},
	{of: "pkg/study", forbid: []string{"pkg/notebook"},
		why: "a study runs without a notebook"},
	{of: "internal", forbid: []string{"pkg/study", "pkg/figure", "pkg/notebook"},
		why: "internal packages are below everything that users see"},
	{of: "cmd", forbid: []string{"gonum.org"},
		why: "commands are thin calls; numerics belong into pkg/method"},
	{of: "", forbid: []string{"cmd"},
		why: "nothing is above the command line"},
	{of: "", forbid: []string{"github.com/gomlx"}, except: []string{"models", "pkg/rig", "internal", "pkg/method/align"},
		why: "GoMLX types stay in models, pkg/rig, internal and pkg/method/align"},
	{of: "", forbid: []string{"github.com/gomlx/gomlx/backends/default", "github.com/gomlx/go-xla/compute/xla/autoinstall", "github.com/gomlx/gopjrt"},
		why: "plugins are pinned and installed by set-up, never fetched while a program runs"},
}

// execRoom is the one package that may run graphs: it finalizes what they return, which the garbage collector does
// not see on XLA.
const execRoom = "internal/program"

// execPackages are GoMLX's two packages with executors, and execNames what of them makes or names one.
var (
	execPackages = []string{"github.com/gomlx/gomlx/core/graph", "github.com/gomlx/gomlx/ml/model"}
	execNames    = regexp.MustCompile(`^(Exec|(Must)?New(Any)?Exec\w*|(Must)?(Call|Exec)Once\w*)$`)
)

// badNames say nothing about what a package is for.
var badNames = []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "lib", "shared"}

// Violation is one breach.
type Violation struct {
	File string // relative to the root
	Line int
	What string
}

func (v Violation) String() string { return fmt.Sprintf("%s:%d: %s", v.File, v.Line, v.What) }

// Check reads every Go file of the tree and lists what is against the rules, sorted by file. Folders whose names
// begin with "." or "_", and testdata, are not part of a Go module. module is the module's path.
func Check(tree fs.FS, module string) ([]Violation, error) {
	c := checker{tree: tree, module: module, documented: map[string]bool{}, first: map[string]string{}, quarantine: map[string]int{}, skipping: map[string]bool{}}
	c.readQuarantine()
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(base, ".go"):
			return nil
		}
		return c.file(name)
	})
	if err != nil {
		return nil, err
	}
	for dir, name := range c.first {
		if !c.documented[dir] {
			c.add(name, 1, "the package has no package comment")
		}
	}
	for full, line := range c.quarantine {
		if !c.skipping[full] {
			c.add(quarantineFile, line, "%s does not skip: take its line out", full)
		}
	}
	sort.Slice(c.found, func(i, j int) bool { return c.found[i].String() < c.found[j].String() })
	return c.found, nil
}

type checker struct {
	tree       fs.FS
	module     string
	quarantine map[string]int    // function that may skip: line that says so
	skipping   map[string]bool   // function that can skip
	documented map[string]bool   // folder: some file has a package comment
	first      map[string]string // folder: a file of it that is not a test
	found      []Violation
}

func (c *checker) add(file string, line int, format string, args ...any) {
	c.found = append(c.found, Violation{file, line, fmt.Sprintf(format, args...)})
}

func (c *checker) file(name string) error {
	source, err := fs.ReadFile(c.tree, name)
	if err != nil {
		return err
	}
	if n := bytes.Count(source, []byte("\n")); n > MaxLines {
		c.add(name, n, "%d lines, at most %d: split it by purpose", n, MaxLines)
	}
	isTest := strings.HasSuffix(name, "_test.go")
	positions := token.NewFileSet()
	mode := parser.ImportsOnly | parser.ParseComments
	if isTest && bytes.Contains(source, []byte(".Skip")) || !isTest && bytes.Contains(source, []byte("github.com/gomlx/gomlx/")) {
		mode = parser.ParseComments | parser.SkipObjectResolution
	}
	f, err := parser.ParseFile(positions, name, source, mode)
	if err != nil {
		return err
	}
	line := func(p token.Pos) int { return positions.Position(p).Line }
	if slices.Contains(badNames, strings.TrimSuffix(f.Name.Name, "_test")) {
		c.add(name, line(f.Name.Pos()), "package %s: name it after what it is for", f.Name.Name)
	}
	if isTest {
		c.skips(name, f, line)
		return nil
	}
	dir := path.Dir(name)
	if c.first[dir] == "" {
		c.first[dir] = name
	}
	c.documented[dir] = c.documented[dir] || f.Doc != nil
	for _, spec := range f.Imports {
		c.imported(name, dir, spec, line(spec.Pos()))
	}
	if !under(dir, execRoom) {
		c.executors(name, f, line)
	}
	return nil
}

// imported applies the rules to one import.
func (c *checker) imported(name, dir string, spec *ast.ImportSpec, line int) {
	full, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return
	}
	target := strings.TrimPrefix(full, c.module+"/")
	for _, r := range rules {
		if !under(dir, r.of) || !underAny(target, r.forbid) {
			continue
		}
		// A room may import what is in it.
		if r.of != "" && under(target, r.of) || underAny(target, r.except) || underAny(dir, r.except) {
			continue
		}
		c.add(name, line, "%s must not import %s: %s", dir, target, r.why)
	}
}

// executors finds the names that make or hold a graph.Exec or model.Exec.
func (c *checker) executors(name string, f *ast.File, line func(token.Pos) int) {
	local := map[string]bool{}
	for _, spec := range f.Imports {
		full, _ := strconv.Unquote(spec.Path.Value)
		if !slices.Contains(execPackages, full) {
			continue
		}
		switch {
		case spec.Name == nil:
			local[path.Base(full)] = true
		case spec.Name.Name != ".":
			local[spec.Name.Name] = true
		default:
			local[""] = true
		}
	}
	if len(local) == 0 {
		return
	}
	report := func(id *ast.Ident) {
		c.add(name, line(id.Pos()), "%s: run graphs through %s, which frees their outputs", id.Name, execRoom)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && local[x.Name] && execNames.MatchString(n.Sel.Name) {
				report(n.Sel)
			}
			return false
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && local[""] && execNames.MatchString(id.Name) {
				report(id)
			}
		case *ast.StarExpr:
			if id, ok := n.X.(*ast.Ident); ok && local[""] && id.Name == "Exec" {
				report(id)
			}
		}
		return true
	})
}

// quarantineFile lists the tests that can skip themselves, one a row of a table: "| FOLDER.FUNCTION | why | until |".
const quarantineFile = "docs/quarantine.md"

var quarantineRow = regexp.MustCompile(`^\| *([\w./-]+\.\w+) *\|`)

func (c *checker) readQuarantine() {
	b, err := fs.ReadFile(c.tree, quarantineFile)
	if err != nil {
		return // no file, no line: every skip is a violation
	}
	for i, line := range strings.Split(string(b), "\n") {
		if m := quarantineRow.FindStringSubmatch(line); m != nil {
			c.quarantine[m[1]] = i + 1
		}
	}
}

// skips wants every function that can skip a test to be named in docs/quarantine.md, with its reason.
func (c *checker) skips(name string, f *ast.File, line func(token.Pos) int) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		full := path.Dir(name) + "." + fn.Name.Name
		testing := map[string]bool{}
		ast.Inspect(fn, func(n ast.Node) bool {
			if t, ok := n.(*ast.FuncType); ok {
				testParams(t, testing)
			}
			s, ok := n.(*ast.SelectorExpr)
			if !ok || s.Sel.Name != "Skip" && s.Sel.Name != "Skipf" && s.Sel.Name != "SkipNow" {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && testing[x.Name] {
				c.skipping[full] = true
				if c.quarantine[full] > 0 {
					return true
				}
				c.add(name, line(s.Pos()), "%s can skip: give %s a line in docs/quarantine.md", fn.Name.Name, full)
			}
			return true
		})
	}
}

// testParams adds the parameters that are a *testing.T, B or F, or a testing.TB.
func testParams(t *ast.FuncType, names map[string]bool) {
	for _, field := range t.Params.List {
		kind := field.Type
		if star, ok := kind.(*ast.StarExpr); ok {
			kind = star.X
		}
		sel, ok := kind.(*ast.SelectorExpr)
		if !ok {
			continue
		}
		if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "testing" {
			continue
		}
		for _, id := range field.Names {
			names[id.Name] = true
		}
	}
}

func under(p, prefix string) bool {
	return prefix == "" || p == prefix || strings.HasPrefix(p, prefix+"/")
}

func underAny(p string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return under(p, prefix) })
}
