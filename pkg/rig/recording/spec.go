package recording

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ventral-lab/ventral/internal/zarr"
)

// Status says what became of a stimulus.
type Status string

// The statuses. Only OK rows have values; the others read as NaN.
const (
	OK      Status = "ok"      // recorded
	Corrupt Status = "corrupt" // the picture could not be read; Row.Message says why
	Skipped Status = "skipped" // left out on purpose; Row.Message says why
	Missing Status = "missing" // not recorded yet; never written, read where a chunk is not there
)

// statuses in the order of their codes on disk.
var statuses = [...]Status{Missing, OK, Corrupt, Skipped}

func (s Status) code() (uint8, bool) {
	for i, x := range statuses {
		if x == s && i > 0 {
			return uint8(i), true
		}
	}
	return 0, false
}

// ArraySpec describes one recorded array. Its shape on disk is [stimuli, Shape...].
type ArraySpec struct {
	// Name is the array's name in the recording: letters, digits and . _ - : @ + = , ( ) [ ] { } ~ #
	Name string `json:"name"`
	// Site is the name of the site it was taken from.
	Site string `json:"site,omitempty"`
	// Reduction is what was done to the site's value before it was kept; empty for nothing.
	Reduction string `json:"reduction,omitempty"`
	// Axes name the dimensions of Shape, "" for one without a name; nil for none.
	Axes []string `json:"axes,omitempty"`
	// Shape is the shape for one stimulus; nil for a single number.
	Shape []int `json:"shape"`
	// DType is the element type on disk: "float32" (also ""), "float16", "float64", "int32" or "int64".
	DType string `json:"dtype"`
}

// Size is the number of values for one stimulus.
func (s ArraySpec) Size() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// Row is what is known about one stimulus besides its recorded values.
type Row struct {
	ID          string // unique in the recording
	ContentHash string // hash of the picture as it was fed, "" if there was none
	Status      Status
	Message     string         // why the status is not ok
	Labels      map[string]any // a value for every Column: float64, int64, string or bool
}

// Column describes a label that every stimulus has.
type Column struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // KindFloat, KindInt, KindString or KindBool
	Unit string `json:"unit,omitempty"`
	Doc  string `json:"doc,omitempty"`
}

// The kinds of columns, the same words as datasets.Kind, with the type of their values in Row.Labels.
const (
	KindFloat  = "float"  // float64; NaN where the row has none
	KindInt    = "int"    // int64; 0 where the row has none
	KindString = "string" // string; "" where the row has none
	KindBool   = "bool"   // bool; false where the row has none
)

var arrayTypes = map[string]zarr.DType{
	"float32": zarr.Float32, "float16": zarr.Float16, "float64": zarr.Float64, "int32": zarr.Int32, "int64": zarr.Int64,
}

var columnTypes = map[string]zarr.DType{
	KindFloat: zarr.Float64, KindInt: zarr.Int64, KindString: zarr.String, KindBool: zarr.Bool,
}

// The groups of the stimulus table, reserved at the top level.
const (
	stimuliGroup = "stimuli"
	labelsGroup  = "labels"
)

// checkSpecs validates and normalises the arrays and columns of a recording.
func checkSpecs(arrays []ArraySpec, columns []Column) ([]ArraySpec, []Column, error) {
	if len(arrays) > maxArrays || len(columns) > maxColumns {
		return nil, nil, fmt.Errorf("%d arrays and %d columns, at most %d and %d", len(arrays), len(columns), maxArrays, maxColumns)
	}
	seen := map[string]string{stimuliGroup: stimuliGroup, labelsGroup: labelsGroup}
	as := make([]ArraySpec, len(arrays))
	for i, a := range arrays {
		if err := checkName("array", a.Name, seen); err != nil {
			return nil, nil, err
		}
		if a.DType == "" {
			a.DType = "float32"
		}
		if _, ok := arrayTypes[a.DType]; !ok {
			return nil, nil, fmt.Errorf("array %q: dtype %q, want float32, float16, float64, int32 or int64", a.Name, a.DType)
		}
		if len(a.Axes) > 0 && len(a.Axes) != len(a.Shape) {
			return nil, nil, fmt.Errorf("array %q: %d axes %q for shape %v", a.Name, len(a.Axes), a.Axes, a.Shape)
		}
		if len(a.Axes) == 0 {
			a.Axes = nil
		}
		for _, d := range a.Shape {
			if d < 1 {
				return nil, nil, fmt.Errorf("array %q: shape %v has an extent below 1", a.Name, a.Shape)
			}
		}
		if a.Shape == nil {
			a.Shape = []int{}
		}
		as[i] = a
	}
	seen = map[string]string{}
	for _, c := range columns {
		if err := checkName("column", c.Name, seen); err != nil {
			return nil, nil, err
		}
		if _, ok := columnTypes[c.Kind]; !ok {
			return nil, nil, fmt.Errorf("column %q: kind %q, want float, int, string or bool", c.Name, c.Kind)
		}
	}
	return as, append([]Column{}, columns...), nil
}

// checkName holds names to what is a legal Zarr node name (core specification, "node names") and a folder on
// every file system: no separators, nothing hidden, no two that differ by case alone.
func checkName(what, name string, seen map[string]string) error {
	bad := func(why string) error { return fmt.Errorf("%s name %.80q: %s", what, name, why) }
	switch {
	case name == "":
		return bad("it is empty")
	case len(name) > maxNameBytes:
		return bad(fmt.Sprintf("%d bytes, at most %d", len(name), maxNameBytes))
	case name[0] == '.' || strings.HasPrefix(name, "__") || name == zarr.MetadataName:
		return bad("Zarr reserves names that begin with . or __")
	case !utf8.ValidString(name):
		return bad("it is not UTF-8")
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-:@+=,()[]{}~#", r) {
			return bad(fmt.Sprintf("character %q is not allowed", r))
		}
	}
	key := strings.ToLower(name)
	if other, ok := seen[key]; ok {
		return bad(fmt.Sprintf("taken by %q (case does not count)", other))
	}
	seen[key] = name
	return nil
}
