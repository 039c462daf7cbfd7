package nbrun

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// machinePath matches absolute paths that only the machine a notebook ran on can have.
var machinePath = regexp.MustCompile(`(?:/home|/root|/Users|/tmp|/var/folders|/private|/mnt)/[\w.+-]+|[A-Z]:\\\\Users`)

// Check says what keeps a notebook from being committed: its size, a cell that was not executed or failed, the
// kernel it names, pictures other than PNG, paths of a machine, or bytes that Clean would change.
func Check(notebook []byte, k Kernel) error {
	if len(notebook) >= MaxStored {
		return fmt.Errorf("notebook: %.2f MB, must be under %d: show fewer or smaller pictures", float64(len(notebook))/(1<<20), MaxStored>>20)
	}
	again, err := Clean(notebook, k)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, notebook) {
		return errors.New("notebook: not as it is stored: run `ventral demo --store` on it")
	}
	nb, err := parse(notebook)
	if err != nil {
		return err
	}
	cells, _ := nb["cells"].([]any)
	shown := 0
	for i, c := range cells {
		cell, _ := c.(map[string]any)
		outputs, _ := cell["outputs"].([]any)
		shown += len(outputs)
		if found := machinePath.FindString(text(cell["source"])); found != "" {
			return fmt.Errorf("notebook: cell %d names a path of one machine: %s", i, found)
		}
		for _, o := range outputs {
			output, _ := o.(map[string]any)
			if err := checkOutput(output); err != nil {
				return fmt.Errorf("notebook: cell %d: %w", i, err)
			}
		}
	}
	if shown == 0 {
		return errors.New("notebook: no cell has an output: run `ventral demo --store` on it")
	}
	return nil
}

func checkOutput(output map[string]any) error {
	all := text(output["text"])
	data, _ := output["data"].(map[string]any)
	for mime, v := range data {
		if strings.HasPrefix(mime, "image/") && mime != "image/png" {
			return fmt.Errorf("a picture is %s alone: send a PNG with it", mime)
		}
		if strings.HasPrefix(mime, "text/") {
			all += "\n" + text(v)
		}
	}
	if found := machinePath.FindString(all); found != "" {
		return fmt.Errorf("it shows a path of this machine: %s", found)
	}
	return nil
}
