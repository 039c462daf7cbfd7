// Package golden runs reference cases: weights, inputs and every inner value of a small network, computed by the
// reference library, against this module's model of it.
//
// A case is a folder with manifest.json, the weights it names and io.safetensors, whose keys are in.* (inputs), act.SITE
// (the value of a site), out.* (results), grad.* (gradients) and probe_eps.* (results after the weights named in
// config.eps_probe were multiplied by a factor, which makes layer-norm epsilons visible).
//
// # Invariants
//
//   - An error is the largest absolute difference over the largest absolute value of the reference tensor.
//   - Every reference tensor is compared or listed as not comparable, with the reason; a case with nothing compared fails.
package golden

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// Tolerances relative to a tensor's peak: six times above float32 rounding, six times below the smallest mutation that
// was tried on the references.
const (
	Tolerance     = 5e-5
	GradTolerance = 1e-4
)

// Row is the comparison of one tensor.
type Row struct {
	Tensor string  `json:"tensor"`
	Site   string  `json:"site,omitempty"`
	Shape  []int   `json:"shape"`
	Error  float64 `json:"error"` // largest difference over the reference's peak
	OK     bool    `json:"ok"`
	Reason string  `json:"reason,omitempty"` // why it could not be compared
}

// Report is the result of one weights file of one case.
type Report struct {
	Case          string `json:"case"`
	Weights       string `json:"weights"`
	Layout        string `json:"layout"`
	Backend       string `json:"backend"`
	Rows          []Row  `json:"rows"`
	Error         string `json:"error,omitempty"` // why the weights could not be opened
	NotComparable []Row  `json:"not_comparable"`

	Versions map[string]any `json:"-"` // of the libraries where the case was made: a string, or a list of them
	About    string         `json:"-"` // the case's first note
}

// Failed counts the rows beyond tolerance; weights that could not be opened count as one.
func (r Report) Failed() int {
	n := 0
	if r.Error != "" {
		n++
	}
	for _, row := range r.Rows {
		if !row.OK {
			n++
		}
	}
	return n
}

// Worst is the row with the largest error.
func (r Report) Worst() (w Row) {
	for _, row := range r.Rows {
		if row.Error >= w.Error {
			w = row
		}
	}
	return w
}

// Options of Verify. The zero value compares with the package's tolerances.
type Options struct {
	Tolerance float64 // replaces both tolerances where it is not 0
}

// manifest is the part of manifest.json that is read.
type manifest struct {
	Case         string            `json:"case"`
	Architecture map[string]string `json:"architecture"`
	Config       json.RawMessage   `json:"config"`
	Versions     map[string]any    `json:"versions"`
	Notes        []string          `json:"notes"`
	// Gradients says what the gradients of the case are of, for families whose session reads it.
	Gradients json.RawMessage `json:"gradients"`
	// Only names the weights files that a tensor belongs to, where it does not belong to all: libraries can differ on a
	// case's rarer inputs.
	Only map[string][]string `json:"only"`
}

// Verify runs every case in dir, which holds one case or a folder of cases.
func Verify(dir string, be *backend.Backend, o Options) ([]Report, error) {
	cases, err := find(dir)
	if err != nil {
		return nil, err
	}
	var reports []Report
	for _, c := range cases {
		rs, err := verifyCase(c, be, o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
		reports = append(reports, rs...)
	}
	return reports, nil
}

func find(dir string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err == nil {
		return []string{dir}, nil
	}
	m, err := filepath.Glob(filepath.Join(dir, "*", "manifest.json"))
	if err != nil || len(m) == 0 {
		return nil, fmt.Errorf("%s holds no reference case: want manifest.json there or in a folder below", dir)
	}
	for i := range m {
		m[i] = filepath.Dir(m[i])
	}
	sort.Strings(m)
	return m, nil
}

// maxManifest bounds manifest.json, which lists tensors and is some tens of kilobytes.
const maxManifest = 16 << 20

func verifyCase(dir string, be *backend.Backend, o Options) ([]Report, error) {
	path := filepath.Join(dir, "manifest.json")
	if st, err := os.Stat(path); err != nil {
		return nil, err
	} else if st.Size() > maxManifest {
		return nil, fmt.Errorf("manifest.json is %d bytes, more than %d", st.Size(), maxManifest)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	ref, err := safetensors.Open(filepath.Join(dir, "io.safetensors"))
	if err != nil {
		return nil, err
	}
	defer ref.Close()
	if len(m.Architecture) == 0 { // as the generators leave it
		if m.Architecture, err = recognise(dir); err != nil {
			return nil, err
		}
	}
	var files []string
	for f := range m.Architecture {
		files = append(files, f)
	}
	sort.Strings(files)
	var reports []Report
	for _, f := range files {
		r := Report{Case: m.Case, Weights: f, Layout: m.Architecture[f], Backend: string(be.Kind), Versions: m.Versions}
		if len(m.Notes) > 0 {
			r.About = m.Notes[0]
		}
		s, err := open(m, filepath.Join(dir, filepath.Base(f)), m.Architecture[f], ref, be)
		if err != nil {
			r.Error = err.Error()
			reports = append(reports, r)
			continue
		}
		for _, key := range ref.Names() {
			if only, ok := m.Only[key]; strings.HasPrefix(key, "in.") || ok && !slices.Contains(only, f) {
				continue
			}
			t, _ := ref.Lookup(key)
			want, err := numbers(t)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			row := Row{Tensor: key, Shape: t.Shape}
			got, site, err := s.compute(key)
			row.Site = site
			if err != nil {
				row.Reason = err.Error()
				r.NotComparable = append(r.NotComparable, row)
				continue
			}
			row.Error, row.OK, row.Reason = compare(key, got, want, t.Shape, o)
			r.Rows = append(r.Rows, row)
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// recognise says what the weights files of a case are, "FAMILY/LAYOUT" by the file's name.
func recognise(dir string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "weights*.safetensors"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("manifest.json names no architecture, and there is no weights*.safetensors beside it")
	}
	found := map[string]string{}
	for _, path := range files {
		f, err := safetensors.Open(path)
		if err != nil {
			return nil, err
		}
		names := f.Names()
		if err := f.Close(); err != nil {
			return nil, err
		}
		is, err := weights.Detect(names)
		if err != nil {
			return nil, fmt.Errorf("%s: manifest.json names no architecture: %w", filepath.Base(path), err)
		}
		found[filepath.Base(path)] = is.String()
	}
	return found, nil
}

// numbers are the values of a tensor; whole ones, such as the ranks of patches, as floats.
func numbers(t safetensors.Tensor) ([]float32, error) {
	if !strings.HasPrefix(t.DType, "I") {
		return t.Float32()
	}
	ids, err := t.Int64()
	v := make([]float32, len(ids))
	for i, id := range ids {
		v[i] = float32(id)
	}
	return v, err
}

func compare(key string, got program.Value, want []float32, shape []int, o Options) (e float64, ok bool, why string) {
	if len(got.F32) != len(want) {
		return 1, false, fmt.Sprintf("the model gives shape %v, the reference %v", got.Dims, shape)
	}
	tol := Tolerance
	if strings.HasPrefix(key, "grad") {
		tol = GradTolerance
	}
	if o.Tolerance > 0 {
		tol = o.Tolerance
	}
	var diff, peak float64
	for i := range want {
		d := float64(got.F32[i]) - float64(want[i])
		if d != d {
			return 1, false, "NaN"
		}
		diff, peak = max(diff, d, -d), max(peak, float64(want[i]), -float64(want[i]))
	}
	if peak == 0 {
		peak = 1
	}
	e = diff / peak
	return e, e <= tol, ""
}
