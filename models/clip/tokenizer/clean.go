package tokenizer

import (
	"html"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// repair is the part of ftfy 6.3 (Speer 2019, doi:10.5281/zenodo.2591652) that needs no guessing: in this order, until
// nothing changes, C1 controls read as Windows-1252, Latin ligatures taken apart, full- and half-width forms made
// ordinary, quotes made straight, line breaks made \n, terminal escapes and control characters removed, NFC.
func repair(s string) string {
	for {
		before := s
		s = translate(s)
		s = strings.ReplaceAll(s, "\r\n", "\n")
		s = translateBreaks(s)
		s = removeTerminalEscapes(s)
		s = removeControls(s)
		s = nfc(s)
		if s == before {
			return s
		}
	}
}

// windows1252 is what the bytes 0x80 to 0x9f mean in that code page (https://encoding.spec.whatwg.org/index-windows-1252.txt);
// the five that it leaves open stay themselves.
var windows1252 = [32]rune{
	0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f,
	0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
}

var ligatures = map[rune]string{
	'Ĳ': "IJ", 'ĳ': "ij", 'ŉ': "ʼn", 'Ǳ': "DZ", 'ǲ': "Dz", 'ǳ': "dz", 'Ǆ': "DŽ", 'ǅ': "Dž", 'ǆ': "dž", 'Ǉ': "LJ", 'ǈ': "Lj", 'ǉ': "lj",
	'Ǌ': "NJ", 'ǋ': "Nj", 'ǌ': "nj", 'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "ſt", 'ﬆ': "st",
}

const firstWide, lastWide = 0xff01, 0xffef

// wide holds the compatibility form (NFKC) of each full-width or half-width character.
var wide = sync.OnceValue(func() (t [lastWide - firstWide + 1]string) {
	for i := range t {
		t[i] = norm.NFKC.String(string(rune(firstWide + i)))
	}
	return t
})

// quote returns the straight quote for a curled one, 0 for other characters.
func quote(r rune) rune {
	switch {
	case r == 0x02bc || r >= 0x2018 && r <= 0x201b:
		return '\''
	case r >= 0x201c && r <= 0x201f:
		return '"'
	}
	return 0
}

// translate replaces character by character. The four tables are applied one after the other, because one may yield
// what the next one takes: 0x92 is a curled quote in Windows-1252.
func translate(s string) string {
	touched := func(r rune) bool {
		return r >= 0x80 && r <= 0x9f || r >= 0x0132 && r <= 0x01f3 || r == 0x02bc || r >= 0x2018 && r <= 0x201f ||
			r == 0x3000 || r >= 0xfb00 && r <= 0xfb06 || r >= firstWide && r <= lastWide
	}
	if !strings.ContainsFunc(s, touched) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	put := func(r rune) {
		if q := quote(r); q != 0 {
			r = q
		}
		b.WriteRune(r)
	}
	for _, r := range s {
		if r >= 0x80 && r <= 0x9f {
			r = windows1252[r-0x80]
		}
		switch text := ligatures[r]; {
		case text != "":
			for _, r := range text {
				put(r)
			}
		case r == 0x3000:
			put(' ')
		case r >= firstWide && r <= lastWide:
			for _, r := range wide()[r-firstWide] {
				put(r)
			}
		default:
			put(r)
		}
	}
	return b.String()
}

// translateBreaks makes the line breaks that stand alone \n. NEL (0x85) was read as Windows-1252 before.
func translateBreaks(s string) string {
	if !strings.ContainsAny(s, "\r\u2028\u2029") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == 0x2028 || r == 0x2029 {
			return '\n'
		}
		return r
	}, s)
}

// removeTerminalEscapes removes ESC [ digits and semicolons, letter (ECMA-48 control sequences as terminals use them).
func removeTerminalEscapes(s string) string {
	const csi = "\x1b["
	at := strings.Index(s, csi)
	if at < 0 {
		return s
	}
	var b strings.Builder
	for ; at >= 0; at = strings.Index(s, csi) {
		end := at + len(csi)
		for end < len(s) {
			r, n := utf8.DecodeRuneInString(s[end:])
			if r != ';' && !unicode.Is(unicode.Nd, r) {
				break
			}
			end += n
		}
		if end < len(s) && (s[end] >= 'a' && s[end] <= 'z' || s[end] >= 'A' && s[end] <= 'Z') {
			b.WriteString(s[:at])
			end++
		} else {
			end = at + 1
			b.WriteString(s[:end])
		}
		s = s[end:]
	}
	b.WriteString(s)
	return b.String()
}

// removeControls removes what is not suitable for use with markup (Unicode Technical Report 20, table 2.4) and makes no
// white space.
func removeControls(s string) string {
	drop := func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\f' && r != '\r' || r == 0x7f ||
			r >= 0x206a && r <= 0x206f || r == 0xfeff || r >= 0xfff9 && r <= 0xfffc
	}
	if !strings.ContainsFunc(s, drop) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if drop(r) {
			return -1
		}
		return r
	}, s)
}

// unescape replaces HTML character references once, as Python's html.unescape does. Named ones are the standard
// library's; numeric ones differ from it: control characters and noncharacters vanish, and there is no overflow.
func unescape(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	var b strings.Builder
	for {
		at := strings.IndexByte(s, '&')
		if at < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:at])
		s = s[at:]
		text, n := reference(s)
		b.WriteString(text)
		s = s[n:]
	}
}

// reference reads the reference at the start of s, which is '&', and returns its text and length.
func reference(s string) (string, int) {
	if len(s) > 1 && s[1] == '#' {
		digits, base := 2, 10
		if len(s) > 2 && (s[2] == 'x' || s[2] == 'X') {
			digits, base = 3, 16
		}
		end := digits
		for end < len(s) && digit(s[end], base) {
			end++
		}
		if end == digits {
			return "&", 1
		}
		text := numeric(s[digits:end], base)
		if end < len(s) && s[end] == ';' {
			end++
		}
		return text, end
	}
	const longest = 32 // of a name; the longest there is has 31 letters
	end := 1
	for end < len(s) && end <= longest && (digit(s[end], 10) || s[end]|0x20 >= 'a' && s[end]|0x20 <= 'z') {
		end++
	}
	if end < len(s) && s[end] == ';' {
		end++
	}
	switch s[:end] { // longer than their names, which is why the standard library leaves them out
	case "&nGt;":
		return "≫\u20d2", end
	case "&nLt;":
		return "≪\u20d2", end
	}
	return html.UnescapeString(s[:end]), end
}

func digit(c byte, base int) bool {
	return c >= '0' && c <= '9' || base == 16 && c|0x20 >= 'a' && c|0x20 <= 'f'
}

// numeric is section 13.2.5.80 of the HTML standard, but that Python drops the code points the standard calls errors.
func numeric(digits string, base int) string {
	v, err := strconv.ParseUint(digits, base, 32)
	r := rune(v)
	switch {
	case err != nil || v > unicode.MaxRune || v == 0 || v >= 0xd800 && v <= 0xdfff:
		return "\ufffd"
	case r == '\r':
		return "\r"
	case r >= 0x80 && r <= 0x9f:
		return string(windows1252[r-0x80])
	case r <= 0x08 || r == 0x0b || r >= 0x0e && r <= 0x1f || r == 0x7f || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe:
		return ""
	}
	return string(r)
}

// pythonSpace is str.isspace: White_Space and the four information separators.
func pythonSpace(r rune) bool { return r >= 0x1c && r <= 0x1f || unicode.Is(unicode.White_Space, r) }

// collapse replaces runs of white space (\s) by one space and then trims what Python's strip trims.
func collapse(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	in := false
	for _, r := range s {
		if unicode.Is(unicode.White_Space, r) {
			if !in {
				b.WriteByte(' ')
			}
			in = true
			continue
		}
		in = false
		b.WriteRune(r)
	}
	return b.String()
}

// lower is Python's str.lower, the full default mapping of the Unicode standard (3.13, R2): beyond the mapping of
// single characters, İ becomes i with a dot above, and a sigma at a word's end becomes ς.
func lower(s string) string {
	upper := func(r rune) bool { return unicode.ToLower(r) != r }
	if !strings.ContainsFunc(s, upper) {
		return s
	}
	if !strings.ContainsAny(s, "İΣ") {
		return strings.Map(unicode.ToLower, s)
	}
	runes := []rune(s)
	out := make([]rune, 0, len(runes))
	for i, r := range runes {
		switch {
		case r == 'İ':
			out = append(out, 'i', 0x0307)
		case r == 'Σ' && finalSigma(runes, i):
			out = append(out, 'ς')
		default:
			out = append(out, unicode.ToLower(r))
		}
	}
	return string(out)
}

// lowerEach is lower without the rule for sigma: character by character, as the HuggingFace style does it.
func lowerEach(s string) string {
	return strings.ReplaceAll(strings.Map(func(r rune) rune {
		if r == 'İ' {
			return r
		}
		return unicode.ToLower(r)
	}, s), "İ", "i\u0307")
}

// finalSigma is condition Final_Sigma of table 3-17: a cased letter before and none after, case-ignorable ones skipped.
func finalSigma(s []rune, i int) bool {
	j := i - 1
	for j >= 0 && caseIgnorable(s[j]) {
		j--
	}
	if j < 0 || !cased(s[j]) {
		return false
	}
	for j = i + 1; j < len(s) && caseIgnorable(s[j]); j++ {
	}
	return j == len(s) || !cased(s[j])
}

func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

// caseIgnorable is property Case_Ignorable (D136): marks, format characters, modifiers, and the punctuation that may
// stand inside a word (Word_Break MidLetter, MidNumLet, Single_Quote).
func caseIgnorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || slices.Contains(midWord, r)
}

var midWord = []rune{'\'', '.', ':', 0xb7, 0x387, 0x55f, 0x5f4, 0x2018, 0x2019, 0x2024, 0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a}
