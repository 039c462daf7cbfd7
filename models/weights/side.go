package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sideFiles are the JSON files that publishers lay beside a checkpoint and that say what its tensors do not: Hugging
// Face's or timm's configuration, open_clip's, and Hugging Face's preprocessing.
var sideFiles = []string{"config.json", "open_clip_config.json", "preprocessor_config.json"}

// Side returns what the files beside the weights say, as one JSON object: a member for each of config.json,
// open_clip_config.json and preprocessor_config.json that is there, named without its ending, and "metadata", the strings
// that the safetensors files carry. Where there is any of them, "ref" is what was opened (see Ref). It is nil where there
// is nothing. A file that is not a JSON object is an error.
func (s *Set) Side() (json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if s.dir != "" {
		for _, name := range sideFiles {
			raw, err := readSide(filepath.Join(s.dir, name))
			if err != nil {
				return nil, err
			}
			if raw != nil {
				all[strings.TrimSuffix(name, ".json")] = raw
			}
		}
	}
	if len(s.meta) > 0 {
		raw, err := json.Marshal(s.meta)
		if err != nil {
			return nil, fmt.Errorf("weights: %s: metadata: %w", s.ref, err)
		}
		all["metadata"] = raw
	}
	if len(all) == 0 {
		return nil, nil
	}
	ref, err := json.Marshal(s.ref)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", s.ref, err)
	}
	all["ref"] = ref
	return json.Marshal(all)
}

func readSide(path string) (json.RawMessage, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSide+1))
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	if len(data) > maxSide {
		return nil, fmt.Errorf("weights: %s: %w: it has more than %d bytes; move it away if it does not belong to the weights beside it", path, ErrFormat, maxSide)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		return nil, fmt.Errorf("weights: %s: %w: not a JSON object (%v); fetch it again, or move it away if it does not belong to the weights beside it", path, ErrFormat, err)
	}
	return data, nil
}
