package progress

import (
	"fmt"
	"html"
	"io"
	"time"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"
)

// lineDisplay writes one line a time: logs and pipes.
type lineDisplay struct{ w io.Writer }

func (lineDisplay) every() time.Duration { return everyLine }

func (lineDisplay) short() bool { return false }

func (d lineDisplay) show(line string, _, _ int, _ bool) { fmt.Fprintln(d.w, line) }

// htmlDisplay updates one element of a notebook's output.
type htmlDisplay struct {
	update func(id, html string)
	id     string
}

func (*htmlDisplay) every() time.Duration { return everyHTML }

func (*htmlDisplay) short() bool { return false }

func (d *htmlDisplay) show(line string, done, total int, last bool) {
	bar := ""
	switch {
	case total > 0:
		bar = fmt.Sprintf(`<progress value="%d" max="%d" style="width:16em"></progress> `, min(done, total), total)
	case !last:
		bar = `<progress style="width:16em"></progress> `
	}
	d.update(d.id, bar+"<span>"+html.EscapeString(line)+"</span>")
}

// terminalDisplay draws a bar on a terminal's last line.
type terminalDisplay struct {
	w     io.Writer
	bar   *progressbar.ProgressBar
	width int // columns left for the text
}

// With ten columns of bar and eleven around it, a usual line fits into 80 columns.
const barWidth, barFrame = 10, 11

func newTerminal(w io.Writer, total, columns int) *terminalDisplay {
	return &terminalDisplay{w: w, width: max(columns-barWidth-barFrame, 10), bar: progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(barWidth), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionShowDescriptionAtLineEnd(), progressbar.OptionSetTheme(progressbar.ThemeASCII))}
}

// every is the throttle; the bar itself has none.
func (*terminalDisplay) every() time.Duration { return everyTerminal }

// short: the bar says the percentage, and 80 columns are few.
func (*terminalDisplay) short() bool { return true }

// show leaves the bar one step short of its end until the last state, because it accepts no text after its end. Errors
// of the terminal are of no consequence.
func (d *terminalDisplay) show(line string, done, total int, last bool) {
	if utf8.RuneCountInString(line) > d.width { // a longer line would wrap and could not be drawn over
		line = string([]rune(line)[:d.width-1]) + "…"
	}
	if last && done >= total {
		d.bar.Describe(line)
		_ = d.bar.Set(total)
	} else {
		_ = d.bar.Set(min(done, total-1))
		d.bar.Describe(line)
	}
	if last {
		fmt.Fprintln(d.w)
	}
}
