package tokenizer

import (
	"slices"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// nfc returns the canonical composition of s (Unicode Standard Annex 15, form C).
//
// The character properties come from golang.org/x/text/unicode/norm, but not the composition: norm.NFC of v0.35
// composes across characters that block it (a, U+09BE, U+0301), takes U+10041 for the A whose code it ends in, and
// puts U+034F into runs of more than thirty marks, which its documentation calls stream-safe text. Python and Rust do
// none of this.
func nfc(s string) string {
	if composed(s) {
		return s
	}
	chars := decompose(s)
	// starter is the index in out of the last character of class 0; last is the class of the character before this one.
	out := make([]rune, 0, len(chars))
	starter, last := -1, uint8(0)
	for _, c := range chars {
		// A character is blocked from the starter by one of its own class or above between them, or by another starter.
		if starter >= 0 && (last < c.class || starter == len(out)-1) {
			if r, ok := compose(out[starter], c.r); ok {
				out[starter] = r
				continue
			}
		}
		if c.class == 0 {
			starter = len(out)
		}
		last = c.class
		out = append(out, c.r)
	}
	return string(out)
}

// composed reports whether s is in form C because it has no character above U+02FF: below, nothing composes with its
// neighbour and nothing has another form.
func composed(s string) bool {
	for i := range len(s) {
		if s[i] >= 0xcc { // the first byte of U+0300 and above
			return false
		}
	}
	return true
}

// Hangul syllables are composed by arithmetic (The Unicode Standard, 3.12).
const (
	hangulS, hangulL, hangulV, hangulT = 0xac00, 0x1100, 0x1161, 0x11a7
	hangulLs, hangulVs, hangulTs       = 19, 21, 28
)

// char is a character and its canonical combining class.
type char struct {
	r     rune
	class uint8
}

// decompose returns the full canonical decomposition of s in canonical order.
func decompose(s string) []char {
	out := make([]char, 0, len(s))
	for i, r := range s {
		if n := r - hangulS; n >= 0 && n < hangulLs*hangulVs*hangulTs {
			out = append(out, char{r: hangulL + n/(hangulVs*hangulTs)}, char{r: hangulV + n%(hangulVs*hangulTs)/hangulTs})
			if t := n % hangulTs; t > 0 {
				out = append(out, char{r: hangulT + t})
			}
			continue
		}
		p := norm.NFD.PropertiesString(s[i:])
		d := p.Decomposition()
		if d == nil {
			out = append(out, char{r, p.CCC()})
			continue
		}
		for len(d) > 0 {
			r, n := utf8.DecodeRune(d)
			out = append(out, char{r, norm.NFD.Properties(d).CCC()})
			d = d[n:]
		}
	}
	for i := 0; i < len(out); i++ {
		j := i
		for j < len(out) && out[j].class > 0 {
			j++
		}
		if j-i > 1 {
			slices.SortStableFunc(out[i:j], func(a, b char) int { return int(a.class) - int(b.class) })
		}
		i = j
	}
	return out
}

// compose returns the primary composite of two characters.
func compose(a, b rune) (rune, bool) {
	l, v := a-hangulL, b-hangulV
	if l >= 0 && l < hangulLs && v >= 0 && v < hangulVs {
		return hangulS + (l*hangulVs+v)*hangulTs, true
	}
	n, t := a-hangulS, b-hangulT
	if n >= 0 && n < hangulLs*hangulVs*hangulTs && n%hangulTs == 0 && t > 0 && t < hangulTs {
		return a + t, true
	}
	r, ok := composites()[[2]rune{a, b}]
	return r, ok
}

// composites lists the pairs that compose: the last step of every canonical decomposition into more than one
// character, but for the characters that form C excludes.
var composites = sync.OnceValue(func() map[[2]rune]rune {
	const last = 0x2fa1d // the last character with a canonical decomposition
	pairs := make(map[[2]rune]rune, 1024)
	for r := rune(0xc0); r <= last; r++ {
		if r >= hangulS && r < 0xf900 { // syllables, surrogates, private use
			continue
		}
		s := string(r)
		d := []rune(string(norm.NFD.PropertiesString(s).Decomposition()))
		if len(d) < 2 || norm.NFC.String(s) != s {
			continue
		}
		head := d[0]
		if len(d) > 2 {
			head = []rune(norm.NFC.String(string(d[:len(d)-1])))[0]
		}
		pairs[[2]rune{head, d[len(d)-1]}] = r
	}
	return pairs
})
