package site

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// NoMatchError says that a selector matches no site; Nearest are the most similar names there are.
type NoMatchError struct {
	Selector string
	Nearest  []string
}

func (e *NoMatchError) Error() string {
	if len(e.Nearest) == 0 {
		return fmt.Sprintf("selector %q matches no site: the network has none", e.Selector)
	}
	return fmt.Sprintf("selector %q matches no site; the nearest are %s", e.Selector, strings.Join(e.Nearest, ", "))
}

// Match returns the sites that a selector matches, in the order of infos, or a NoMatchError. Aliases count only where no
// name matches, so that a glob over names does not reach further than it says.
func Match(selector string, infos []Info) ([]Info, error) {
	re, err := compileSelector(selector)
	if err != nil {
		return nil, err
	}
	var m []Info
	for _, i := range infos {
		if re.MatchString(i.Name) {
			m = append(m, i)
		}
	}
	if len(m) == 0 {
		for _, i := range infos {
			if slices.ContainsFunc(i.Aliases, re.MatchString) {
				m = append(m, i)
			}
		}
	}
	if len(m) == 0 {
		return nil, &NoMatchError{Selector: selector, Nearest: nearest(selector, infos, 3)}
	}
	return m, nil
}

// maxAlternatives bounds what {lo..hi} may expand to: no network has more blocks.
const maxAlternatives = 10_000

// compileSelector turns a glob into an anchored regular expression.
func compileSelector(s string) (*regexp.Regexp, error) {
	if s == "" {
		return nil, fmt.Errorf("empty selector: name a site, such as visual.transformer.resblocks.9.attn")
	}
	var b strings.Builder
	b.WriteString("^")
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '*':
			if strings.HasPrefix(s[i:], "**.") {
				b.WriteString(`(?:.+\.)?`)
				i += 2
			} else if strings.HasPrefix(s[i:], "**") {
				b.WriteString(`.*`)
				i++
			} else {
				b.WriteString(`[^.]*`)
			}
		case '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return nil, fmt.Errorf("selector %q: { without }", s)
			}
			alt, err := alternatives(s[i+1 : i+end])
			if err != nil {
				return nil, fmt.Errorf("selector %q: %w", s, err)
			}
			b.WriteString(alt)
			i += end
		case '}':
			return nil, fmt.Errorf("selector %q: } without {", s)
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	b.WriteString("$")
	return regexp.Compile(b.String())
}

func alternatives(s string) (string, error) {
	var parts []string
	for _, p := range strings.Split(s, ",") {
		lo, hi, ok := strings.Cut(p, "..")
		if !ok {
			parts = append(parts, regexp.QuoteMeta(p))
			continue
		}
		a, err1 := strconv.Atoi(lo)
		b, err2 := strconv.Atoi(hi)
		if err1 != nil || err2 != nil || a > b || b-a >= maxAlternatives {
			return "", fmt.Errorf("range %q: want {lo..hi} with whole numbers, lo <= hi", p)
		}
		for i := a; i <= b; i++ {
			parts = append(parts, strconv.Itoa(i))
		}
	}
	return "(?:" + strings.Join(parts, "|") + ")", nil
}

// nearest returns the n site names with the smallest edit distance to s.
func nearest(s string, infos []Info, n int) []string {
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Name
	}
	return Nearest(s, names, n)
}

// Nearest returns the n names with the smallest edit distance to s, the best first.
func Nearest(s string, names []string, n int) []string {
	type cand struct {
		name string
		d    int
	}
	c := make([]cand, len(names))
	for i, name := range names {
		c[i] = cand{name, editDistance(s, name)}
	}
	sort.SliceStable(c, func(i, j int) bool { return c[i].d < c[j].d })
	var out []string
	for i := range min(n, len(c)) {
		out = append(out, c[i].name)
	}
	return out
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			sub := diag
			if a[i-1] != b[j-1] {
				sub++
			}
			diag = row[j]
			row[j] = min(sub, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
