package main

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ventral": main})
}

// TestScripts runs testdata/script: each file is a session at a shell.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			// The tools of this machine are found, its state and choices are not.
			e.Setenv("GOCACHE", e.WorkDir+"/.cache/go-build")
			e.Setenv("GOFLAGS", "")
			e.Setenv("VENTRAL_BACKEND", "go")
			newStandIn(t).setUp(e)
			return writeScoreFixtures(e.WorkDir)
		},
	})
}

// walk visits every command.
func walk(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range c.Commands() {
		walk(sub, f)
	}
}

// TestEveryCommandExplainsItself wants each command to have a short and a long help, examples, and a group.
func TestEveryCommandExplainsItself(t *testing.T) {
	root := newRoot()
	walk(root, func(c *cobra.Command) {
		if c.Short == "" || len(c.Long) <= len(c.Short) || c.Example == "" {
			t.Errorf("%s: short %q, long %q, example %q", c.CommandPath(), c.Short, c.Long, c.Example)
		}
		if c.Parent() == root && c.Name() != "help" && c.GroupID == "" {
			t.Errorf("%s: no group", c.CommandPath())
		}
		if strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the short help ends with a full stop", c.CommandPath())
		}
	})
}

// TestExamplesParse takes each example apart as the program would: the command exists and so do its flags.
func TestExamplesParse(t *testing.T) {
	walk(newRoot(), func(c *cobra.Command) {
		for _, line := range strings.Split(c.Example, "\n") {
			_, call, ok := strings.Cut(line, "ventral ")
			if !ok {
				continue
			}
			call, _, _ = strings.Cut(call, " #")
			args := splitShell(call)
			target, rest, err := newRoot().Find(args)
			if err != nil {
				t.Errorf("%s: example %q: %v", c.CommandPath(), line, err)
				continue
			}
			if err := target.ParseFlags(rest); err != nil {
				t.Errorf("%s: example %q: %v", c.CommandPath(), line, err)
			}
			if target.Name() != c.Name() && c.HasParent() && !c.HasSubCommands() && c.Name() != "help" {
				t.Errorf("%s: example %q is of %s", c.CommandPath(), line, target.CommandPath())
			}
		}
	})
}

// splitShell splits at spaces outside quotes and stops at a pipe or redirection.
func splitShell(s string) []string {
	var args []string
	var word strings.Builder
	var quote rune
	started := false
	flush := func() {
		if started {
			args = append(args, word.String())
		}
		word.Reset()
		started = false
	}
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, started = r, true
		case r == ' ':
			flush()
		case (r == '|' || r == '>' || r == '&') && !started:
			return args
		default:
			word.WriteRune(r)
			started = true
		}
	}
	flush()
	return args
}

func TestSplitShell(t *testing.T) {
	got := splitShell(`a  --b 'c d' "e&f"g --h=x?n=1&m=2 > out`)
	if want := []string{"a", "--b", "c d", "e&fg", "--h=x?n=1&m=2"}; strings.Join(got, "\x00") != strings.Join(want, "\x00") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRunStatus checks the exit status where no process is needed.
func TestRunStatus(t *testing.T) {
	for _, c := range []struct {
		args string
		want int
	}{{"version", 0}, {"help", 0}, {"nosuch", 1}, {"version extra", 1}, {"version --nosuch", 1}, {"help nosuch", 1}} {
		var out, errs strings.Builder
		if got := run(strings.Fields(c.args), &out, &errs); got != c.want {
			t.Errorf("ventral %s ended with %d, want %d: %s", c.args, got, c.want, errs.String())
		}
		if c.want != 0 && !strings.HasPrefix(errs.String(), "ventral: ") {
			t.Errorf("ventral %s said %q", c.args, errs.String())
		}
	}
}
