package export

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image"
	"image/png"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/parallel"
)

// tag is in the names of temporary files.
const tag = "export"

// unnamedClass is the folder of stimuli whose label is empty.
const unnamedClass = "none"

// ImageFolder writes every stimulus as dir/CLASS/ID.png, where CLASS is the value of the label, and dir/labels.csv: the file, the caption and
// all labels of each. done, if not nil, is called as stimuli are finished, from several goroutines. A stimulus that cannot be read
// is an error: an export is complete or says that it is not.
func ImageFolder(set datasets.Set, dir, label string, done func()) error {
	columns := set.Columns()
	found := false
	var names []string
	for _, c := range columns {
		found = found || c.Name == label
		names = append(names, c.Name)
	}
	if !found {
		return fmt.Errorf("export: %s has no label %q; it has %s", set.Spec(), label, strings.Join(names, ", "))
	}
	rows := make([][]string, set.Len())
	classes := map[string]bool{}
	// The names of the classes come first, so that folders are made once and files from several goroutines.
	err := each(set.Len(), done, func(i int) error {
		s, err := set.At(i)
		if err != nil {
			return err
		}
		class := folderName(fmt.Sprint(s.Labels[label]))
		path := filepath.Join(class, folderName(s.ID)+".png")
		row := []string{filepath.ToSlash(path), s.Caption}
		for _, c := range columns {
			row = append(row, fmt.Sprint(s.Labels[c.Name]))
		}
		rows[i] = row
		if err := makeOnce(classes, filepath.Join(dir, class)); err != nil {
			return err
		}
		return writePNG(filepath.Join(dir, path), s.Image)
	})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(append([][]string{append([]string{"file", "caption"}, names...)}, rows...)); err != nil {
		return fmt.Errorf("export: labels.csv: %w", err)
	}
	return atomicfile.WriteFile(filepath.Join(dir, "labels.csv"), b.Bytes(), tag)
}

// folderName makes a label a name that is one folder or file on every system.
func folderName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.TrimRight(s, " ."))
	if s = strings.TrimLeft(s, "."); s == "" {
		return unnamedClass
	}
	return s
}

var making sync.Mutex

// makeOnce makes a folder that is not in made yet.
func makeOnce(made map[string]bool, dir string) error {
	making.Lock()
	defer making.Unlock()
	if made[dir] {
		return nil
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	made[dir] = true
	return nil
}

// each runs f for 0 to n-1 on all processors and returns the error of the lowest index that failed.
func each(n int, done func(), f func(i int) error) error {
	var mu sync.Mutex
	first, at := error(nil), n
	parallel.For(n, func(i int) {
		mu.Lock()
		skip := i > at
		mu.Unlock()
		if skip {
			return
		}
		if err := f(i); err != nil {
			mu.Lock()
			if i < at {
				first, at = fmt.Errorf("export: stimulus %d: %w", i, err), i
			}
			mu.Unlock()
		}
		if done != nil {
			done()
		}
	})
	return first
}

func writePNG(path string, img image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return err
	}
	return atomicfile.WriteFile(path, b.Bytes(), tag)
}
