package weights

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The commands that convert: each names the file it reads and writes model.safetensors. They are for a state dict, also one
// in a training checkpoint under a usual name; for a TorchScript archive, as OpenAI published CLIP; for the HDF5 files of
// Keras; for arrays of NumPy. Tied tensors become two.
const (
	fromPickle = `python3 -c 'import sys,torch;from safetensors.torch import save_file as s;d=torch.load(sys.argv[1],map_location="cpu",weights_only=True);d=next((d[k] for k in ("state_dict","model","model_state_dict","teacher") if isinstance(d.get(k),dict)),d);s({k:v.contiguous().clone() for k,v in d.items() if hasattr(v,"dtype")},sys.argv[2])' IN model.safetensors`
	fromScript = `python3 -c 'import sys,torch;from safetensors.torch import save_file as s;d=torch.jit.load(sys.argv[1],map_location="cpu").state_dict();s({k:v.contiguous().clone() for k,v in d.items()},sys.argv[2])' IN model.safetensors`
	fromHDF5   = `python3 -c 'import sys,h5py,numpy as n;from safetensors.numpy import save_file as s;d={};h5py.File(sys.argv[1]).visititems(lambda k,v:d.update({k:n.array(v[()],order="C")}) if hasattr(v,"dtype") else None);s(d,sys.argv[2])' IN model.safetensors`
	fromNumPy  = `python3 -c 'import sys,numpy as n;from safetensors.numpy import save_file as s;d=n.load(sys.argv[1]);s({k:n.array(d[k],order="C") for k in d.files},sys.argv[2])' IN model.safetensors`
)

// conversions says how a file of another format becomes safetensors, by its extension.
var conversions = map[string]struct{ what, how string }{
	".pt": {"a PyTorch pickle", fromPickle}, ".pth": {"a PyTorch pickle", fromPickle}, ".bin": {"a PyTorch pickle", fromPickle},
	".pkl": {"a Python pickle", fromPickle}, ".pickle": {"a Python pickle", fromPickle}, ".ckpt": {"a PyTorch pickle", fromPickle},
	".h5": {"an HDF5 file", fromHDF5}, ".hdf5": {"an HDF5 file", fromHDF5}, ".keras": {"a Keras archive", ""},
	".npz": {"a NumPy archive", fromNumPy}, ".msgpack": {"a Flax checkpoint", ""}, ".onnx": {"an ONNX graph", ""}, ".tflite": {"a TFLite graph", ""},
}

// refuse returns an error if the file at path has a name or a beginning that is not safetensors.
func refuse(path string) error {
	if c, ok := conversions[strings.ToLower(filepath.Ext(path))]; ok {
		if c.how == fromPickle && isTorchScript(path) {
			c.what, c.how = "a TorchScript archive", fromScript
		}
		return refusal(path, c.what, c.how)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	defer f.Close()
	head := make([]byte, 64)
	n, _ := io.ReadFull(f, head)
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("version https://git-lfs")):
		return fmt.Errorf("weights: %s: %w: this is a Git LFS pointer, not the file; run git lfs pull in its folder", path, ErrFormat)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		if isTorchScript(path) {
			return refusal(path, "a TorchScript archive", fromScript)
		}
		return refusal(path, "a zip archive, probably a PyTorch pickle", fromPickle)
	case bytes.HasPrefix(head, []byte("\x89HDF\r\n\x1a\n")):
		return refusal(path, "an HDF5 file", fromHDF5)
	case len(head) > 1 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5:
		return refusal(path, "a Python pickle", fromPickle)
	case bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(head)), []byte("<!doctype")) || bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(head)), []byte("<html")):
		return fmt.Errorf("weights: %s: %w: this is a web page; the download got a login or error page instead of the file", path, ErrFormat)
	}
	return nil
}

func refusal(path, what, how string) error {
	if how == "" {
		return fmt.Errorf("weights: %s: %w: this is %s; export its weights as safetensors", path, ErrFormat, what)
	}
	why := "which is not read here; convert it once"
	if how == fromPickle || how == fromScript {
		why = "and reading one can run any program; convert it once where you trust it"
	}
	return fmt.Errorf("weights: %s: %w: this is %s, %s, which makes model.safetensors: %s", path, ErrFormat, what, why, strings.Replace(how, " IN ", " "+shellQuote(path)+" ", 1))
}

// isTorchScript reports whether path is a zip archive that holds code as TorchScript archives do. Only names are read.
func isTorchScript(path string) bool {
	z, err := zip.OpenReader(path)
	if err != nil {
		return false
	}
	defer z.Close()
	for _, f := range z.File {
		if _, rest, ok := strings.Cut(f.Name, "/"); ok && (rest == "constants.pkl" || strings.HasPrefix(rest, "code/")) {
			return true
		}
	}
	return false
}

// shellQuote quotes a path for a POSIX shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
