package notebook

import (
	"fmt"
	"strings"
)

// Must is v when err is nil. Otherwise it prints the error and ends the cell with status 1:
//
//	fig := notebook.Must(figure.Lines(...))
func Must[T any](v T, err error) T {
	Check(err)
	return v
}

// Check ends the cell with status 1 after printing err; it does nothing when err is nil.
func Check(err error) {
	if err == nil {
		return
	}
	fmt.Fprint(stderr(), readable(err))
	exit(1)
}

// readable prints an error for a reader of the notebook: the lines of its message, indented under one sentence.
func readable(err error) string {
	var b strings.Builder
	b.WriteString("This cell stopped:\n")
	for _, line := range strings.Split(strings.TrimSpace(err.Error()), "\n") {
		if strings.TrimSpace(line) != "" {
			b.WriteString("  " + line + "\n")
		}
	}
	return b.String()
}
