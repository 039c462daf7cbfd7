package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ventral-lab/ventral/internal/progress"
	"github.com/ventral-lab/ventral/internal/safetensors"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/models/zoo"
)

// downloads shows downloads, one display a file.
type downloads struct {
	w    io.Writer
	file string
	bar  *progress.Progress
	seen int
}

// unit is what a display counts in: a checkpoint has some hundred of them.
const unit = 1_000_000

func (d *downloads) show(file string, done, total int64) {
	now := int(done / unit)
	if file != d.file {
		d.end()
		d.file, d.seen = file, now
		d.bar = progress.New("fetching "+file, int(total/unit), progress.Unit("MB"), progress.Writer(d.w))
		d.bar.Skip(now) // of an earlier run
		return
	}
	d.bar.Add(now - d.seen)
	d.seen = now
}

func (d *downloads) end() {
	if d.file != "" {
		d.bar.Done()
	}
	d.file = ""
}

// openModel opens a model for a command: a download is shown, and what a user should know of how the checkpoint was read
// is said.
func openModel(cmd *cobra.Command, name string) (*zoo.Model, error) {
	d := &downloads{w: cmd.ErrOrStderr()}
	m, err := zoo.OpenContext(cmd.Context(), name, weights.Options{Progress: d.show})
	d.end()
	if err != nil {
		return nil, err
	}
	for _, w := range m.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s: %s\n", m.Name, w)
	}
	return m, nil
}

func newModelsFetch() *cobra.Command {
	var revision, dir string
	c := &cobra.Command{
		Use:   "fetch NAME",
		Short: "Download a model's weights, check their hash and say where they are",
		Long: `Download the weights of a model by name, or of any repository as hf:OWNER/NAME, with the JSON files
beside them, into the cache that the Hugging Face libraries share. A download that broke goes on
where it ended. Each file's hash is compared with the one that the hub announces, also if the file was
there before, and with the one on the model's card where that is known.

With --dir the files are copied to DIR/NAME as well, for a machine without a network: there set
VENTRAL_MODELS to that folder.

HF_ENDPOINT, HF_TOKEN (sent to that endpoint only), HF_HOME and HF_HUB_OFFLINE have their usual meaning.`,
		Example: "  ventral models fetch openai/clip-vit-b-32\n  ventral models fetch hf:timm/vgg19.tv_in1k --dir models",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d := &downloads{w: cmd.ErrOrStderr()}
			f, err := zoo.Fetch(cmd.Context(), args[0], revision, dir, weights.Options{Progress: d.show})
			d.end()
			if err != nil {
				return err
			}
			against := "only its size: the hub announced no hash"
			if len(f.Against) > 0 {
				against = strings.Join(f.Against, " and ")
			}
			rows := [][]string{{"model", f.Name}, {"checked against", against}}
			if len(f.Files) > 0 {
				rows = append(rows, []string{"commit", f.Commit}, []string{"bytes", fmt.Sprint(f.Files[0].Bytes)}, []string{"sha-256", f.Files[0].SHA256}, []string{"path", f.Path})
			}
			return emit(cmd, f, nil, rows)
		},
	}
	c.Flags().StringVar(&revision, "revision", "", "branch, tag or commit (default: main)")
	c.Flags().StringVar(&dir, "dir", "", "copy the files to a folder of the model's name in this one")
	addJSON(c)
	return c
}

func newModelsConvert() *cobra.Command {
	var to, out, dtype string
	c := &cobra.Command{
		Use:   "convert CHECKPOINT",
		Short: "Write a checkpoint under the names of another library, as safetensors",
		Long: `Recognise a checkpoint, a file, a folder, a model's name or hf:OWNER/NAME, and write it under the names of another
library: openai, huggingface, timm, torchvision, keras or original (the authors' own), as far as the
architecture has them ("ventral models show" lists them). Tensors are moved, never computed with,
unless --dtype changes their type; what was written is read back and compared. The file appears
whole or not at all.

Pickles (.pt, .pth, .bin, .ckpt) and .h5 files are refused with the Python line that converts them.`,
		Example: "  ventral models convert model.safetensors --to openai --out clip.safetensors\n  ventral models convert openai/clip-vit-b-32 --to huggingface --out hf.safetensors --dtype f16",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" || out == "" {
				return fmt.Errorf("convert wants --to LAYOUT and --out FILE.safetensors")
			}
			types := map[string]string{"": "", "f32": safetensors.F32, "f16": safetensors.F16}
			t, ok := types[strings.ToLower(dtype)]
			if !ok {
				return fmt.Errorf("--dtype %s: want f32 or f16", dtype)
			}
			ref := args[0]
			if card, err := zoo.Find(ref); err == nil {
				if card.Shipped {
					return fmt.Errorf("%s ships inside this program, and in its repository as models/%s.safetensors, in the layout of its large sibling: convert that file", ref, ref)
				}
				ref = card.Reference()
			}
			d := &downloads{w: cmd.ErrOrStderr()}
			done, err := weights.Convert(cmd.Context(), ref, out, weights.ConvertOptions{To: weights.Layout(to), DType: t, Open: weights.Options{Progress: d.show}})
			d.end()
			if err != nil {
				return err
			}
			same := "reads back as the same weights"
			if !done.Same {
				same = "reads back with the same tensors, rounded to " + strings.ToLower(dtype)
			}
			rows := [][]string{{"from", done.Found.String()}, {"to", string(done.To)}, {"tensors", fmt.Sprint(done.Tensors)},
				{"bytes", fmt.Sprint(done.Bytes)}, {"path", done.Path}, {"checked", same}}
			if n := len(done.LeftOut); n > 0 {
				rows = append(rows, []string{"left out", fmt.Sprintf("%d tensors that %s has no place for: %s", n, done.To, strings.Join(done.LeftOut, " "))})
			}
			return emit(cmd, done, nil, rows)
		},
	}
	c.Flags().StringVar(&to, "to", "", "layout to write: openai, huggingface, timm, torchvision, keras or original")
	c.Flags().StringVar(&out, "out", "", "file to write, .safetensors")
	c.Flags().StringVar(&dtype, "dtype", "", "round all weights to f32 or f16 (default: keep their type)")
	addJSON(c)
	return c
}
