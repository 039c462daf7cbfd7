package zoo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/internal/cache"
	"github.com/ventral-lab/ventral/models/weights"
)

// EnvModels names the folder that holds models put there by hand.
const EnvModels = "VENTRAL_MODELS"

// Folder is where models lie that were put there by hand or by `ventral models fetch --dir`, each in a folder of its name,
// openai/clip-vit-b-32: $VENTRAL_MODELS, or models below the cache of ventral.
func Folder() (string, error) {
	if d := os.Getenv(EnvModels); d != "" {
		return filepath.Abs(d)
	}
	d, err := cache.Dir()
	if err != nil {
		return "", fmt.Errorf("%w, or %s", err, EnvModels)
	}
	return filepath.Join(d, "models"), nil
}

// Where a model's weights are.
const (
	Shipped = "shipped" // in this program
	Here    = "here"    // in Folder
	Cached  = "cached"  // in the cache of the Hugging Face hub
	NotHere = "not here"
)

// Locate says where a model's weights are, with their path where they have one. The network is not asked.
func Locate(c Card) (where, path string) {
	if c.Shipped {
		return Shipped, ""
	}
	if path, ok := strings.CutPrefix(c.Name, "file:"); ok && path != "" {
		return Here, c.Source
	}
	if path := c.inFolder(); path != "" {
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			if file, err := weights.InFolder(path); err == nil {
				return Here, file
			}
		} else if err == nil {
			return Here, path
		}
	}
	if !c.onHub() {
		return NotHere, ""
	}
	if path, ok := weights.Cached(strings.TrimPrefix(c.Reference(), "hf:")); ok {
		return Cached, path
	}
	return NotHere, ""
}

// inFolder is what to open in Folder: the card's file or, without one of that name, the folder of the model; "" if
// there is none.
func (c Card) inFolder() string {
	dir, err := Folder()
	if err != nil {
		return ""
	}
	dir = filepath.Join(dir, filepath.FromSlash(c.Name))
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return ""
	}
	if c.File != "" {
		if _, err := os.Stat(filepath.Join(dir, c.File)); err == nil {
			return filepath.Join(dir, c.File)
		}
	}
	return dir
}

// open opens the weights of a published model: those in Folder, else those of the hub or its cache.
func (c Card) open(ctx context.Context, opts weights.Options) (*weights.Set, error) {
	if path := c.inFolder(); path != "" {
		return weights.OpenContext(ctx, "file:"+path, opts)
	}
	if !c.onHub() {
		return nil, fmt.Errorf("%w: %s", weights.ErrNotFound, c.byHand())
	}
	set, err := weights.OpenContext(ctx, c.Reference(), opts)
	if errors.Is(err, weights.ErrOffline) || errors.Is(err, weights.ErrDownload) {
		err = fmt.Errorf("%w\n%s", err, c.byHand())
	}
	return set, err
}

// onHub tells whether Source is a repository and not a text about where the weights come from.
func (c Card) onHub() bool {
	return strings.Count(c.Source, "/") == 1 && !strings.ContainsAny(c.Source, " :")
}

// byHand says which file to put where.
func (c Card) byHand() string {
	dir, err := Folder()
	if err != nil {
		return err.Error()
	}
	file := c.File
	if file == "" {
		file = "model.safetensors"
	}
	to := filepath.Join(dir, filepath.FromSlash(c.Name), file)
	if !c.onHub() {
		return fmt.Sprintf("the weights of %s are published in a format that is not read (%s): put the safetensors file made of them at %s", c.Name, c.Source, to)
	}
	return fmt.Sprintf("The weights of %s are not on this machine. Where there is a network: ventral models fetch %s. Where there is none: get %s on another machine and put it at %s",
		c.Name, c.Name, weights.Address(c.Source, file), to)
}

// Fetched is a model whose weights were fetched.
type Fetched struct {
	Name    string         `json:"name"`
	Path    string         `json:"path"`    // of the weights
	Against []string       `json:"against"` // what the weights' hash was compared with
	Commit  string         `json:"commit,omitempty"`
	Files   []weights.Held `json:"files,omitempty"`
}

// Fetch brings the weights of a named model, or of hf:owner/name, to this machine and checks their hashes: those that the
// hub announces and, on the card's revision, the card's. revision is a branch, a tag or a commit, "" the usual one. With
// dir they are copied to dir/NAME as well, where Open finds them if VENTRAL_MODELS is dir.
func Fetch(ctx context.Context, name, revision, dir string, opts weights.Options) (*Fetched, error) {
	r, err := parse(name)
	if err != nil {
		return nil, err
	}
	card := Card{Name: strings.TrimPrefix(name, "hf:"), Source: r.name}
	spec := r.name
	switch {
	case r.kind == "random" || r.kind == "file":
		return nil, fmt.Errorf("%s: there is nothing to fetch; give the name of a published model or hf:owner/name", name)
	case r.kind == "":
		if card, err = Find(r.name); err != nil {
			return nil, err
		}
		if card.Shipped {
			return &Fetched{Name: card.Name, Against: []string{"nothing: it ships with this program"}}, nil
		}
		if !card.onHub() {
			return nil, fmt.Errorf("%s: %w: %s", name, weights.ErrNotFound, card.byHand())
		}
		spec = strings.TrimPrefix(card.Reference(), "hf:")
	}
	repo, file, found := strings.Cut(spec, ":")
	repo, own, _ := strings.Cut(repo, "@")
	if revision != "" {
		own = revision
	}
	card.Name, _, _ = strings.Cut(card.Name, ":")
	card.Name, _, _ = strings.Cut(card.Name, "@")
	if spec = repo; own != "" {
		spec += "@" + own
	}
	if found {
		spec += ":" + file
	}
	d, err := weights.Download(ctx, spec, opts)
	if err != nil {
		if r.kind == "" && (errors.Is(err, weights.ErrOffline) || errors.Is(err, weights.ErrDownload)) {
			err = fmt.Errorf("%w\n%s", err, card.byHand())
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	main := d.Files[0]
	f := &Fetched{Name: card.Name, Path: main.Path, Commit: d.Commit, Files: d.Files}
	if main.Against != "" {
		f.Against = append(f.Against, main.Against)
	}
	if card.SHA256 != "" && revision == "" {
		if main.SHA256 != card.SHA256 {
			return nil, fmt.Errorf("%s: %w: the SHA-256 of %s is %s, and the card says %s: its publisher replaced the file, or something between altered it. "+
				"Nothing was copied; to use the file all the same open it as hf:%s@%s", name, weights.ErrDownload, main.Path, main.SHA256, card.SHA256, repo, d.Commit)
		}
		f.Against = append(f.Against, "the card's SHA-256")
	}
	if dir != "" {
		if f.Path, err = d.CopyTo(filepath.Join(dir, filepath.FromSlash(card.Name))); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return f, nil
}
