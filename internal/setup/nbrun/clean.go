package nbrun

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// Kernel is what a stored notebook says it runs on.
type Kernel struct{ Name, Display string }

// Clean returns the notebook as it is committed: outputs kept, pictures as PNG alone where there is one, numbered
// cells, and nothing that differs from run to run or tells of the machine: no times, no kernel version, no widget
// state, no path of the clone (roots, replaced by ".") and no path of the temporary folder cells are compiled in.
func Clean(notebook []byte, k Kernel, roots ...string) ([]byte, error) {
	nb, err := parse(notebook)
	if err != nil {
		return nil, err
	}
	nb["metadata"] = map[string]any{
		"kernelspec":    map[string]any{"name": k.Name, "display_name": k.Display, "language": "go"},
		"language_info": map[string]any{"name": "go", "file_extension": ".go", "mimetype": "text/x-go", "pygments_lexer": "go"},
	}
	nb["nbformat"], nb["nbformat_minor"] = 4, 5
	cells, _ := nb["cells"].([]any)
	count := 0
	for i, c := range cells {
		cell, ok := c.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("notebook: cell %d is not an object", i)
		}
		cleanMetadata(cell)
		cell["id"] = fmt.Sprintf("cell-%02d", i)
		source := text(cell["source"])
		cell["source"] = lines(source)
		if cell["cell_type"] != "code" {
			delete(cell, "outputs")
			delete(cell, "execution_count")
			continue
		}
		cell["execution_count"] = nil
		outputs, _ := cell["outputs"].([]any)
		if len(outputs) > 0 || strings.TrimSpace(source) != "" {
			count++
			cell["execution_count"] = count
		}
		kept, err := cleanOutputs(outputs, count, roots)
		if err != nil {
			return nil, fmt.Errorf("notebook: cell %d: %w", i, err)
		}
		cell["outputs"] = kept
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(nb); err != nil {
		return nil, fmt.Errorf("notebook: %w", err)
	}
	return b.Bytes(), nil
}

// keptMetadata are the cell metadata that an author sets and a reader sees.
var keptMetadata = []string{"tags", "jupyter", "collapsed", "scrolled"}

func cleanMetadata(cell map[string]any) {
	old, _ := cell["metadata"].(map[string]any)
	kept := map[string]any{}
	for _, key := range keptMetadata {
		if v, ok := old[key]; ok {
			kept[key] = v
		}
	}
	cell["metadata"] = kept
}

func cleanOutputs(outputs []any, count int, roots []string) ([]any, error) {
	kept := []any{}
	for _, o := range outputs {
		output, ok := o.(map[string]any)
		if !ok {
			return nil, errors.New("an output is not an object")
		}
		delete(output, "transient")
		switch output["output_type"] {
		case "stream":
			output["text"] = lines(anonymous(text(output["text"]), roots))
		case "error":
			return nil, fmt.Errorf("it failed (%s): a notebook with an error is not stored", strings.TrimSpace(text(output["evalue"])))
		default:
			output["metadata"] = pictureSize(output["metadata"])
			if _, ok := output["execution_count"]; ok {
				output["execution_count"] = count
			}
			data, _ := output["data"].(map[string]any)
			output["data"] = cleanData(data, roots)
		}
		kept = append(kept, output)
	}
	return kept, nil
}

// pictureSize keeps the size a PNG is to be shown at, which differs from its pixels on fine screens.
func pictureSize(metadata any) map[string]any {
	all, _ := metadata.(map[string]any)
	png, _ := all["image/png"].(map[string]any)
	size := map[string]any{}
	for _, key := range []string{"width", "height"} {
		if n, ok := png[key].(json.Number); ok {
			size[key] = n
		}
	}
	if len(size) == 0 {
		return size
	}
	return map[string]any{"image/png": size}
}

// cleanData keeps one picture a bundle and leaves private MIME types out.
func cleanData(data map[string]any, roots []string) map[string]any {
	kept := map[string]any{}
	_, png := data["image/png"]
	for mime, v := range data {
		switch {
		case mime == "image/png":
			kept[mime] = strings.TrimSpace(text(v))
		case strings.HasPrefix(mime, "text/"):
			kept[mime] = lines(anonymous(text(v), roots))
		case mime == "image/svg+xml" && !png:
			kept[mime] = lines(text(v))
		}
	}
	return kept
}

// cellFolder is where GoNB compiles cells.
var cellFolder = regexp.MustCompile(`(?:/[\w.+-]+)+/gonb_[0-9a-f]+/?`)

// anonymous takes paths out until none is left: taking one out can join its neighbours into another. Each pass
// makes the text shorter, so it ends.
func anonymous(s string, roots []string) string {
	for before := ""; s != before; {
		before = s
		s = cellFolder.ReplaceAllString(s, "")
		for _, root := range roots {
			if len(root) > 1 {
				s = strings.ReplaceAll(s, root, ".")
			}
		}
	}
	return s
}

// parse reads a notebook of format 4.
func parse(b []byte) (map[string]any, error) {
	if len(b) > maxRead {
		return nil, fmt.Errorf("notebook: %d bytes, at most %d are read", len(b), maxRead)
	}
	if err := shallow(b); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var nb map[string]any
	if err := d.Decode(&nb); err != nil {
		return nil, fmt.Errorf("notebook: %w", err)
	}
	if major, ok := nb["nbformat"].(json.Number); !ok || major != "4" {
		return nil, fmt.Errorf("notebook: format %v, only 4 is read", nb["nbformat"])
	}
	if _, ok := nb["cells"].([]any); !ok {
		return nil, errors.New("notebook: no list of cells")
	}
	return nb, nil
}

// shallow refuses nesting that no notebook has, before it is turned into values.
func shallow(b []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("notebook: nested deeper than %d levels", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// text reads nbformat's multiline string, a string or a list of strings.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var b strings.Builder
		for _, line := range v {
			s, _ := line.(string)
			b.WriteString(s)
		}
		return b.String()
	}
	return ""
}

// lines is the form multiline strings have on disk, so that diffs of notebooks are by line.
func lines(s string) []string {
	if s == "" {
		return []string{}
	}
	parts := strings.SplitAfter(s, "\n")
	if parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// Store cleans the executed notebook and puts it in place of target, unless it would not pass Check.
func Store(executed, target string, k Kernel, roots ...string) error {
	b, err := os.ReadFile(executed)
	if err != nil {
		return fmt.Errorf("store %s: %w", target, err)
	}
	clean, err := Clean(b, k, roots...)
	if err != nil {
		return fmt.Errorf("store %s: %w", target, err)
	}
	if err := Check(clean, k); err != nil {
		return fmt.Errorf("store %s: %w", target, err)
	}
	return atomicfile.WriteFile(target, clean, "")
}
