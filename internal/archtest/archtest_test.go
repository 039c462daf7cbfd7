package archtest

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/ventral-lab/ventral"

// TestTree is the rule itself: the module has no breach.
func TestTree(t *testing.T) {
	found, err := Check(os.DirFS("../.."), module)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

func file(pkg, imports, body string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("// Package " + pkg + " is for the test.\npackage " + pkg + "\n" + imports + "\n" + body + "\n")}
}

func imp(path string) string {
	return `import _ "` + strings.Replace(path, "~", module, 1) + `"`
}

// TestBreaches plants one breach at a time and wants it found, and only it.
func TestBreaches(t *testing.T) {
	graph := `import "github.com/gomlx/gomlx/core/graph"`
	cases := []struct {
		name string
		path string
		file *fstest.MapFile
		want string // part of the only violation; empty: none
	}{
		{"method imports rig", "pkg/method/ratemap/a.go", file("ratemap", imp("~/pkg/rig/record"), ""), "must not import pkg/rig/record"},
		{"method imports model", "pkg/method/ratemap/a.go", file("ratemap", imp("~/models/clip"), ""), "must not import models/clip"},
		{"method imports method", "pkg/method/ratemap/a.go", file("ratemap", imp("~/pkg/method/stats"), ""), ""},
		{"method imports gomlx", "pkg/method/stats/a.go", file("stats", imp("github.com/gomlx/compute"), ""), "GoMLX types stay"},
		{"align may", "pkg/method/align/a.go", file("align", imp("github.com/gomlx/compute"), ""), ""},
		{"a folder with a longer name is another folder", "pkg/methodology/a.go", file("methodology", imp("~/pkg/rig/record"), ""), ""},
		{"model imports record", "models/clip/a.go", file("clip", imp("~/pkg/rig/record"), ""), "must not import pkg/rig/record"},
		{"model imports dataset", "models/clip/a.go", file("clip", imp("~/datasets/circles"), ""), "must not import datasets/circles"},
		{"model imports site", "models/clip/a.go", file("clip", imp("~/pkg/rig/site"), ""), ""},
		{"model imports ops and model", "models/clip/a.go", file("clip", imp("~/internal/ops")+"\n"+imp("~/models/weights"), ""), ""},
		{"dataset imports method", "datasets/circles/a.go", file("circles", imp("~/pkg/method/stats"), ""), "must not import pkg/method/stats"},
		{"dataset imports internal", "datasets/circles/a.go", file("circles", imp("~/internal/rng"), ""), ""},
		{"site imports backend", "pkg/rig/site/a.go", file("site", imp("~/pkg/rig/backend"), ""), "must not import pkg/rig/backend"},
		{"record imports site", "pkg/rig/record/a.go", file("record", imp("~/pkg/rig/site"), ""), ""},
		{"rig imports figure", "pkg/rig/record/a.go", file("record", imp("~/pkg/figure"), ""), "must not import pkg/figure"},
		{"figure imports study", "pkg/figure/a.go", file("figure", imp("~/pkg/study/spatial"), ""), "must not import pkg/study/spatial"},
		{"notebook imports method", "pkg/notebook/a.go", file("notebook", imp("~/pkg/method/stats"), ""), "must not import pkg/method/stats"},
		{"study imports notebook", "pkg/study/spatial/a.go", file("spatial", imp("~/pkg/notebook"), ""), "must not import pkg/notebook"},
		{"internal imports study", "internal/x/a.go", file("x", imp("~/pkg/study/spatial"), ""), "must not import pkg/study/spatial"},
		{"command computes", "cmd/ventral/a.go", file("main", imp("gonum.org/v1/gonum/mat"), ""), "numerics belong into pkg/method"},
		{"someone imports cmd", "pkg/study/spatial/a.go", file("spatial", imp("~/cmd/ventral"), ""), "nothing is above"},
		{"plugin fetched at run time", "pkg/rig/backend/a.go", file("backend", imp("github.com/gomlx/go-xla/compute/xla/autoinstall"), ""), "never fetched"},
		{"bare Exec", "models/clip/a.go", file("clip", graph, "var _ = graph.MustNewExec"), "MustNewExec: run graphs through internal/program"},
		{"bare Exec type", "models/clip/a.go", file("clip", graph, "var e *graph.Exec"), "Exec: run graphs"},
		{"renamed import", "models/clip/a.go", file("clip", `import g "github.com/gomlx/gomlx/core/graph"`, "var _ = g.CallOnce"), "CallOnce: run graphs"},
		{"dot import", "models/clip/a.go", file("clip", `import . "github.com/gomlx/gomlx/core/graph"`, "var _ = NewExec(nil, nil)"), "NewExec: run graphs"},
		{"model.Exec", "pkg/rig/record/a.go", file("record", `import "github.com/gomlx/gomlx/ml/model"`, "var _ = model.MustNewExec"), "MustNewExec: run graphs"},
		{"program may", "internal/program/a.go", file("program", graph, "var e *graph.Exec"), ""},
		{"another graph", "models/clip/a.go", file("clip", `import "example.org/graph"`, "var e *graph.Exec // github.com/gomlx/gomlx/"), ""},
		{"meaningless name", "internal/util/a.go", file("util", "", ""), "name it after what it is for"},
		{"long file", "internal/x/a.go", file("x", "", strings.Repeat("\n", MaxLines)), "at most 600"},
		{"no package comment", "internal/x/a.go", &fstest.MapFile{Data: []byte("package x\n")}, "no package comment"},
		{"skip without a line", "internal/x/a_test.go", file("x", `import "testing"`, "func TestA(t *testing.T) { t.Skip() }"), "give internal/x.TestA a line"},
		{"the line is of another package", "internal/x/a_test.go", file("x", `import "testing"`, "func TestQ(t *testing.T) { t.Skip() }"), "give internal/x.TestQ a line"},
		{"helper and subtest skip", "internal/x/a_test.go", file("x", `import "testing"`, "func h(t testing.TB) { t.Run(\"\", func(u *testing.T) { u.Skipf(\"\") }) }"), "give internal/x.h a line"},
		{"another Skip", "internal/x/a_test.go", file("x", `import "testing"`, "func TestA(t *testing.T) { p.Skip(1) }"), ""},
		{"tests may import", "pkg/method/stats/a_test.go", file("stats", imp("~/pkg/rig/record"), ""), ""},
		{"not part of the module", "internal/x/testdata/a.go", file("util", "", ""), ""},
		{"hidden folder", ".ventral/a.go", file("util", "", ""), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tree := fstest.MapFS{
				c.path:                 c.file,
				"internal/q/q_test.go": file("q", `import "testing"`, "func TestQ(t *testing.T) { t.Skip() }"),
				quarantineFile:         {Data: []byte("| test | why |\n| --- | --- |\n| internal/q.TestQ | why | when |\n")},
			}
			found, err := Check(tree, module)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case c.want == "" && len(found) > 0:
				t.Errorf("found %v, want nothing", found)
			case c.want != "" && (len(found) != 1 || !strings.Contains(found[0].String(), c.want)):
				t.Errorf("found %v, want one with %q", found, c.want)
			case c.want != "" && found[0].File != c.path:
				t.Errorf("found it in %s, want %s", found[0].File, c.path)
			}
		})
	}
}

// TestRulesName wants every rule to be about a folder of the design: a misspelt one would guard nothing.
func TestRulesName(t *testing.T) {
	rooms := []string{"", "cmd", "models", "datasets", "internal", "pkg/rig", "pkg/rig/site", "pkg/method", "pkg/study", "pkg/figure", "pkg/notebook"}
	for _, r := range rules {
		if !underAny(r.of, rooms[1:]) && r.of != "" {
			t.Errorf("rule about %q, which is no room", r.of)
		}
		if r.why == "" || len(r.forbid) == 0 {
			t.Errorf("rule about %q forbids nothing or gives no reason", r.of)
		}
	}
}

// TestStaleQuarantine: a line outlives its skip.
func TestStaleQuarantine(t *testing.T) {
	tree := fstest.MapFS{
		"internal/q/q_test.go": file("q", `import "testing"`, "func TestQ(t *testing.T) {}"),
		quarantineFile:         {Data: []byte("# Title\n| internal/q.TestQ | why | when |\n")},
	}
	found, err := Check(tree, module)
	if err != nil || len(found) != 1 || found[0].String() != "docs/quarantine.md:2: internal/q.TestQ does not skip: take its line out" {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestUnreadable(t *testing.T) {
	tree := fstest.MapFS{"a.go": {Data: []byte("package")}}
	if found, err := Check(tree, module); err == nil {
		t.Errorf("a file that does not parse gave %v and no error", found)
	}
}
