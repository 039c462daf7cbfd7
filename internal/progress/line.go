package progress

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// line is the state in words. The lock is held.
func (p *Progress) line(now time.Time, last bool) string {
	var b strings.Builder
	if p.title != "" {
		b.WriteString(p.title + ": ")
	}
	elapsed := now.Sub(p.start)
	switch {
	case p.total == 0:
		fmt.Fprintf(&b, "%d", p.done)
	case last && p.done < p.total:
		fmt.Fprintf(&b, "stopped at %d of %d", p.done, p.total)
	case p.out.short():
		fmt.Fprintf(&b, "%d/%d", p.done, p.total)
	case last:
		fmt.Fprintf(&b, "%d of %d", p.done, p.total)
	default:
		fmt.Fprintf(&b, "%d of %d (%d %%)", p.done, p.total, int(100*float64(p.done)/float64(p.total)))
	}
	if p.unit != "" {
		b.WriteString(" " + p.unit)
	}
	if last {
		b.WriteString(" in " + Duration(elapsed))
		if work := p.done - p.skipped; work > 0 && elapsed > 0 {
			b.WriteString(", " + rate(float64(work)/elapsed.Seconds()))
		}
		if p.skipped > 0 {
			fmt.Fprintf(&b, ", %d done before", p.skipped)
		}
	} else if perSecond := p.rate(now); perSecond > 0 {
		b.WriteString(", " + rate(perSecond))
		if left := p.total - p.done; left > 0 {
			// a rate too small for a time.Duration means years
			seconds := math.Min(float64(left)/perSecond, 1e9)
			b.WriteString(", " + Duration(time.Duration(seconds*float64(time.Second))) + " left")
		}
	}
	if stage, busy := p.binding(elapsed); busy > 0 {
		fmt.Fprintf(&b, ", %s-bound %d %%", stage, int(100*busy+0.5))
	}
	if p.note != "" {
		b.WriteString("; " + p.note)
	}
	return b.String()
}

// rate is the steps a second since the oldest mark.
func (p *Progress) rate(now time.Time) float64 {
	if d := now.Sub(p.marks[0].at).Seconds(); d > 0 {
		return float64(p.done-p.marks[0].done) / d
	}
	return 0
}

// binding returns the busiest stage and the share of its workers' time that it was at work, at most 1.
func (p *Progress) binding(elapsed time.Duration) (Stage, float64) {
	stage, busy := Decode, 0.0
	if elapsed <= 0 {
		return stage, 0
	}
	for s := range stages {
		if share := p.spent[s].Seconds() / (elapsed.Seconds() * float64(max(p.workers[s], 1))); share > busy {
			stage, busy = s, share
		}
	}
	return stage, min(busy, 1)
}

func rate(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f/s", v)
	case v >= 1:
		return fmt.Sprintf("%.1f/s", v)
	default:
		return fmt.Sprintf("%.3g/s", v)
	}
}

// Duration writes a duration as people do: "0.4 s", "35 s", "4 min 10 s", "2 h 05 min", "3 d 4 h".
func Duration(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 9.95:
		return fmt.Sprintf("%.1f s", max(s, 0))
	case s < 59.5:
		return fmt.Sprintf("%.0f s", s)
	case s < 3599.5:
		n := int(s + 0.5)
		return fmt.Sprintf("%d min %02d s", n/60, n%60)
	case s < 86370:
		n := int(s/60 + 0.5)
		return fmt.Sprintf("%d h %02d min", n/60, n%60)
	default:
		n := int(s/3600 + 0.5)
		return fmt.Sprintf("%d d %d h", n/24, n%24)
	}
}
