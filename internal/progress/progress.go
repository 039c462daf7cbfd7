// Package progress is the one progress display of the project: it shows how far a long computation is, how fast it goes,
// how long it will take, and which of its stages binds it.
//
//	p := progress.New("recording", n)
//	defer p.Done()
//	for ... {
//		p.Spent(progress.Decode, decoding)
//		p.Spent(progress.Compute, computing)
//		p.Add(batch)
//	}
//
// It looks at where it runs. In a GoNB cell it is one HTML progress bar that updates in place and stays as one line in
// the executed notebook. On a terminal it is a bar on the last line. Anywhere else (a log, a pipe) it is a plain line
// every ten seconds and one at the end.
//
// The binding stage is the one that was busiest: the time spent in it, divided by the wall time and the workers of that
// stage. "compute-bound 92 %" says that the stage was at work 92 % of the time; two stages near 100 % overlap well, and a
// busiest stage far below 100 % means that the stages wait for one another.
//
// # Invariants
//
//   - A nil *Progress is valid and silent, and all methods may be called from many goroutines.
//   - What is computed never depends on the display. Write errors of the display are ignored.
//   - The rate is that of the last half minute or so, from work done in this run: what Skip counts has no time.
//   - After Done nothing is shown any more.
//
// # Limits
//
//   - There is no clock of its own: lines appear when work is reported, so a single step of a minute is a silent minute.
//   - A terminal shows one bar at a time; a computation of unknown length has lines instead of a bar.
//   - VENTRAL_PROGRESS=off silences all displays, VENTRAL_PROGRESS=lines asks for plain lines on terminals and in
//     notebooks as well.
package progress

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"golang.org/x/term"
)

// Stage is a part of a pipeline whose time is told apart.
type Stage int

// The stages: making or reading stimuli, copying to and from the device, running the network, writing results.
const (
	Decode Stage = iota
	Transfer
	Compute
	Write
	stages
)

var stageNames = [stages]string{"decode", "transfer", "compute", "write"}

// String is the stage's name in lower case.
func (s Stage) String() string {
	if s < 0 || s >= stages {
		return "other"
	}
	return stageNames[s]
}

// Environment is the variable that turns displays off or plain.
const Environment = "VENTRAL_PROGRESS"

// How often each display is renewed.
const (
	everyLine     = 10 * time.Second
	everyTerminal = 100 * time.Millisecond
	everyHTML     = 250 * time.Millisecond
	rateWindow    = 30 // the seconds over which the rate is taken
)

// Progress is one display. Its zero value is of no use; nil is silent.
type Progress struct {
	mu      sync.Mutex
	title   string
	unit    string
	note    string
	total   int
	done    int
	skipped int
	spent   [stages]time.Duration
	workers [stages]int
	now     func() time.Time
	start   time.Time
	shown   time.Time
	marks   []mark // of the last rateWindow seconds, about one a second
	out     display
	over    bool
}

type mark struct {
	at   time.Time
	done int
}

// display is a way to show a line.
type display interface {
	every() time.Duration
	// short asks for the line without the percentage.
	short() bool
	// show shows a state; last says that it is the last one.
	show(line string, done, total int, last bool)
}

// Option changes a display.
type Option func(*options)

type options struct {
	writer  io.Writer
	html    func(id, html string)
	now     func() time.Time
	unit    string
	workers [stages]int
	lines   bool
}

// Writer sends a terminal's bar or plain lines to w instead of standard error. A bar is drawn only if w is a terminal.
// In a notebook the HTML display is used unless a Writer is given.
func Writer(w io.Writer) Option { return func(o *options) { o.writer, o.html = w, nil } }

// Unit names what is counted ("pictures"); without it the rate is given "/s".
func Unit(name string) Option { return func(o *options) { o.unit = name } }

// Workers says how many goroutines report their time as that stage at once (1 if not said).
func Workers(s Stage, n int) Option {
	return func(o *options) {
		if s >= 0 && s < stages {
			o.workers[s] = n
		}
	}
}

// Clock replaces time.Now.
func Clock(now func() time.Time) Option { return func(o *options) { o.now = now } }

// New starts a display of total steps; total 0 or less means that their number is not known. It returns nil, the silent
// display, when the environment says VENTRAL_PROGRESS=off.
func New(title string, total int, opts ...Option) *Progress {
	o := options{writer: os.Stderr, now: time.Now}
	if gonbui.IsNotebook {
		o.html = gonbui.UpdateHTML
	}
	switch strings.ToLower(os.Getenv(Environment)) {
	case "off", "0", "no", "false":
		return nil
	case "lines", "plain":
		o.lines, o.html = true, nil
	}
	for _, f := range opts {
		f(&o)
	}
	p := &Progress{title: title, unit: o.unit, total: max(total, 0), workers: o.workers, now: o.now}
	p.start = p.now()
	p.marks = []mark{{p.start, 0}}
	p.out = newDisplay(o, p.total)
	if p.out.every() < everyLine {
		p.show(p.start, false)
	} else {
		p.shown = p.start
	}
	return p
}

func newDisplay(o options, total int) display {
	if o.html != nil {
		return &htmlDisplay{update: o.html, id: gonbui.UniqueID()}
	}
	if f, ok := o.writer.(*os.File); ok && !o.lines && total > 0 && term.IsTerminal(int(f.Fd())) {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 {
			width = 80
		}
		return newTerminal(f, total, width)
	}
	return lineDisplay{o.writer}
}

// Add says that n more steps are done.
func (p *Progress) Add(n int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	now := p.now()
	if last := p.marks[len(p.marks)-1]; now.Sub(last.at) >= time.Second {
		p.marks = append(p.marks, mark{now, p.done})
		for len(p.marks) > 2 && now.Sub(p.marks[1].at) >= rateWindow*time.Second {
			p.marks = p.marks[1:]
		}
	}
	p.refresh(now)
}

// Skip says that n steps were done before, by an earlier run: they count as done but not as work of this run.
func (p *Progress) Skip(n int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.skipped += n
	for i := range p.marks {
		p.marks[i].done += n
	}
	p.refresh(p.now())
}

// Spent says that d was spent in stage s since the last report.
func (p *Progress) Spent(s Stage, d time.Duration) {
	if p == nil || s < 0 || s >= stages {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spent[s] += d
}

// Note sets the remark at the end of the line ("compiling", "step 2 of 3"); empty removes it.
func (p *Progress) Note(text string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note = text
	p.refresh(p.now())
}

// Done ends the display with a line that says how many steps were done, how long they took and what bound them. Further
// calls, and calls to other methods after it, show nothing.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.show(p.now(), true)
		p.over = true
	}
}

// refresh shows the state if it is time to. The lock is held.
func (p *Progress) refresh(now time.Time) {
	if !p.over && now.Sub(p.shown) >= p.out.every() {
		p.show(now, false)
	}
}

func (p *Progress) show(now time.Time, last bool) {
	p.shown = now
	p.out.show(p.line(now, last), p.done, p.total, last)
}
