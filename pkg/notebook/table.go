package notebook

import (
	"fmt"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Table shows rows under a header. Columns of numbers are set flush right. In a notebook it is an HTML table with a
// plain one beside it; outside it is aligned text. Every row must have as many cells as the header.
func Table(header []string, rows [][]string, caption string) error {
	for i, r := range rows {
		if len(r) != len(header) {
			return fmt.Errorf("notebook: row %d of the table %q has %d cells, the header %d", i, caption, len(r), len(header))
		}
	}
	plain := plainTable(header, rows, caption)
	if !out.notebook() {
		_, err := fmt.Fprint(stdout(), plain)
		return err
	}
	return out.send(bundle{
		protocol.MIMETextHTML:     htmlTable(header, rows, caption),
		protocol.MIMETextMarkdown: markdownTable(header, rows, caption),
		protocol.MIMETextPlain:    plain,
	}, "")
}

// numeric reports, for each column, whether its cells begin as numbers do; empty cells and dashes do not count.
func numeric(header []string, rows [][]string) []bool {
	out := make([]bool, len(header))
	for c := range header {
		seen := false
		out[c] = true
		for _, r := range rows {
			s := strings.TrimLeft(r[c], "+-−±<>≤≥~≈. ")
			if s == "" || s == "–" || s == "NaN" {
				continue
			}
			seen = true
			first, _ := utf8.DecodeRuneInString(s)
			if !unicode.IsDigit(first) {
				out[c] = false
			}
		}
		out[c] = out[c] && seen
	}
	return out
}

// plainTable is the table as lines of text, at most one space longer than its widest cells need.
func plainTable(header []string, rows [][]string, caption string) string {
	right := numeric(header, rows)
	width := make([]int, len(header))
	all := append([][]string{header}, rows...)
	for _, r := range all {
		for c, s := range r {
			width[c] = max(width[c], utf8.RuneCountInString(s))
		}
	}
	var b strings.Builder
	if caption != "" {
		b.WriteString(caption + "\n")
	}
	for i, r := range all {
		var line strings.Builder
		for c, s := range r {
			if c > 0 {
				line.WriteString("  ")
			}
			pad := strings.Repeat(" ", width[c]-utf8.RuneCountInString(s))
			if right[c] {
				line.WriteString(pad + s)
			} else {
				line.WriteString(s + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		if i == 0 {
			total := 2 * (len(width) - 1)
			for _, w := range width {
				total += w
			}
			b.WriteString(strings.Repeat("─", max(total, 0)) + "\n")
		}
	}
	return b.String()
}

func htmlTable(header []string, rows [][]string, caption string) string {
	right := numeric(header, rows)
	var b strings.Builder
	b.WriteString(`<table style="border-collapse:collapse">`)
	if caption != "" {
		b.WriteString(`<caption style="text-align:left;caption-side:top;padding:4px 0;font-weight:bold">` + html.EscapeString(caption) + "</caption>")
	}
	side := func(c int) string {
		if right[c] {
			return "right"
		}
		return "left"
	}
	b.WriteString(`<thead><tr style="border-bottom:1px solid currentColor">`)
	for c, s := range header {
		fmt.Fprintf(&b, `<th style="text-align:%s">%s</th>`, side(c), html.EscapeString(s))
	}
	b.WriteString("</tr></thead><tbody>")
	for _, r := range rows {
		b.WriteString("<tr>")
		for c, s := range r {
			fmt.Fprintf(&b, `<td style="text-align:%s">%s</td>`, side(c), html.EscapeString(s))
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table>")
	return b.String()
}

func markdownTable(header []string, rows [][]string, caption string) string {
	right := numeric(header, rows)
	var b strings.Builder
	if caption != "" {
		b.WriteString("**" + escape(caption) + "**\n\n")
	}
	line := func(cells []string) {
		b.WriteString("|")
		for _, s := range cells {
			b.WriteString(" " + escape(s) + " |")
		}
		b.WriteString("\n")
	}
	line(header)
	b.WriteString("|")
	for c := range header {
		if right[c] {
			b.WriteString("---:|")
		} else {
			b.WriteString(":---|")
		}
	}
	b.WriteString("\n")
	for _, r := range rows {
		line(r)
	}
	return b.String()
}
