package tokenizer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed" // the vocabulary
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// FullSize is the size of CLIP's vocabulary.
const FullSize = 49408

const (
	startToken = "<|startoftext|>"
	endToken   = "<|endoftext|>"
)

//go:embed data/bpe_simple_vocab_16e6.txt.gz
var embedded []byte

// embeddedMerges unpacks the embedded file once. It is part of the program, so a failure is a broken build.
var embeddedMerges = sync.OnceValue(func() [][2]string {
	merges, err := readMerges(bytes.NewReader(embedded), FullSize-minVocabulary)
	if err != nil {
		panic(err)
	}
	return merges
})

var embeddedVocabulary = sync.OnceValue(func() *Vocabulary {
	v, err := Embedded(FullSize)
	if err != nil {
		panic(err)
	}
	return v
})

// Embedded returns CLIP's vocabulary cut to size tokens: 512 byte symbols, the first size-514 merges, the start mark
// (id size-2) and the end mark (id size-1). FullSize gives the vocabulary of every CLIP model that was published.
func Embedded(size int) (*Vocabulary, error) {
	if size < minVocabulary || size > FullSize {
		return nil, fmt.Errorf("tokenizer: %w: size %d, want %d to %d", ErrVocabulary, size, minVocabulary, FullSize)
	}
	return build(embeddedMerges()[:size-minVocabulary], startToken, endToken)
}

// Load reads a vocabulary from a file or a folder. A folder is searched for tokenizer.json, then vocab.json with
// merges.txt, then bpe_simple_vocab_16e6.txt.gz. A file is known by its name: tokenizer.json, vocab.json (merges.txt
// lies beside it), or merges as OpenAI ships them (.txt or .txt.gz).
func Load(path string) (*Vocabulary, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if info.IsDir() {
		for _, name := range []string{"tokenizer.json", "vocab.json", "bpe_simple_vocab_16e6.txt.gz"} {
			if _, err := os.Stat(filepath.Join(path, name)); err == nil {
				return Load(filepath.Join(path, name))
			}
		}
		return nil, fmt.Errorf("tokenizer: %s: %w: no tokenizer.json, vocab.json or bpe_simple_vocab_16e6.txt.gz in this folder", path, ErrVocabulary)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	defer f.Close()
	var v *Vocabulary
	switch base := filepath.Base(path); {
	case base == "vocab.json":
		var m *os.File
		if m, err = os.Open(filepath.Join(filepath.Dir(path), "merges.txt")); err == nil {
			defer m.Close()
			v, err = ReadVocabMerges(f, m)
		}
	case strings.HasSuffix(base, ".json"):
		v, err = ReadTokenizerJSON(f)
	default:
		v, err = ReadBPE(f, FullSize)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return v, nil
}

// ReadBPE reads merges as OpenAI ships them, plain or compressed with gzip: a comment line, then a pair a line. The
// vocabulary has size tokens, ids as in Embedded; lines beyond its merges are ignored, as CLIP ignores them.
func ReadBPE(r io.Reader, size int) (*Vocabulary, error) {
	if size < minVocabulary || size > maxVocabulary {
		return nil, fmt.Errorf("tokenizer: %w: size %d, want %d to %d", ErrVocabulary, size, minVocabulary, maxVocabulary)
	}
	merges, err := readMerges(r, size-minVocabulary)
	if err != nil {
		return nil, err
	}
	if len(merges) < size-minVocabulary {
		return nil, fmt.Errorf("tokenizer: %w: %d merges, a vocabulary of %d needs %d; the file is cut short or meant for another size", ErrVocabulary, len(merges), size, size-minVocabulary)
	}
	return build(merges, startToken, endToken)
}

// readMerges reads at most most pairs after the first line.
func readMerges(r io.Reader, most int) ([][2]string, error) {
	br := bufio.NewReader(r)
	if magic, err := br.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("tokenizer: %w: %w", ErrVocabulary, err)
		}
		defer z.Close()
		br = bufio.NewReader(z)
	}
	limited := &io.LimitedReader{R: br, N: maxFile}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, 4096), 2*maxTokenBytes+2)
	var merges [][2]string
	for n := 0; len(merges) < most && lines.Scan(); n++ {
		if n == 0 {
			continue
		}
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("tokenizer: %w: line %d has %d words, a merge has two", ErrVocabulary, n+1, len(fields))
		}
		merges = append(merges, [2]string{fields[0], fields[1]})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("tokenizer: %w: %w", ErrVocabulary, err)
	}
	if limited.N <= 0 {
		return nil, fmt.Errorf("tokenizer: %w: more than %d bytes of merges", ErrVocabulary, maxFile)
	}
	return merges, nil
}

// ReadVocabMerges reads the pair vocab.json (token to id) and merges.txt of a Hugging Face checkpoint.
func ReadVocabMerges(vocab, merges io.Reader) (*Vocabulary, error) {
	var ids map[string]int
	if err := readJSON(vocab, &ids); err != nil {
		return nil, err
	}
	pairs, err := readMerges(merges, maxVocabulary)
	if err != nil {
		return nil, err
	}
	return withSpecials(ids, pairs)
}

// ReadTokenizerJSON reads the tokenizer.json of a Hugging Face checkpoint: a byte-pair model with "</w>" word ends.
func ReadTokenizerJSON(r io.Reader) (*Vocabulary, error) {
	var file struct {
		AddedTokens []struct {
			ID      int    `json:"id"`
			Content string `json:"content"`
		} `json:"added_tokens"`
		Model struct {
			Type   string            `json:"type"`
			Suffix *string           `json:"end_of_word_suffix"`
			Prefix *string           `json:"continuing_subword_prefix"`
			Vocab  map[string]int    `json:"vocab"`
			Merges []json.RawMessage `json:"merges"`
		} `json:"model"`
	}
	if err := readJSON(r, &file); err != nil {
		return nil, err
	}
	m := file.Model
	if m.Type != "BPE" || m.Suffix == nil || *m.Suffix != wordEnd || m.Prefix != nil && *m.Prefix != "" {
		return nil, fmt.Errorf("tokenizer: %w: not a CLIP tokenizer.json: want model type BPE with end_of_word_suffix %s, found type %s", ErrVocabulary, wordEnd, quoted(m.Type))
	}
	pairs := make([][2]string, len(m.Merges))
	for i, raw := range m.Merges {
		// Until 2024 a merge was written "a b", since then ["a", "b"].
		var joined string
		var pair []string
		if json.Unmarshal(raw, &joined) == nil {
			pair = strings.Split(joined, " ")
		} else if err := json.Unmarshal(raw, &pair); err != nil {
			return nil, fmt.Errorf("tokenizer: %w: merge %d: %w", ErrVocabulary, i, err)
		}
		if len(pair) != 2 {
			return nil, fmt.Errorf("tokenizer: %w: merge %d has %d parts, want two", ErrVocabulary, i, len(pair))
		}
		pairs[i] = [2]string{pair[0], pair[1]}
	}
	if m.Vocab == nil {
		m.Vocab = map[string]int{}
	}
	for _, t := range file.AddedTokens {
		if id, ok := m.Vocab[t.Content]; ok && id != t.ID {
			return nil, fmt.Errorf("tokenizer: %w: token %s has the ids %d and %d", ErrVocabulary, quoted(t.Content), id, t.ID)
		}
		m.Vocab[t.Content] = t.ID
	}
	return withSpecials(m.Vocab, pairs)
}

// withSpecials finds the two marks under either of the names in use.
func withSpecials(ids map[string]int, merges [][2]string) (*Vocabulary, error) {
	for _, names := range [][2]string{{startToken, endToken}, {"<start_of_text>", "<end_of_text>"}} {
		_, s := ids[names[0]]
		_, e := ids[names[1]]
		if s && e {
			return assemble(ids, merges, names[0], names[1])
		}
	}
	return nil, fmt.Errorf("tokenizer: %w: neither %s and %s nor <start_of_text> and <end_of_text> have ids", ErrVocabulary, startToken, endToken)
}

func readJSON(r io.Reader, into any) error {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return fmt.Errorf("tokenizer: %w", err)
	}
	if len(data) > maxFile {
		return fmt.Errorf("tokenizer: %w: more than %d bytes", ErrVocabulary, maxFile)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return errors.Join(ErrVocabulary, fmt.Errorf("tokenizer: %w", err))
	}
	return nil
}
