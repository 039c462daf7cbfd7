package weights

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The kinds of failure; test with errors.Is. Errors about the content of a safetensors file are those of
// internal/safetensors.
var (
	// ErrNotFound means that there are no weights where the reference points.
	ErrNotFound = errors.New("no weights found")
	// ErrFormat means a file in a format that is refused.
	ErrFormat = errors.New("format not read")
	// ErrIndex means that an index and its files disagree.
	ErrIndex = errors.New("bad index")
	// ErrMissing means that a set lacks a tensor.
	ErrMissing = errors.New("missing tensor")
	// ErrShape means that a tensor has another shape than its reader wants.
	ErrShape = errors.New("wrong shape")
	// ErrLayout means names that belong to no known layout, or that a mapping cannot place.
	ErrLayout = errors.New("unknown layout")
	// ErrOffline means that something would have to be downloaded, and must not be.
	ErrOffline = errors.New("offline")
	// ErrDownload means that the hub refused, or that what it sent is not what it announced.
	ErrDownload = errors.New("download failed")
)

func missing(where, name string, names []string) error {
	near := nearest(name, names, 3)
	remedy := "the set is empty"
	if len(near) > 0 {
		remedy = "nearest names: " + strings.Join(near, ", ")
	}
	return fmt.Errorf("weights: %s: %w %q among %d; %s", where, ErrMissing, name, len(names), remedy)
}

// nearest returns the n names at the smallest edit distance (Levenshtein 1966) from want.
func nearest(want string, names []string, n int) []string {
	type scored struct {
		name     string
		distance int
	}
	const longest = 200 // names are shorter; a hostile one must not cost quadratic time
	var all []scored
	row := make([]int, longest+1)
	for _, name := range names {
		a, b := want[:min(len(want), longest)], name[:min(len(name), longest)]
		for j := range len(b) + 1 {
			row[j] = j
		}
		for i := range len(a) {
			diagonal := row[0]
			row[0] = i + 1
			for j := range len(b) {
				cost := diagonal
				if a[i] != b[j] {
					cost++
				}
				diagonal = row[j+1]
				row[j+1] = min(cost, diagonal+1, row[j]+1)
			}
		}
		all = append(all, scored{name, row[len(b)]})
	}
	slices.SortFunc(all, func(x, y scored) int {
		if x.distance != y.distance {
			return x.distance - y.distance
		}
		return strings.Compare(x.name, y.name)
	})
	var out []string
	for _, s := range all[:min(n, len(all))] {
		out = append(out, s.name)
	}
	return out
}
