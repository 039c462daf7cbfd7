package notebook

import (
	"fmt"
	"html"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Progress is a line that says how far a long piece of work is and what it is waiting for. In a notebook it is one
// bar that moves, on a terminal one line that is rewritten, in a log a line every ten seconds. It may be used from
// many goroutines.
type Progress struct {
	mu     sync.Mutex
	title  string
	total  int
	id     string
	begun  time.Time
	shown  time.Time
	tty    bool
	closed bool
}

// The least time between two drawings: a browser is not to be kept busy, a log not to be filled.
const (
	drawEvery = 200 * time.Millisecond
	logEvery  = 10 * time.Second
)

var now = time.Now

// NewProgress begins a piece of work of total steps; 0 = not known.
func NewProgress(title string, total int) *Progress {
	p := &Progress{title: title, total: total, begun: now()}
	if out.notebook() {
		p.id = "ventral-progress-" + gonbui.UniqueId()
	} else if f, ok := stdout().(*os.File); ok {
		if s, err := f.Stat(); err == nil {
			p.tty = s.Mode()&os.ModeCharDevice != 0
		}
	}
	return p
}

// Set says that done steps are done; note says what binds ("decode", "transfer", "compute") or what is at work.
func (p *Progress) Set(done int, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	every := drawEvery
	if p.id == "" && !p.tty {
		every = logEvery
	}
	if t := now(); !p.closed && t.Sub(p.shown) >= every {
		p.shown = t
		p.draw(done, note, false)
	}
}

// Close draws the last state, whatever was drawn before, and ends the line.
func (p *Progress) Close(done int, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		p.draw(done, note, true)
	}
}

func (p *Progress) draw(done int, note string, last bool) {
	line := p.line(done, note, last)
	switch {
	case p.id != "":
		bar := ""
		if p.total > 0 && !last {
			bar = fmt.Sprintf(`<progress max="%d" value="%d"></progress> `, p.total, done)
		}
		// Progress is a courtesy: work goes on when the kernel does not take it.
		gonbuiUpdate(p.id, bar+"<code>"+html.EscapeString(line)+"</code>")
	case p.tty:
		fmt.Fprint(stdout(), "\r\x1b[K"+line)
		if last {
			fmt.Fprintln(stdout())
		}
	default:
		fmt.Fprintln(stdout(), line)
	}
}

// gonbuiUpdate replaces the output called id without waiting for the kernel.
var gonbuiUpdate = func(id, text string) {
	gonbui.SendData(&protocol.DisplayData{Data: bundle{protocol.MIMETextHTML: text}, DisplayID: id})
}

// line is the state in words: "recording: 640 of 3000, 212/s, 11 s left, compute binds".
func (p *Progress) line(done int, note string, last bool) string {
	spent := now().Sub(p.begun)
	parts := []string{fmt.Sprint(done)}
	if p.total > 0 {
		parts[0] = fmt.Sprintf("%d of %d", done, p.total)
	}
	rate := 0.0
	if spent > 0 {
		rate = float64(done) / spent.Seconds()
	}
	if rate > 0 {
		parts = append(parts, fmt.Sprintf("%.3g/s", rate))
	}
	switch {
	case last:
		parts = append(parts, "in "+clock(spent))
	case rate > 0 && p.total > done:
		parts = append(parts, clock(time.Duration(float64(p.total-done)/rate*float64(time.Second)))+" left")
	}
	if note != "" {
		parts = append(parts, note)
	}
	return p.title + ": " + strings.Join(parts, ", ")
}

// clock prints a duration as a person would say it.
func clock(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
