// Package verified holds what was verified of the architectures and when: the reference cases that were run on both
// backends, with the worst error of each, and the full-size checkpoints of other libraries whose names and shapes were
// matched. `ventral models verify --write` runs everything, writes verified.json and renders docs/verified-models.md from
// it; cards quote it.
//
// # Invariants
//
//   - Nothing in verified.json is written by hand, and it holds no case that failed.
//   - The page says nothing that is not in it or on the cards.
//
// # Limits
//
// Errors are those of the machine that wrote the file; other processors round otherwise, within the tolerance. No
// published weights were run: they cannot be had where the file was made.
package verified

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// File is where the record lies in the module.
const File = "models/verified/verified.json"

//go:embed verified.json
var embedded []byte

// Record is everything that was verified.
type Record struct {
	Date   string  `json:"date"` // of the run, YYYY-MM-DD
	Cases  []Case  `json:"cases"`
	Tables []Table `json:"tables"`
}

// Case is one weights file of a reference case: a small network whose every inner value another library computed.
type Case struct {
	Case         string             `json:"case"`
	Architecture string             `json:"architecture"` // "clip-vit"
	Layout       string             `json:"layout"`       // whose names the weights have
	Weights      string             `json:"weights"`
	Libraries    string             `json:"libraries"` // with versions
	About        string             `json:"about"`
	Compared     int                `json:"compared"` // tensors
	Worst        map[string]float64 `json:"worst"`    // by backend: the largest error over the peak of its tensor

	NotComparable []string `json:"not_comparable,omitempty"` // tensors, each with the reason
}

// Table is a full-size checkpoint's names and shapes, from a library that built the model without its weights.
type Table struct {
	Table        string   `json:"table"`
	Source       string   `json:"source"`
	Architecture string   `json:"architecture"`
	Layout       string   `json:"layout"`
	Tensors      int      `json:"tensors"`
	Parameters   int      `json:"parameters"`       // as the library counts them
	Models       []string `json:"models,omitempty"` // of the zoo, whose shapes are exactly these after renaming
}

// Load returns the record of the last run.
func Load() (Record, error) {
	var r Record
	if err := json.Unmarshal(embedded, &r); err != nil {
		return r, fmt.Errorf("%s: %w", File, err)
	}
	return r, nil
}

// Encode is the content of the file.
func (r Record) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", " ")
	return append(b, '\n'), err
}

// Of returns the cases of an architecture.
func (r Record) Of(architecture string) []Case {
	var out []Case
	for _, c := range r.Cases {
		if c.Architecture == architecture {
			out = append(out, c)
		}
	}
	return out
}

// Matched returns the tables that a model of the zoo matches.
func (r Record) Matched(model string) []Table {
	var out []Table
	for _, t := range r.Tables {
		for _, m := range t.Models {
			if m == model {
				out = append(out, t)
			}
		}
	}
	return out
}

// Summary says in one line what was verified of a model and its architecture, "" for nothing.
func (r Record) Summary(architecture, model string) string {
	cases := r.Of(architecture)
	if len(cases) == 0 {
		return ""
	}
	tensors, names := 0, map[string]bool{}
	for _, c := range cases {
		tensors += c.Compared
		names[c.Case] = true
	}
	text := fmt.Sprintf("%s: %d values of %d reference networks, worst error %s of the peak", r.Date, tensors, len(names), worst(cases))
	var tables []string
	for _, t := range r.Matched(model) {
		tables = append(tables, t.Table)
	}
	if len(tables) > 0 {
		text += "; names and shapes at full size: " + strings.Join(tables, ", ")
	}
	return text
}

// worst is the largest error by backend, in the order of their names.
func worst(cases []Case) string {
	all := map[string]float64{}
	for _, c := range cases {
		for b, e := range c.Worst {
			all[b] = max(all[b], e)
		}
	}
	var text []string
	for b := range all {
		text = append(text, fmt.Sprintf("%.1e (%s)", all[b], b))
	}
	sort.Strings(text)
	return strings.Join(text, ", ")
}
