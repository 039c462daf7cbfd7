package recording

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Manifest says what a recording is of: everything its values depend on and nothing else. What depends on the
// machine or the hour (host, path, time) has no place here, because Hash is the recording's address.
type Manifest struct {
	Model          string            `json:"model"`           // such as "mini/clip-vit"
	WeightsHash    string            `json:"weights_hash"`    // of the weights as loaded
	Architecture   string            `json:"architecture"`    // family and layout
	Stimuli        string            `json:"stimuli"`         // canonical spec of the set, such as "circles?n=3000&seed=1"
	StimuliHash    string            `json:"stimuli_hash"`    // of the set's identity where the spec alone does not fix it
	Preprocess     json.RawMessage   `json:"preprocess"`      // any JSON; nil stands for null
	Plan           json.RawMessage   `json:"plan"`            // captures, edits, start; any JSON
	DType          string            `json:"dtype"`           // of the computation
	Backend        string            `json:"backend"`         // such as "xla:cpu"
	BackendVersion string            `json:"backend_version"` //
	CodeVersion    string            `json:"code_version"`    //
	Seed           uint64            `json:"seed"`            //
	Batch          int               `json:"batch"`           // stimuli a step
	Extra          map[string]string `json:"extra"`           // anything else the values depend on
}

// Hash is the content address: the SHA-256, in hexadecimal, of the canonical JSON. Spacing and key order of
// Preprocess and Plan do not change it; their numbers count as they are spelled. A manifest that Validate
// refuses has a hash too, but no recording.
func (m Manifest) Hash() string {
	c, err := m.canonical()
	if err != nil {
		c = fmt.Appendf(nil, "invalid manifest: %#v", m)
	}
	sum := sha256.Sum256(c)
	return hex.EncodeToString(sum[:])
}

// Validate checks that Preprocess and Plan are JSON.
func (m Manifest) Validate() error {
	_, err := m.canonical()
	return err
}

// canonical is the manifest as JSON without spaces, its own fields in the order of the struct and all nested keys
// sorted.
func (m Manifest) canonical() ([]byte, error) {
	var err error
	if m.Preprocess, err = canonicalJSON(m.Preprocess); err != nil {
		return nil, fmt.Errorf("manifest: preprocess: %w", err)
	}
	if m.Plan, err = canonicalJSON(m.Plan); err != nil {
		return nil, fmt.Errorf("manifest: plan: %w", err)
	}
	if m.Extra == nil {
		m.Extra = map[string]string{}
	}
	return compact(m)
}

func canonicalJSON(raw json.RawMessage) (json.RawMessage, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return json.RawMessage("null"), nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return compact(v)
}

// compact marshals without escaping HTML and without a line end.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// differences names the fields in which two JSON objects differ, with both values where they are short.
func differences(have, want []byte) string {
	var h, w map[string]json.RawMessage
	if json.Unmarshal(have, &h) != nil || json.Unmarshal(want, &w) != nil {
		return "they cannot be compared"
	}
	keys := map[string]bool{}
	for k := range h {
		keys[k] = true
	}
	for k := range w {
		keys[k] = true
	}
	var out []string
	for k := range keys {
		if !bytes.Equal(h[k], w[k]) {
			out = append(out, fmt.Sprintf("%s: there %s, asked %s", k, short(h[k]), short(w[k])))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func short(b []byte) string {
	if b == nil {
		return "nothing"
	}
	if len(b) > 120 {
		return fmt.Sprintf("%s... (%d bytes)", b[:120], len(b))
	}
	return string(b)
}
