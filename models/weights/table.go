package weights

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Table is the names and shapes of a checkpoint without its numbers, as a library gives them for a model that it built.
type Table struct {
	Model      string           `json:"model"`
	Source     string           `json:"source"`     // library, version and what was called
	Parameters int              `json:"parameters"` // as the library counts them
	Keys       map[string][]int `json:"keys"`
}

// ReadTable reads a table from a JSON file.
func ReadTable(path string) (Table, error) {
	var t Table
	f, err := os.Open(path)
	if err != nil {
		return t, fmt.Errorf("weights: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxIndex+1))
	if err != nil {
		return t, fmt.Errorf("weights: %s: %w", path, err)
	}
	if len(b) > maxIndex {
		return t, fmt.Errorf("weights: %s: a table has at most %d bytes", path, maxIndex)
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fmt.Errorf("weights: %s: %w", path, err)
	}
	if len(t.Keys) == 0 {
		return t, fmt.Errorf("weights: %s: it names no tensors; want {\"model\": ..., \"keys\": {name: shape}}", path)
	}
	return t, nil
}

// CanonicalShapes is Canonical for names and shapes alone: what a checkpoint is, and its shapes under the canonical names.
func CanonicalShapes(shapes map[string][]int) (map[string][]int, Found, error) {
	found, err := Detect(sortedNames(shapes))
	if err != nil {
		return nil, found, err
	}
	m, err := familyOf(found.Architecture).toCanonical(found.Layout, shapes)
	if err != nil {
		return nil, found, err
	}
	out, err := m.Shapes(shapes)
	return out, found, err
}
