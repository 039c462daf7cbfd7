package tokenizer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func same(t *testing.T, what string, got, want *Vocabulary) {
	t.Helper()
	if !slices.Equal(got.tokens, want.tokens) || !maps.Equal(got.merges, want.merges) || got.Start() != want.Start() || got.End() != want.End() || got.inner != want.inner || got.end != want.end {
		t.Errorf("%s: another vocabulary: %d tokens, marks %d and %d; want %d, %d, %d", what, got.Len(), got.Start(), got.End(), want.Len(), want.Start(), want.End())
	}
}

// hf_small was written by transformers (testdata/make_small.py): the first 560 tokens of CLIP's vocabulary.
func TestReadsHuggingFaceFiles(t *testing.T) {
	want, err := Embedded(560)
	if err != nil {
		t.Fatal(err)
	}
	var cases [][2]json.RawMessage
	data, err := os.ReadFile("testdata/hf_small/ids.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatal(err)
	}
	for _, path := range []string{"testdata/hf_small", "testdata/hf_small/tokenizer.json", "testdata/hf_small/vocab.json"} {
		v, err := Load(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		same(t, path, v, want)
		k := must(t, Options{Vocabulary: v, Style: HuggingFace})
		for _, c := range cases {
			var text string
			var ids []int
			if err := errors.Join(json.Unmarshal(c[0], &text), json.Unmarshal(c[1], &ids)); err != nil {
				t.Fatal(err)
			}
			if got := k.Encode(text); !slices.Equal(got, ids) {
				t.Errorf("%s: %q is %v, want %v", path, text, got, ids)
			}
		}
	}
}

func TestLoadFindsFiles(t *testing.T) {
	full := embeddedVocabulary()
	v, err := Load("data")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "folder with the .txt.gz", v, full)
	if v, err = Load("data/bpe_simple_vocab_16e6.txt.gz"); err != nil {
		t.Fatal(err)
	}
	same(t, "the .txt.gz", v, full)
	z, err := gzip.NewReader(bytes.NewReader(embedded))
	if err != nil {
		t.Fatal(err)
	}
	if v, err = ReadBPE(z, FullSize); err != nil {
		t.Fatal(err)
	}
	same(t, "unpacked", v, full)

	dir := t.TempDir()
	for path, says := range map[string]string{dir: "no tokenizer.json", filepath.Join(dir, "absent"): "absent"} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "vocab.json"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "merges.txt") {
		t.Errorf("vocab.json alone: %v", err)
	}
}

// files returns the three forms of a vocabulary of 512 byte symbols, some merges and two marks, after edit.
func files(t testing.TB, edit func(ids map[string]int, merges *[]string)) (vocab, merges, tokenizer []byte) {
	t.Helper()
	v, err := Embedded(520)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for id, token := range v.tokens {
		ids[token] = id
	}
	var pairs []string
	for _, m := range embeddedMerges()[:6] {
		pairs = append(pairs, m[0]+" "+m[1])
	}
	if edit != nil {
		edit(ids, &pairs)
	}
	if vocab, err = json.Marshal(ids); err != nil {
		t.Fatal(err)
	}
	merges = []byte("#version: 0.2\n" + strings.Join(pairs, "\n") + "\n")
	if tokenizer, err = json.Marshal(map[string]any{"model": map[string]any{"type": "BPE", "end_of_word_suffix": wordEnd, "vocab": ids, "merges": pairs}}); err != nil {
		t.Fatal(err)
	}
	return vocab, merges, tokenizer
}

func TestOlderMergesAndBadVocabularies(t *testing.T) {
	vocab, merges, tokenizer := files(t, nil)
	want, err := Embedded(520)
	if err != nil {
		t.Fatal(err)
	}
	v, err := ReadVocabMerges(bytes.NewReader(vocab), bytes.NewReader(merges))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "vocab.json and merges.txt", v, want)
	if v, err = ReadTokenizerJSON(bytes.NewReader(tokenizer)); err != nil { // merges as "a b"
		t.Fatal(err)
	}
	same(t, "tokenizer.json", v, want)

	for name, c := range map[string]struct {
		edit func(ids map[string]int, merges *[]string)
		says string
	}{
		"hole in the ids":         {func(ids map[string]int, _ *[]string) { ids["in"] = 9999 }, "id 9999"},
		"id twice":                {func(ids map[string]int, _ *[]string) { ids["in"] = 5 }, "id 5"},
		"negative id":             {func(ids map[string]int, _ *[]string) { ids["in"] = -1 }, "id -1"},
		"no byte":                 {func(ids map[string]int, _ *[]string) { ids["??"] = ids["!"]; delete(ids, "!") }, "byte 0x21"},
		"no word end":             {func(ids map[string]int, _ *[]string) { ids["??"] = ids["!</w>"]; delete(ids, "!</w>") }, "byte 0x21"},
		"no start":                {func(ids map[string]int, _ *[]string) { ids["??"] = ids[startToken]; delete(ids, startToken) }, "neither"},
		"merge of unknown symbol": {func(_ map[string]int, m *[]string) { (*m)[0] = "☃ n" }, "no earlier merge"},
		"merges in wrong order":   {func(_ map[string]int, m *[]string) { (*m)[0] = "th e</w>" }, "no earlier merge"},
		"merge without id":        {func(_ map[string]int, m *[]string) { *m = append(*m, "q z") }, "without an id"},
		"merge twice":             {func(_ map[string]int, m *[]string) { *m = append(*m, (*m)[0]) }, "exists already"},
		"too few tokens":          {func(ids map[string]int, _ *[]string) { clear(ids); ids[startToken] = 0; ids[endToken] = 1 }, "2 tokens"},
		"long token":              {func(ids map[string]int, _ *[]string) { ids[strings.Repeat("x", maxTokenBytes+1)] = 520 }, "bytes"},
	} {
		vocab, merges, tokenizer := files(t, c.edit)
		if _, err := ReadVocabMerges(bytes.NewReader(vocab), bytes.NewReader(merges)); !errors.Is(err, ErrVocabulary) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if _, err := ReadTokenizerJSON(bytes.NewReader(tokenizer)); !errors.Is(err, ErrVocabulary) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, tokenizer.json: %v, want %q", name, err, c.says)
		}
	}
}

func TestMalformedFilesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "not JSON": "x", "list": "[]", "WordPiece": `{"model":{"type":"WordPiece","end_of_word_suffix":"</w>"}}`, "no suffix": `{"model":{"type":"BPE"}}`,
		"merge of three": `{"model":{"type":"BPE","end_of_word_suffix":"</w>","merges":["a b c"]}}`, "merge of numbers": `{"model":{"type":"BPE","end_of_word_suffix":"</w>","merges":[[1,2]]}}`,
		"two ids": `{"added_tokens":[{"id":1,"content":"a"}],"model":{"type":"BPE","end_of_word_suffix":"</w>","vocab":{"a":0}}}`, "no vocab": `{"model":{"type":"BPE","end_of_word_suffix":"</w>"}}`,
	} {
		if _, err := ReadTokenizerJSON(strings.NewReader(text)); !errors.Is(err, ErrVocabulary) {
			t.Errorf("tokenizer.json, %s: %v", name, err)
		}
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(bytes.Repeat([]byte("\n"), maxFile+10)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, says string }{
		"cut archive": {string(embedded[:1000]), "unexpected EOF"}, "not gzip": {"\x1f\x8bxxxxxxxxx", "gzip"}, "three words": {"#\na b c\n", "line 2 has 3 words"}, "one word": {"#\na\n", "line 2 has 1 words"},
		"short": {"#\ni n\n", "1 merges"}, "twice": {"#\ni n\ni n\n", "twice"}, "long line": {"#\n" + strings.Repeat("x", 4*maxTokenBytes), "too long"}, "bomb": {bomb.String(), "more than"},
	} {
		if _, err := ReadBPE(strings.NewReader(c.text), 516); !errors.Is(err, ErrVocabulary) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("merges, %s: %v, want %q", name, err, c.says)
		}
	}
	for _, n := range []int{0, 513, maxVocabulary + 1} {
		if _, err := ReadBPE(bytes.NewReader(embedded), n); !errors.Is(err, ErrVocabulary) {
			t.Errorf("size %d: %v", n, err)
		}
	}
}

// usable checks that a vocabulary that was accepted encodes and decodes.
func usable(t *testing.T, v *Vocabulary) {
	k := must(t, Options{Vocabulary: v, CacheWords: -1})
	for _, text := range []string{"In the thing, there's 1 café", "\x00\xff aaaa"} {
		for _, id := range k.Encode(text) {
			if id < 0 || id >= v.Len() {
				t.Fatalf("id %d of %d", id, v.Len())
			}
		}
		decodeLaw(t, k, text)
		if got, want := k.Encode(text), k.Encode(k.Clean(text)); !slices.Equal(got, want) {
			t.Fatalf("%v, and of the cleaned text %v", got, want)
		}
	}
	if got, want := v.split(nil, "there"), splitByDefinition(v, "there"); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}

// The corpora of the three readers are in testdata/fuzz.
func FuzzReadBPE(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if v, err := ReadBPE(bytes.NewReader(data), size%700); err == nil {
			usable(t, v)
		}
	})
}

func FuzzReadTokenizerJSON(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := ReadTokenizerJSON(bytes.NewReader(data)); err == nil {
			usable(t, v)
		}
	})
}

func FuzzReadVocabMerges(f *testing.F) {
	f.Fuzz(func(t *testing.T, vocab, merges []byte) {
		if v, err := ReadVocabMerges(bytes.NewReader(vocab), bytes.NewReader(merges)); err == nil {
			usable(t, v)
		}
	})
}
