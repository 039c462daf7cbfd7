package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// The classes of the pattern that cuts words: letter \p{L}, number \p{N}, space \s, and everything else.
type class uint8

const (
	other class = iota
	letter
	number
	space
)

var asciiClass = func() (t [utf8.RuneSelf]class) {
	for r := range t {
		t[r] = runeClass(rune(r))
	}
	return t
}()

func runeClass(r rune) class {
	switch {
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return number
	case unicode.Is(unicode.White_Space, r):
		return space
	}
	return other
}

// ypogegrammeni is the one mark whose case variants are letters (iota). The originals' pattern ignores case, and in it
// this mark is neither a letter nor anything else: it ends a word and belongs to none.
const ypogegrammeni = 0x0345

// classAt returns the class and length of the character at s[i:].
func (sc *scanner) classAt(s string, i int) (class, int) {
	if s[i] < utf8.RuneSelf {
		return asciiClass[s[i]], 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	if r == ypogegrammeni && sc.fold {
		return space, n
	}
	return runeClass(r), n
}

// scanner cuts cleaned text into words, as the alternatives of the originals' pattern would, tried in this order:
// a special token, a contraction ('s 't 're 've 'm 'll 'd), a run of letters, one number character, a run of anything
// else but space.
type scanner struct {
	specials []string // lower case; tried at every position where a word may begin
	// fold is that the pattern ignores case, which has two effects on lower-case text: U+017F (ſ) counts as the s of a
	// contraction or special token, and U+0345 as space.
	fold bool
}

// next returns the word that begins at or after i and the position after it; the word is empty at the end of s.
func (sc *scanner) next(s string, i int) (word string, end int) {
	for i < len(s) {
		c, n := sc.classAt(s, i)
		if c == space {
			i += n
			continue
		}
		j := i + n
		switch c {
		case letter:
			for j < len(s) {
				c, n := sc.classAt(s, j)
				if c != letter {
					break
				}
				j += n
			}
		case other:
			if m := sc.fixed(s, i); m > 0 {
				return s[i : i+m], i + m
			}
			for j < len(s) {
				c, n := sc.classAt(s, j)
				if c != other {
					break
				}
				j += n
			}
		}
		return s[i:j], j
	}
	return "", i
}

var contractions = []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}

// fixed returns the length of the special token or contraction at s[i:], 0 if there is none.
func (sc *scanner) fixed(s string, i int) int {
	switch s[i] {
	case '<':
		for _, t := range sc.specials {
			if n := sc.prefix(s[i:], t); n > 0 {
				return n
			}
		}
	case '\'':
		for _, t := range contractions {
			if n := sc.prefix(s[i:], t); n > 0 {
				return n
			}
		}
	}
	return 0
}

// prefix returns how many bytes of s match t, 0 if s does not begin with it.
func (sc *scanner) prefix(s, t string) int {
	i := 0
	for _, want := range []byte(t) {
		switch {
		case i < len(s) && s[i] == want:
			i++
		case sc.fold && want == 's' && len(s) >= i+2 && s[i:i+2] == "ſ":
			i += 2
		default:
			return 0
		}
	}
	return i
}
