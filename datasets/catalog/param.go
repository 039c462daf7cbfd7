package catalog

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// param is a parameter and what reads its value.
type param struct {
	Param
	set func(value string) error
}

// set reads name=value&name=value into the parameters.
func set(params []param, query string) error {
	given := map[string]bool{}
	for _, part := range strings.Split(query, "&") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || name == "" || value == "" {
			return fmt.Errorf("%q is not name=value; parameters are %s", part, list(params))
		}
		p := find(params, name)
		if p == nil {
			return fmt.Errorf("there is no parameter %q%s; there are %s", name, nearest(name, names(params)), list(params))
		}
		if given[name] {
			return fmt.Errorf("%s is given twice", name)
		}
		given[name] = true
		if err := p.set(value); err != nil {
			return err
		}
	}
	return nil
}

func find(params []param, name string) *param {
	for i := range params {
		if params[i].Name == name {
			return &params[i]
		}
	}
	return nil
}

func names(params []param) []string {
	out := make([]string, len(params))
	for i, p := range params {
		out[i] = p.Name
	}
	return out
}

func list(params []param) string { return strings.Join(names(params), ", ") }

func positive(name string, v *int, doc string) param {
	return param{Param{name, doc}, func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("%s = %q is not a whole number above 0 (%s)", name, s, doc)
		}
		*v = n
		return nil
	}}
}

func seed(v *uint64) param {
	const doc = "other seeds, other stimuli; default 0"
	return param{Param{"seed", doc}, func(s string) error {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return fmt.Errorf("seed = %q is not a whole number from 0 to 2^64-1", s)
		}
		*v = n
		return nil
	}}
}

func length(name string, v *float64, doc string) param {
	return param{Param{name, doc}, func(s string) error {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || !(x > 0) || math.IsInf(x, 1) {
			return fmt.Errorf("%s = %q is not a number above 0 (%s)", name, s, doc)
		}
		*v = x
		return nil
	}}
}

func text(name string, v *string, doc string) param {
	return param{Param{name, doc}, func(s string) error {
		*v = s
		return nil
	}}
}

func flag(name string, v *bool, doc string) param {
	return param{Param{name, doc}, func(s string) error {
		switch s {
		case "true":
			*v = true
		case "false":
			*v = false
		default:
			return fmt.Errorf("%s = %q is neither true nor false", name, s)
		}
		return nil
	}}
}

// nearest is ", did you mean X" for the name that is fewest edits away, if that is at most half of it.
func nearest(name string, names []string) string {
	best, least := "", len(name)/2+1
	for _, n := range names {
		if d := distance(name, strings.TrimSuffix(n, ":")); d < least {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q", best)
}

// distance is the Levenshtein distance in bytes. Names are short; what is too long to be a slip of the pen is far from everything.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
