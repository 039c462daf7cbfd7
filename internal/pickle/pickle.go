package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ventral-lab/ventral/internal/npy"
)

// Errors to test for with errors.Is.
var (
	ErrFormat = errors.New("not a pickled dictionary of labels")
	ErrCall   = errors.New("the pickle asks to call something: refused")
)

// ReadLabels reads a file mapping_CLASS.npy: an .npy file of one pickled dictionary.
func ReadLabels(path string) (map[int64]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	m, err := Labels(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return m, nil
}

// Labels reads the bytes of such a file: an .npy header that announces one Python object, and its pickle.
func Labels(file []byte) (map[int64]string, error) {
	if len(file) > MaxBytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrFormat, MaxBytes)
	}
	r := bytes.NewReader(file)
	h, err := npy.ReadHeader(r)
	switch {
	case err == nil:
		return nil, fmt.Errorf("%w: an array of %s, want one Python object (numpy.save of a dictionary)", ErrFormat, h.Descr)
	case !errors.Is(err, npy.ErrPickle):
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	case len(h.Shape) != 0:
		return nil, fmt.Errorf("%w: an array of objects of shape %v, want a single one", ErrFormat, h.Shape)
	}
	v, err := run(file[len(file)-r.Len():])
	if err != nil {
		return nil, err
	}
	a, ok := v.(*array)
	if !ok || !a.built {
		return nil, fmt.Errorf("%w: it holds %s, want a NumPy array of one dictionary", ErrFormat, kind(v))
	}
	d, ok := a.item.(*dict)
	if !ok {
		return nil, fmt.Errorf("%w: the array holds %s, want a dictionary", ErrFormat, kind(a.item))
	}
	out := make(map[int64]string, len(d.items))
	for _, e := range d.items {
		k, ok := e[0].(int64)
		if !ok {
			return nil, fmt.Errorf("%w: a key is %s, want a whole number", ErrFormat, kind(e[0]))
		}
		name, ok := e[1].(string)
		if !ok {
			return nil, fmt.Errorf("%w: the value of %d is %s, want text", ErrFormat, k, kind(e[1]))
		}
		if _, twice := out[k]; twice {
			return nil, fmt.Errorf("%w: key %d comes twice", ErrFormat, k)
		}
		out[k] = name
	}
	return out, nil
}

// The values of the machine: nil (None), bool, int64, float64, string, []byte, tuple, *list, *dict, global, *dtype, *array, mark.
type (
	tuple  []any
	list   struct{ items []any }
	dict   struct{ items [][2]any }
	global string // "module name"
	mark   struct{}
	dtype  struct {
		name  string // "O8", "i8", ...
		big   bool
		built bool
	}
	array struct {
		item  any
		built bool
	}
)

// numpyNames are the callables of NumPy that may be named, and what each stands for. NumPy 2 renamed numpy.core to numpy._core.
var numpyNames = map[global]string{
	"numpy.core.multiarray _reconstruct":  "array",
	"numpy._core.multiarray _reconstruct": "array",
	"numpy.core.multiarray scalar":        "scalar",
	"numpy._core.multiarray scalar":       "scalar",
	"numpy ndarray":                       "ndarray",
	"numpy dtype":                         "dtype",
	// Protocols below 3 have no bytes and spell them as text to be encoded.
	"_codecs encode": "encode",
}

func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a truth value"
	case int64:
		return "a whole number"
	case float64:
		return "a float"
	case string:
		return "text"
	case []byte:
		return "bytes"
	case tuple:
		return "a tuple"
	case *list:
		return "a list"
	case *dict:
		return "a dictionary"
	case global:
		return fmt.Sprintf("the callable %q", string(v))
	case *dtype:
		return "a dtype"
	case *array:
		return "an array"
	}
	return "a mark"
}

// call recognises what NumPy's own callables would make of these arguments.
func call(f, args any) (any, error) {
	name, ok := f.(global)
	if !ok {
		return nil, fmt.Errorf("%w: %s is no callable", ErrFormat, kind(f))
	}
	a, ok := args.(tuple)
	if !ok {
		return nil, fmt.Errorf("%w: the arguments of %s are %s", ErrFormat, name, kind(args))
	}
	switch numpyNames[name] {
	case "array": // (ndarray, (0,), b'b'): an empty array, filled by BUILD
		if len(a) == 3 && a[0] == any(global("numpy ndarray")) {
			return &array{}, nil
		}
	case "dtype": // ("O8", align, copy)
		if len(a) >= 1 {
			if s, ok := a[0].(string); ok {
				return &dtype{name: s}, nil
			}
		}
	case "scalar": // (dtype, bytes)
		if len(a) == 2 {
			d, ok1 := a[0].(*dtype)
			b, ok2 := a[1].([]byte)
			if ok1 && ok2 {
				return scalar(d, b)
			}
		}
	case "encode": // (text, "latin1")
		if len(a) == 2 && a[1] == any("latin1") {
			if s, ok := a[0].(string); ok {
				b := make([]byte, 0, len(s))
				for _, r := range s {
					if r > 0xff {
						return nil, fmt.Errorf("%w: text to be encoded as Latin-1 holds %q", ErrFormat, r)
					}
					b = append(b, byte(r))
				}
				return b, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: %s with unexpected arguments", ErrCall, name)
}

// scalar is the NumPy integer with these bytes.
func scalar(d *dtype, b []byte) (any, error) {
	if len(d.name) != 2 || d.name[0] != 'i' && d.name[0] != 'u' || int(d.name[1]-'0') != len(b) || len(b) == 0 || len(b) > 8 {
		return nil, fmt.Errorf("%w: a NumPy number of dtype %.20q in %d bytes, want an integer", ErrFormat, d.name, len(b))
	}
	var u uint64
	for i := range b {
		at := len(b) - 1 - i
		if d.big {
			at = i
		}
		u = u<<8 | uint64(b[at])
	}
	if d.name[0] == 'u' {
		if u > 1<<63-1 {
			return nil, fmt.Errorf("%w: a number of %d", ErrFormat, u)
		}
		return int64(u), nil
	}
	shift := 64 - 8*len(b)
	return int64(u<<shift) >> shift, nil
}

// build recognises the states that NumPy gives to arrays and dtypes: an array of no dimensions with one object, and a dtype's byte order.
func build(object, state any) error {
	s, ok := state.(tuple)
	switch o := object.(type) {
	case *dtype: // (version, byte order, ...)
		if ok && len(s) >= 2 && !o.built {
			if order, isText := s[1].(string); isText {
				o.big, o.built = order == ">", true
				return nil
			}
		}
	case *array: // (1, (), dtype, False, [object])
		if !ok || len(s) != 5 || o.built {
			break
		}
		shape, ok1 := s[1].(tuple)
		d, ok2 := s[2].(*dtype)
		items, ok3 := s[4].(*list)
		if !ok1 || !ok2 || !ok3 {
			break
		}
		if len(shape) != 0 || (d.name != "O8" && d.name != "O4" && d.name != "O") || len(items.items) != 1 {
			return fmt.Errorf("%w: an array of %d dimensions of %.20q with %d items, want one object", ErrFormat, len(shape), d.name, len(items.items))
		}
		o.item, o.built = items.items[0], true
		return nil
	}
	return fmt.Errorf("%w: %s is given a state it cannot have", ErrCall, kind(object))
}
