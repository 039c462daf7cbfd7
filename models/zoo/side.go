package zoo

import (
	"encoding/json"
	"math"
	"strings"
)

// sides are the JSON files beside a checkpoint, by dotted paths: "config.vision_config.hidden_act". The first word is the
// file's name without its ending, or "metadata" for what the safetensors file says of itself (see weights.Set.Side). Every
// method's second result is false where the path leads nowhere, to null or to a value of another type.
type sides struct{ root any }

// readSide reads what weights.Set.Side returned; nil is no files.
func readSide(side json.RawMessage) sides {
	var s sides
	if len(side) > 0 && json.Unmarshal(side, &s.root) != nil {
		return sides{}
	}
	return s
}

func (s sides) at(path string) any {
	v := s.root
	for word := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[word]
	}
	return v
}

// has tells whether there is anything at path.
func (s sides) has(path string) bool { return s.at(path) != nil }

func (s sides) number(path string) (float64, bool) {
	x, ok := s.at(path).(float64)
	return x, ok
}

func (s sides) integer(path string) (int, bool) { return whole(s.at(path)) }

func (s sides) text(path string) (string, bool) {
	x, ok := s.at(path).(string)
	return x, ok
}

func (s sides) flag(path string) (value, ok bool) {
	value, ok = s.at(path).(bool)
	return value, ok
}

// integers is a list of whole numbers; a single one is a list of one.
func (s sides) integers(path string) ([]int, bool) {
	list, ok := s.at(path).([]any)
	if !ok {
		n, ok := s.integer(path)
		return []int{n}, ok
	}
	var out []int
	for _, v := range list {
		n, ok := whole(v)
		if !ok {
			return nil, false
		}
		out = append(out, n)
	}
	return out, true
}

// triple is a list of three numbers, or one number for all three channels.
func (s sides) triple(path string) (out [3]float64, ok bool) {
	switch v := s.at(path).(type) {
	case float64:
		return [3]float64{v, v, v}, true
	case []any:
		if len(v) != 3 {
			return out, false
		}
		for i := range v {
			if out[i], ok = v[i].(float64); !ok {
				return out, false
			}
		}
		return out, true
	}
	return out, false
}

func whole(v any) (int, bool) {
	x, ok := v.(float64)
	if !ok || x != math.Trunc(x) || math.Abs(x) > 1<<53 {
		return 0, false
	}
	return int(x), true
}
