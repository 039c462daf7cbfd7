package progress

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that only moves when told to.
type clock struct{ t time.Time }

func newClock() *clock                { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }
func (c *clock) now() time.Time       { return c.t }
func (c *clock) pass(d time.Duration) { c.t = c.t.Add(d) }

func TestLines(t *testing.T) {
	t.Setenv(Environment, "")
	c := newClock()
	var out bytes.Buffer
	p := New("recording", 1000, Writer(&out), Clock(c.now), Unit("pictures"), Workers(Decode, 4))
	for range 12 {
		c.pass(2 * time.Second)
		p.Spent(Compute, 1800*time.Millisecond)
		p.Spent(Decode, 3*time.Second) // by four workers: 37 % of their time
		p.Spent(Write, 100*time.Millisecond)
		p.Add(50)
	}
	p.Note("shard 3")
	p.Done()
	p.Done()
	p.Add(1)
	p.Note("late")
	want := `recording: 250 of 1000 (25 %) pictures, 25.0/s, 30 s left, compute-bound 90 %
recording: 500 of 1000 (50 %) pictures, 25.0/s, 20 s left, compute-bound 90 %
recording: stopped at 600 of 1000 pictures in 24 s, 25.0/s, compute-bound 90 %; shard 3
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestUnknownTotal(t *testing.T) {
	c := newClock()
	var out bytes.Buffer
	p := New("", 0, Writer(&out), Clock(c.now))
	c.pass(11 * time.Second)
	p.Add(22)
	p.Done()
	if want := "22, 2.0/s\n22 in 11 s, 2.0/s\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// TestRateIsRecent: the rate follows the last half minute, not the slow start before it.
func TestRateIsRecent(t *testing.T) {
	c := newClock()
	var out bytes.Buffer
	p := New("x", 100000, Writer(&out), Clock(c.now))
	c.pass(5 * time.Minute) // compiling
	p.Add(1)
	for range 120 {
		c.pass(time.Second)
		p.Add(40)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, " 40.0/s, 39 min") {
		t.Errorf("the last line is %q", last)
	}
	if len(p.marks) > rateWindow+2 {
		t.Errorf("%d marks are kept", len(p.marks))
	}
}

// TestSkip: work of an earlier run counts as done and not in the rate.
func TestSkip(t *testing.T) {
	c := newClock()
	var out bytes.Buffer
	p := New("x", 100, Writer(&out), Clock(c.now))
	p.Skip(60)
	c.pass(10 * time.Second)
	p.Add(20)
	c.pass(10 * time.Second)
	p.Add(20)
	p.Done()
	want := "x: 80 of 100 (80 %), 2.0/s, 10 s left\nx: 100 of 100 (100 %), 2.0/s\nx: 100 of 100 in 20 s, 2.0/s, 60 done before\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestSilent(t *testing.T) {
	var p *Progress
	p.Add(1)
	p.Skip(1)
	p.Spent(Compute, time.Second)
	p.Note("x")
	p.Done()
	var out bytes.Buffer
	for _, v := range []string{"off", "OFF", "0"} {
		t.Setenv(Environment, v)
		q := New("x", 3, Writer(&out))
		q.Add(3)
		q.Done()
		if q != nil || out.Len() > 0 {
			t.Errorf("%s=%s shows %q", Environment, v, out.String())
		}
	}
}

func TestHTML(t *testing.T) {
	c := newClock()
	ids, last, updates := map[string]bool{}, "", 0
	html := func(o *options) {
		o.html = func(id, html string) { ids[id], last, updates = true, html, updates+1 }
	}
	p := New("a <b>", 10, html, Clock(c.now))
	if !strings.Contains(last, `<progress value="0" max="10"`) || !strings.Contains(last, "a &lt;b&gt;: 0 of 10") {
		t.Errorf("at the start: %s", last)
	}
	p.Add(1) // at once: throttled
	if updates != 1 {
		t.Errorf("%d updates within no time", updates)
	}
	c.pass(time.Second)
	p.Add(4)
	if updates != 2 || !strings.Contains(last, `value="5"`) {
		t.Errorf("after %d updates: %s", updates, last)
	}
	c.pass(time.Second)
	p.Add(5)
	p.Done()
	if !strings.Contains(last, `value="10"`) || !strings.Contains(last, "10 of 10 in 2.0 s, 5.0/s") || len(ids) != 1 {
		t.Errorf("at the end, on %d elements: %s", len(ids), last)
	}
}

func TestTerminal(t *testing.T) {
	var out bytes.Buffer
	d := newTerminal(&out, 10, 72)
	d.show("working, 4 of 10", 4, 10, false)
	if s := out.String(); !strings.Contains(s, "40%") || !strings.Contains(s, "working, 4 of 10") || strings.Contains(s, "\n") {
		t.Errorf("in the middle: %q", s)
	}
	d.show("all ten added", 10, 10, false)
	d.show("finished in 3 s", 10, 10, true)
	s := out.String()
	tail := s[strings.LastIndex(s, "\r"):]
	if !strings.Contains(tail, "100%") || !strings.Contains(tail, "finished in 3 s") || !strings.HasSuffix(s, "\n") || strings.Count(s, "\n") != 1 {
		t.Errorf("at the end: %q", s)
	}

	out.Reset()
	c := newClock()
	p := &Progress{title: "recording", total: 3000, done: 1200, now: c.now, start: c.now(), marks: []mark{{c.now(), 0}}, out: newTerminal(&out, 3000, 80)}
	p.spent[Compute] = 11 * time.Second
	c.pass(12 * time.Second)
	p.show(c.now(), false)
	if want := "recording: 1200/3000, 100/s, 18 s left, compute-bound 92 %"; !strings.Contains(out.String(), want) {
		t.Errorf("a usual line on 80 columns: %q", out.String())
	}

	out.Reset()
	d = newTerminal(&out, 10, 72)
	long := strings.Repeat("é", 200)
	d.show(long, 3, 10, true)
	for _, part := range strings.Split(out.String(), "\r") {
		if n := len([]rune(strings.TrimRight(part, "\n "))); n > 72 {
			t.Errorf("a line of %d columns on a terminal of 72", n)
		}
	}
	if strings.Contains(out.String(), "100%") {
		t.Error("a display stopped at 3 of 10 says 100%")
	}
}

// TestLinesForFiles: a file is no terminal.
func TestLinesForFiles(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := New("x", 2, Writer(f), Clock(newClock().now))
	p.Add(2)
	p.Done()
	b, err := os.ReadFile(f.Name())
	if err != nil || string(b) != "x: 2 of 2 in 0.0 s\n" {
		t.Errorf("%q (%v)", b, err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestConcurrent(t *testing.T) {
	p := New("x", 8000, Writer(broken{}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 1000 {
				p.Add(1)
				p.Spent(Decode, time.Microsecond)
			}
			p.Note("n")
		}()
	}
	wg.Wait()
	p.Done()
	if p.done != 8000 || p.spent[Decode] != 8*time.Millisecond {
		t.Errorf("done %d, spent %v", p.done, p.spent[Decode])
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0.0 s", 380 * time.Millisecond: "0.4 s", 9940 * time.Millisecond: "9.9 s", 9960 * time.Millisecond: "10 s", 59400 * time.Millisecond: "59 s",
		59600 * time.Millisecond: "1 min 00 s", 250 * time.Second: "4 min 10 s", 3599 * time.Second: "59 min 59 s", 3600 * time.Second: "1 h 00 min",
		7500 * time.Second: "2 h 05 min", 24 * time.Hour: "1 d 0 h", 76 * time.Hour: "3 d 4 h",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func ExampleNew() {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := New("recording", 3000, Writer(os.Stdout), Clock(func() time.Time { return now }))
	p.Add(1200)
	p.Spent(Compute, 11*time.Second)
	now = now.Add(12 * time.Second)
	p.Add(0)
	p.Add(1800)
	now = now.Add(9 * time.Second)
	p.Spent(Compute, 9*time.Second)
	p.Done()
	fmt.Println(Compute)
	// Output:
	// recording: 1200 of 3000 (40 %), 100/s, 18 s left, compute-bound 92 %
	// recording: 3000 of 3000 in 21 s, 143/s, compute-bound 95 %
	// compute
}
