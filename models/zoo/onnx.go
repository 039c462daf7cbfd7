package zoo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/onnx"
	"github.com/ventral-lab/ventral/models/preprocess"
)

// maxONNXSide bounds the JSON file beside an ONNX file: a preprocessing and a name are a few hundred bytes.
const maxONNXSide = 1 << 16

// onnxSide is the JSON file beside MODEL.onnx, MODEL.json, which says what the ONNX file does not.
type onnxSide struct {
	Preprocess json.RawMessage `json:"preprocess"` // the name of a preset, or a preprocess.Spec
	Output     string          `json:"output"`     // the tensor that is the network's output, if not the file's first
	Licence    string          `json:"licence"`
	Note       string          `json:"note"`
}

// isONNX tells whether r is an ONNX file on disk.
func (r reference) isONNX() bool {
	base, _, _ := strings.Cut(r.name, "?")
	return r.kind == "file" && strings.EqualFold(filepath.Ext(base), ".onnx")
}

// openONNX opens an ONNX file as a foreign network. How its pictures are prepared is not in such a file, and is not guessed:
// the name or the file beside it has to say.
func openONNX(r reference) (*Model, error) {
	fail := func(err error) (*Model, error) { return nil, fmt.Errorf("file:%s: %w", r.name, err) }
	side, err := readONNXSide(strings.TrimSuffix(r.name, filepath.Ext(r.name)) + ".json")
	if err != nil {
		return fail(err)
	}
	output := r.output
	if output == "" {
		output = side.Output
	}
	m, err := onnx.Open(r.name, onnx.Options{Height: r.size, Width: r.size, Output: output})
	if err != nil {
		return fail(err)
	}
	spec, err := onnxPreprocessing(r, side, m.Network.Input())
	if err != nil {
		m.Close()
		return fail(err)
	}
	note := strings.Join(m.Warnings, "; ")
	if side.Note != "" {
		note = strings.TrimSuffix(side.Note+"; "+note, "; ")
	}
	licence := side.Licence
	if licence == "" {
		licence = "unknown"
	}
	card := Card{Name: "file:" + filepath.Base(r.name), Architecture: "onnx", Source: r.name, Licence: licence, Preprocess: spec, Config: m.Config,
		Parameters: models.Parameters(m.Config), Note: note}
	return &Model{Card: card, Warnings: m.Warnings, Model: &models.Model{Name: card.Name, Architecture: card.Architecture, Config: m.Config,
		WeightsHash: m.Hash, Network: m.Network, Preprocess: spec, Params: m.Params}}, nil
}

func readONNXSide(path string) (side onnxSide, err error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return side, nil
	}
	if err != nil {
		return side, err
	}
	if st.Size() > maxONNXSide {
		return side, fmt.Errorf("%s has %d bytes: a preprocessing and a name take at most %d", path, st.Size(), maxONNXSide)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return side, err
	}
	if err := json.Unmarshal(b, &side); err != nil {
		return side, fmt.Errorf("%s: %w; it should read {\"preprocess\": \"imagenet224\"}", path, err)
	}
	return side, nil
}

// onnxPreprocessing is how pictures are prepared for a network of this input.
func onnxPreprocessing(r reference, side onnxSide, input []int) (spec preprocess.Spec, err error) {
	var names []string
	for _, s := range preprocess.Presets() {
		names = append(names, s.Name)
	}
	said := r.preprocess
	switch {
	case said != "":
	case len(side.Preprocess) == 0:
		return spec, fmt.Errorf("an ONNX file does not say how its pictures are prepared: write file:%s?preprocess=PRESET with one of %s or plainN, or put {\"preprocess\": ...} into %s",
			r.name, strings.Join(names, ", "), strings.TrimSuffix(r.name, filepath.Ext(r.name))+".json")
	case json.Unmarshal(side.Preprocess, &said) != nil:
		said = ""
		if err := json.Unmarshal(side.Preprocess, &spec); err != nil {
			return spec, fmt.Errorf("the preprocessing beside the file: %w", err)
		}
	}
	if said != "" {
		if spec, err = preprocess.Named(said); err != nil {
			return spec, err
		}
	}
	if input[0] != 3 || input[1] != input[2] {
		return spec, fmt.Errorf("the network takes %d x %d x %d: pictures are prepared as squares of 3 colours; open it with models/onnx and your own preprocessing", input[0], input[1], input[2])
	}
	if spec.Size != input[1] {
		spec = spec.WithSize(input[1])
	}
	return spec, spec.Validate()
}
