package figure

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// Table is a part of a figure's data as Save writes it to CSV: a header and rows of text, one observation a row.
// Numbers have as many digits as it takes to read the same float64 back; a missing value is an empty cell.
type Table struct {
	Part   string // "" where a figure has one table; else the CSV is NAME_PART.csv
	Header []string
	Rows   [][]string
}

// csv is the table as comma-separated values (RFC 4180, with plain newlines).
func (t Table) csv() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(t.Header); err != nil {
		return nil, err
	}
	if err := w.WriteAll(t.Rows); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// cell prints a number for a table.
func cell(v float64) string {
	if v != v {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// printDPI is the resolution of the PNG that Save writes, what journals ask of colour pictures.
const printDPI = 300

// module is the path that code versions are looked up by.
const module = "github.com/ventral-lab/ventral"

// Provenance is what NAME.json says of a figure.
type Provenance struct {
	Name       string         `json:"name"`
	Kind       string         `json:"kind"` // the constructor
	Title      string         `json:"title,omitempty"`
	Caption    string         `json:"caption,omitempty"`
	WidthMM    float64        `json:"width_mm"`
	HeightMM   float64        `json:"height_mm"`
	Code       Code           `json:"code"`
	Parameters map[string]any `json:"parameters,omitempty"`
	Sources    []string       `json:"sources,omitempty"`
	Data       []File         `json:"data"`
	Pictures   []File         `json:"pictures"`
}

// Code is the program that drew a figure, as far as the Go tool chain recorded it.
type Code struct {
	Module   string `json:"module"`
	Version  string `json:"version,omitempty"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // the working tree had changes that no revision holds
	Go       string `json:"go"`
}

// File is a file that lies beside the JSON.
type File struct {
	Name   string `json:"name"`
	Rows   int    `json:"rows,omitempty"`
	SHA256 string `json:"sha256"`
}

// Save writes NAME.png (300 dpi), NAME.svg, NAME.pdf, the plotted data as NAME.csv (or NAME_PART.csv for each part)
// and NAME.json, a Provenance, into dir, which it makes if need be, and returns the paths. Each file is written under
// a temporary name in dir, synced and renamed; the JSON comes last and holds the SHA-256 of the others, so that a
// figure with a JSON is whole. Equal figures give equal files.
func (f *Figure) Save(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("figure %s: making its folder: %w", f.Name, err)
	}
	w, h := f.Size()
	p := Provenance{Name: f.Name, Kind: f.kind, Title: f.Title, Caption: f.Caption, WidthMM: round2(w), HeightMM: round2(h), Code: buildCode(),
		Parameters: f.params, Sources: f.sources, Data: []File{}, Pictures: []File{}}
	if _, err := json.Marshal(f.params); err != nil {
		return nil, fmt.Errorf("figure %s: a parameter cannot be written as JSON: %w", f.Name, err)
	}
	var paths []string
	put := func(name string, b []byte) (File, error) {
		path := filepath.Join(dir, name)
		if err := atomicfile.WriteFile(path, b, "figure"); err != nil {
			return File{}, fmt.Errorf("figure %s: %w", f.Name, err)
		}
		paths = append(paths, path)
		sum := sha256.Sum256(b)
		return File{Name: name, SHA256: hex.EncodeToString(sum[:])}, nil
	}
	for _, r := range []struct {
		ext  string
		draw func() ([]byte, error)
	}{{".png", func() ([]byte, error) { return f.PNG(printDPI) }}, {".svg", f.SVG}, {".pdf", f.PDF}} {
		b, err := r.draw()
		if err != nil {
			return paths, err
		}
		e, err := put(f.Name+r.ext, b)
		if err != nil {
			return paths, err
		}
		p.Pictures = append(p.Pictures, e)
	}
	for _, t := range f.Data() {
		b, err := t.csv()
		if err != nil {
			return paths, fmt.Errorf("figure %s: table %q: %w", f.Name, t.Part, err)
		}
		name := f.Name + ".csv"
		if t.Part != "" {
			name = f.Name + "_" + t.Part + ".csv"
		}
		e, err := put(name, b)
		if err != nil {
			return paths, err
		}
		e.Rows = len(t.Rows)
		p.Data = append(p.Data, e)
	}
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return paths, fmt.Errorf("figure %s: provenance: %w", f.Name, err)
	}
	if _, err := put(f.Name+".json", append(b, '\n')); err != nil {
		return paths, err
	}
	return paths, nil
}

func round2(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', 2, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// buildCode looks this module up in the build information, whether it is the main module or a notebook's dependency.
func buildCode() Code {
	c := Code{Module: module, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return c
	}
	if info.Main.Path != module {
		for _, d := range info.Deps {
			if d.Path == module {
				c.Version = d.Version
				if d.Replace != nil {
					c.Version = d.Replace.Version
				}
			}
		}
		return c
	}
	c.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			c.Revision = s.Value
		case "vcs.modified":
			c.Modified = s.Value == "true"
		}
	}
	return c
}
