package tokenizer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// ErrTooLong is wrapped by EncodePadded when a text does not fit and must not be cut (NoTruncation).
var ErrTooLong = errors.New("text too long")

// Style picks whose tokenizer is reproduced.
type Style int

// The styles.
const (
	OpenCLIP    Style = iota // open_clip: special tokens <start_of_text>, <end_of_text>
	OpenAI                   // openai/CLIP: special tokens <|startoftext|>, <|endoftext|>; white space is \s
	HuggingFace              // transformers' fast tokenizer: NFC, no HTML entities; special tokens as OpenAI's
)

// Cleaning picks how text is repaired before anything else. HuggingFace has none whatever is chosen.
type Cleaning int

// The cleanings.
const (
	FTFYLite Cleaning = iota // ftfy without the repair of wrongly decoded text; see the package comment
	NoFTFY                   // none, as the originals do where ftfy is not installed
)

// Options configure a Tokenizer; the zero value is Default's.
type Options struct {
	Vocabulary *Vocabulary // nil is the embedded one, complete
	Style      Style
	Cleaning   Cleaning
	CacheWords int // words remembered, twice over; 0 is 16384, negative is none
}

// Tokenizer encodes text. It may be used by many goroutines at once.
type Tokenizer struct {
	vocab    *Vocabulary
	style    Style
	cleaning Cleaning
	scan     scanner
	cache    *cache // nil without one
}

// New returns a tokenizer.
func New(opts Options) (*Tokenizer, error) {
	t := &Tokenizer{vocab: opts.Vocabulary, style: opts.Style, cleaning: opts.Cleaning}
	if t.vocab == nil {
		t.vocab = embeddedVocabulary()
	}
	switch opts.Style {
	case OpenCLIP:
		t.scan = scanner{specials: []string{"<start_of_text>", "<end_of_text>"}, fold: true}
	case OpenAI:
		t.scan = scanner{specials: []string{startToken, endToken}, fold: true}
	case HuggingFace: // special tokens are cut out before words are
	default:
		return nil, fmt.Errorf("tokenizer: style %d does not exist; use OpenCLIP, OpenAI or HuggingFace", opts.Style)
	}
	if opts.Cleaning != FTFYLite && opts.Cleaning != NoFTFY {
		return nil, fmt.Errorf("tokenizer: cleaning %d does not exist; use FTFYLite or NoFTFY", opts.Cleaning)
	}
	switch {
	case opts.CacheWords > 0:
		t.cache = &cache{limit: opts.CacheWords}
	case opts.CacheWords == 0:
		t.cache = &cache{limit: cacheWords}
	}
	return t, nil
}

// Default returns the tokenizer of the published CLIP models: the complete vocabulary, OpenCLIP style, FTFYLite. It is
// made once and shared.
func Default() *Tokenizer { return defaultTokenizer() }

var defaultTokenizer = sync.OnceValue(func() *Tokenizer {
	t, err := New(Options{})
	if err != nil {
		panic(err) // the zero Options are valid
	}
	return t
})

// Small returns a tokenizer like Default whose vocabulary has exactly vocab entries, 514 to 49408: the bytes, the first
// vocab-514 merges, the start mark vocab-2 and the end mark vocab-1. It is for models that are small themselves.
func Small(vocab int) (*Tokenizer, error) {
	v, err := Embedded(vocab)
	if err != nil {
		return nil, err
	}
	return New(Options{Vocabulary: v})
}

// Vocabulary returns the vocabulary.
func (t *Tokenizer) Vocabulary() *Vocabulary { return t.vocab }

// Clean returns the text whose words are encoded: repaired, entities resolved, white space collapsed, lower case.
func (t *Tokenizer) Clean(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if t.style == HuggingFace {
		return lowerEach(collapse(nfc(text)))
	}
	if t.cleaning == FTFYLite && !plain(text) {
		text = repair(text)
	}
	text = strings.TrimFunc(unescape(unescape(text)), pythonSpace)
	if t.style == OpenAI {
		text = strings.TrimFunc(collapse(text), pythonSpace)
	} else {
		text = strings.Join(strings.FieldsFunc(text, pythonSpace), " ")
	}
	return lower(text)
}

// plain reports whether repair would change nothing, without asking it: printable ASCII, tabs and line feeds.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x7f || c < ' ' && c != '\t' && c != '\n' {
			return false
		}
	}
	return true
}

// Encode returns the ids of text without start and end marks. A text that spells a special token gets its id, as in
// the originals.
func (t *Tokenizer) Encode(text string) []int {
	text = t.Clean(text)
	out := make([]int, 0, len(text)/4+1)
	if t.style != HuggingFace {
		return t.encode(out, text)
	}
	for {
		at, n, id := len(text), 0, int32(0)
		for _, s := range []struct {
			token string
			id    int32
		}{{startToken, t.vocab.sot}, {endToken, t.vocab.eot}} {
			if i := strings.Index(text, s.token); i >= 0 && i < at {
				at, n, id = i, len(s.token), s.id
			}
		}
		out = t.encode(out, text[:at])
		if n == 0 {
			return out
		}
		out = append(out, int(id))
		text = text[at+n:]
	}
}

// encode appends the ids of cleaned text.
func (t *Tokenizer) encode(out []int, text string) []int {
	for i := 0; ; {
		var word string
		word, i = t.scan.next(text, i)
		if word == "" {
			return out
		}
		if word[0] == '<' && slices.Contains(t.scan.specials, word) {
			id := t.vocab.sot
			if word == t.scan.specials[1] {
				id = t.vocab.eot
			}
			out = append(out, int(id))
			continue
		}
		if t.cache == nil || len(word) > cacheWordBytes {
			out = t.vocab.split(out, word)
			continue
		}
		ids, ok := t.cache.get(word)
		if !ok {
			ids = t.vocab.split(nil, word)
			t.cache.put(strings.Clone(word), ids)
		}
		out = append(out, ids...)
	}
}

// PadOption changes EncodePadded.
type PadOption func(*padding)

type padding struct {
	fill  int32
	whole bool
}

// PadWith fills the rows with id instead of 0. Hugging Face pads OpenAI's models with the end mark.
func PadWith(id int32) PadOption { return func(p *padding) { p.fill = id } }

// NoTruncation makes a text that does not fit an ErrTooLong.
func NoTruncation() PadOption { return func(p *padding) { p.whole = true } }

// EncodePadded returns context ids: the start mark, the text's ids, the end mark, zeros. Of a text that does not fit
// the first context-2 ids are kept. context must be at least 2; it is 77 for the published models.
func (t *Tokenizer) EncodePadded(text string, context int, opts ...PadOption) ([]int32, error) {
	if context < 2 {
		return nil, fmt.Errorf("tokenizer: context %d; the start and end marks need 2 ids, CLIP has 77", context)
	}
	var p padding
	for _, o := range opts {
		o(&p)
	}
	ids := t.Encode(text)
	if len(ids) > context-2 {
		if p.whole {
			return nil, fmt.Errorf("tokenizer: %w: %d ids with start and end, the context has %d: %s; shorten it or allow truncation", ErrTooLong, len(ids)+2, context, quoted(text))
		}
		ids = ids[:context-2]
	}
	row := make([]int32, context)
	row[0] = t.vocab.sot
	for i, id := range ids {
		row[i+1] = int32(id)
	}
	row[len(ids)+1] = t.vocab.eot
	for i := len(ids) + 2; i < context; i++ {
		row[i] = p.fill
	}
	return row, nil
}

// EncodeBatch is EncodePadded for many texts: one slice of len(texts)*context ids, row after row.
func (t *Tokenizer) EncodeBatch(texts []string, context int, opts ...PadOption) ([]int32, error) {
	var out []int32
	for i, text := range texts {
		row, err := t.EncodePadded(text, context, opts...)
		if err != nil {
			return nil, fmt.Errorf("text %d: %w", i, err)
		}
		if out == nil {
			out = make([]int32, 0, len(texts)*context)
		}
		out = append(out, row...)
	}
	return out, nil
}

// Decode returns the text of ids, a space after each word. A start mark is skipped and an end mark ends the text, so a
// padded row decodes to its text; ids outside the vocabulary become U+FFFD.
func (t *Tokenizer) Decode(ids []int) string {
	var b []byte
	for _, id := range ids {
		if id == t.vocab.Start() {
			continue
		}
		if id == t.vocab.End() {
			break
		}
		if id < 0 || id >= t.vocab.Len() {
			b = append(b, "\ufffd"...)
			continue
		}
		text, ends, ok := t.vocab.bytesOf(int32(id))
		if !ok {
			b = append(b, t.vocab.tokens[id]...)
			continue
		}
		b = append(b, text...)
		if ends {
			b = append(b, ' ')
		}
	}
	return strings.ToValidUTF8(strings.TrimSuffix(string(b), " "), "\ufffd")
}
