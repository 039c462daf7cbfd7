package tokenizer

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// ErrVocabulary is wrapped by every error about a vocabulary file or size.
var ErrVocabulary = errors.New("bad vocabulary")

const (
	wordEnd = "</w>"
	// minVocabulary is the smallest vocabulary: two symbols for every byte and the two special tokens.
	minVocabulary = 2*256 + 2
)

// Vocabulary is a byte-pair vocabulary: tokens with ids 0..Len()-1, merges in order, and the ids of the start and end
// marks. It does not change after it was made.
type Vocabulary struct {
	tokens     []string         // by id, in the printable alphabet of byteRunes, word ends with "</w>"
	merges     map[uint64]merge // by the ids of the pair
	inner, end [256]int32       // the symbol of a byte inside a word, and at its end
	sot, eot   int32
}

type merge struct{ rank, id int32 }

func pairKey(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

// Len returns the number of tokens.
func (v *Vocabulary) Len() int { return len(v.tokens) }

// Start returns the id that begins every text.
func (v *Vocabulary) Start() int { return int(v.sot) }

// End returns the id that ends every text. It is the largest id of CLIP's vocabularies, which is how the text tower
// finds it.
func (v *Vocabulary) End() int { return int(v.eot) }

// Token returns a token as vocabulary files spell it (bytes as printable characters, "</w>" at a word's end), and ""
// for an id that does not exist.
func (v *Vocabulary) Token(id int) string {
	if id < 0 || id >= len(v.tokens) {
		return ""
	}
	return v.tokens[id]
}

// byteRunes is the printable alphabet that stands for the 256 bytes in vocabulary files, after GPT-2 (Radford et al.
// 2019): the printable characters of Latin-1 stand for themselves, the other bytes, in order, for U+0100 and on.
// byteOrder lists the bytes in the order of their ids.
var byteRunes, byteOrder = func() (runes [256]rune, order [256]byte) {
	n := 0
	for b := range 256 {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			runes[b] = rune(b)
			order[n] = byte(b)
			n++
		}
	}
	next := rune(256)
	for b := range 256 {
		if runes[b] == 0 {
			runes[b] = next
			order[n] = byte(b)
			next++
			n++
		}
	}
	return runes, order
}()

var runeBytes = func() map[rune]byte {
	m := make(map[rune]byte, 256)
	for b, r := range byteRunes {
		m[r] = byte(b)
	}
	return m
}()

// build makes a vocabulary of the 512 byte symbols, the merges and the two special tokens, with ids in this order.
func build(merges [][2]string, start, end string) (*Vocabulary, error) {
	tokens := make([]string, 0, len(merges)+minVocabulary)
	for _, suffix := range []string{"", wordEnd} {
		for _, b := range byteOrder {
			tokens = append(tokens, string(byteRunes[b])+suffix)
		}
	}
	for _, m := range merges {
		tokens = append(tokens, m[0]+m[1])
	}
	tokens = append(tokens, start, end)
	ids := make(map[string]int, len(tokens))
	for i, t := range tokens {
		if j, dup := ids[t]; dup {
			return nil, fmt.Errorf("tokenizer: %w: token %s is made twice (ids %d and %d); a merge is listed twice", ErrVocabulary, quoted(t), j, i)
		}
		ids[t] = i
	}
	return assemble(ids, merges, start, end)
}

// assemble checks that ids are dense and that each merge joins two symbols that exist before it to one that has an id.
// The last property is what lets words be merged with a queue instead of a search a step (see bpe.go).
func assemble(ids map[string]int, merges [][2]string, start, end string) (*Vocabulary, error) {
	n := len(ids)
	if n < minVocabulary || n > maxVocabulary {
		return nil, fmt.Errorf("tokenizer: %w: %d tokens, want %d to %d", ErrVocabulary, n, minVocabulary, maxVocabulary)
	}
	v := &Vocabulary{tokens: make([]string, n), merges: make(map[uint64]merge, len(merges))}
	taken := make([]bool, n)
	for t, id := range ids {
		if id < 0 || id >= n || taken[id] {
			return nil, fmt.Errorf("tokenizer: %w: id %d of token %s: ids must be 0 to %d, each once", ErrVocabulary, id, quoted(t), n-1)
		}
		if len(t) == 0 || len(t) > maxTokenBytes || !utf8.ValidString(t) {
			return nil, fmt.Errorf("tokenizer: %w: token %d has %d bytes, want 1 to %d of UTF-8", ErrVocabulary, id, len(t), maxTokenBytes)
		}
		taken[id], v.tokens[id] = true, t
	}
	known := make([]bool, n) // symbols that words can contain so far
	for b, r := range byteRunes {
		for _, s := range []struct {
			token string
			at    *int32
		}{{string(r), &v.inner[b]}, {string(r) + wordEnd, &v.end[b]}} {
			id, ok := ids[s.token]
			if !ok {
				return nil, fmt.Errorf("tokenizer: %w: no token %s for byte 0x%02x; this is not a byte-level vocabulary with %s word ends", ErrVocabulary, quoted(s.token), b, wordEnd)
			}
			*s.at, known[id] = int32(id), true
		}
	}
	for rank, m := range merges {
		a, okA := ids[m[0]]
		b, okB := ids[m[1]]
		if !okA || !okB || !known[a] || !known[b] {
			return nil, fmt.Errorf("tokenizer: %w: merge %d (%s %s) joins a symbol that no earlier merge makes", ErrVocabulary, rank, quoted(m[0]), quoted(m[1]))
		}
		id, ok := ids[m[0]+m[1]]
		if !ok {
			return nil, fmt.Errorf("tokenizer: %w: merge %d (%s %s) makes a token without an id", ErrVocabulary, rank, quoted(m[0]), quoted(m[1]))
		}
		if known[id] {
			return nil, fmt.Errorf("tokenizer: %w: merge %d (%s %s) makes a token that exists already", ErrVocabulary, rank, quoted(m[0]), quoted(m[1]))
		}
		known[id] = true
		v.merges[pairKey(int32(a), int32(b))] = merge{rank: int32(min(rank, math.MaxInt32)), id: int32(id)}
	}
	for _, s := range []struct {
		token string
		at    *int32
	}{{start, &v.sot}, {end, &v.eot}} {
		id, ok := ids[s.token]
		if !ok || known[id] {
			return nil, fmt.Errorf("tokenizer: %w: no special token %s", ErrVocabulary, quoted(s.token))
		}
		*s.at = int32(id)
	}
	return v, nil
}

// bytesOf returns the bytes a token stands for and whether it ends a word; false for the special tokens.
func (v *Vocabulary) bytesOf(id int32) (b []byte, ends, ok bool) {
	if id == v.sot || id == v.eot {
		return nil, false, false
	}
	t, ends := strings.CutSuffix(v.tokens[id], wordEnd)
	for _, r := range t {
		c, known := runeBytes[r]
		if !known {
			return nil, false, false
		}
		b = append(b, c)
	}
	return b, ends, true
}

func quoted(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "..."
	}
	return fmt.Sprintf("%q", s)
}
