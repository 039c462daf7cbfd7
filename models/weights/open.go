package weights

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

// Options configure Open; the zero value is fine.
type Options struct {
	CheckFinite bool     // fail if a tensor holds NaN or infinities; reads everything
	Offline     bool     // never use the network, as HF_HUB_OFFLINE=1
	Refresh     bool     // ask the hub for the newest commit even if the cache has one
	Progress    Progress // told about downloads
}

// Open opens weights by a reference (see the package comment) and checks them.
func Open(ref string, opts Options) (*Set, error) {
	return OpenContext(context.Background(), ref, opts)
}

// OpenContext is Open with a context that ends a download.
func OpenContext(ctx context.Context, ref string, opts Options) (*Set, error) {
	s, err := open(ctx, ref, opts)
	if err != nil {
		return nil, err
	}
	if opts.CheckFinite {
		if err := s.CheckFinite(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func open(ctx context.Context, ref string, opts Options) (*Set, error) {
	if ref == "" {
		return nil, fmt.Errorf("weights: %w: the reference is empty; give a file, a folder or hf:owner/name", ErrNotFound)
	}
	if spec, ok := strings.CutPrefix(ref, "hf:"); ok {
		return openHub(ctx, spec, opts)
	}
	path := strings.TrimPrefix(ref, "file:")
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return openFolder(path, path, "")
	case err == nil:
		return openFile(path)
	case errors.Is(err, fs.ErrNotExist) && path == ref:
		if repo, _, _, perr := parseSpec(ref); perr == nil && strings.Count(repo, "/") == 1 && !strings.HasPrefix(ref, ".") {
			return openHub(ctx, ref, opts)
		}
		return nil, fmt.Errorf("weights: %s: %w: no such file or folder; a hub model is written hf:owner/name", ref, ErrNotFound)
	}
	return nil, fmt.Errorf("weights: %w", err)
}

func openFile(path string) (*Set, error) {
	if strings.HasSuffix(path, ".index.json") {
		return openIndex(path, path)
	}
	if err := refuse(path); err != nil {
		return nil, err
	}
	return openShards(path, []string{path}, nil)
}

// openFolder opens the weights in dir; ref is the set's name in errors, file picks one of several.
func openFolder(ref, dir, file string) (*Set, error) {
	if file == "" {
		names, err := filesIn(dir)
		if err != nil {
			return nil, err
		}
		if file, err = choose(names); err != nil {
			for _, name := range names {
				if _, other := conversions[filepath.Ext(name)]; other {
					return nil, refuse(filepath.Join(dir, name))
				}
			}
			return nil, fmt.Errorf("weights: %s: %w", ref, err)
		}
	}
	path := filepath.Join(dir, filepath.FromSlash(file))
	if strings.HasSuffix(file, ".index.json") {
		return openIndex(ref, path)
	}
	if err := refuse(path); err != nil {
		return nil, err
	}
	return openShards(ref, []string{path}, nil)
}

func filesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// choose picks the file that holds a folder's weights: model.safetensors, then model.safetensors.index.json, then the one
// open_clip_*.safetensors, then the one .safetensors file there is.
func choose(names []string) (string, error) {
	for _, name := range []string{"model.safetensors", "model.safetensors.index.json"} {
		if slices.Contains(names, name) {
			return name, nil
		}
	}
	var clip, all []string
	for _, name := range names {
		if strings.Contains(name, "/") || !strings.HasSuffix(name, ".safetensors") {
			continue
		}
		all = append(all, name)
		if strings.HasPrefix(name, "open_clip_") {
			clip = append(clip, name)
		}
	}
	slices.Sort(all)
	switch {
	case len(clip) == 1:
		return clip[0], nil
	case len(all) == 1:
		return all[0], nil
	case len(all) > 1:
		return "", fmt.Errorf("%w: several files could be meant: %s; name one", ErrNotFound, strings.Join(all, ", "))
	}
	return "", fmt.Errorf("%w: no .safetensors file among %d files", ErrNotFound, len(names))
}

// openIndex opens a checkpoint in several files, which lie in the folder of its index.
func openIndex(ref, path string) (*Set, error) {
	index, err := readIndex(path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	var paths []string
	for _, file := range index.shards() {
		paths = append(paths, filepath.Join(dir, file))
	}
	return openShards(ref, paths, index)
}

// index is model.safetensors.index.json: which file holds which tensor.
type index struct {
	path  string
	files map[string]string // tensor to file
	total int64             // bytes of all tensors, -1 if the index does not say
}

func (x *index) shards() []string {
	return slices.Compact(slices.Sorted(maps.Values(x.files)))
}

func readIndex(path string) (*index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxIndex+1))
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	x, err := parseIndex(data)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w; fetch the index again", path, err)
	}
	x.path = path
	return x, nil
}

func parseIndex(data []byte) (*index, error) {
	if len(data) > maxIndex {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrIndex, maxIndex)
	}
	var file struct {
		Metadata struct {
			TotalSize json.Number `json:"total_size"`
		} `json:"metadata"`
		WeightMap weightMap `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIndex, err)
	}
	x := &index{files: file.WeightMap, total: -1}
	if len(x.files) == 0 {
		return nil, fmt.Errorf("%w: its weight_map names no tensors", ErrIndex)
	}
	for name, file := range x.files {
		// A shard lies beside its index. Anything else could read files elsewhere on the machine.
		if file == "" || file != filepath.Base(file) || strings.ContainsAny(file, `/\:`) || !filepath.IsLocal(file) || !strings.HasSuffix(file, ".safetensors") {
			return nil, fmt.Errorf("%w: tensor %q is in %q, want the name of a .safetensors file in the same folder", ErrIndex, name, file)
		}
	}
	if n := len(x.shards()); n > maxShards {
		return nil, fmt.Errorf("%w: %d files, at most %d are opened", ErrIndex, n, maxShards)
	}
	if file.Metadata.TotalSize != "" {
		total, err := file.Metadata.TotalSize.Float64() // some writers print it as 1.21e+09
		if err != nil || total < 0 || total > 1<<53 || total != float64(int64(total)) {
			return nil, fmt.Errorf("%w: total_size %s is no size", ErrIndex, file.Metadata.TotalSize)
		}
		x.total = int64(total)
	}
	return x, nil
}

// weightMap is a JSON object of strings that refuses a key that occurs twice.
type weightMap map[string]string

func (m *weightMap) UnmarshalJSON(data []byte) error {
	*m = weightMap{}
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("weight_map is not an object")
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		value, err := dec.Token()
		if err != nil {
			return err
		}
		k, _ := key.(string)
		v, ok := value.(string)
		if !ok {
			return fmt.Errorf("weight_map: %q is not in a file: %v", k, value)
		}
		if _, dup := (*m)[k]; dup {
			return fmt.Errorf("weight_map: %q occurs twice", k)
		}
		(*m)[k] = v
	}
	return nil
}

// openShards opens the files of one set and, where there is an index, holds them to it.
func openShards(ref string, paths []string, x *index) (_ *Set, err error) {
	sources := map[string]source{}
	var files []*safetensors.File
	defer func() {
		if err != nil {
			for _, f := range files {
				err = errors.Join(err, f.Close())
			}
		}
	}()
	total := int64(0)
	for _, path := range paths {
		if err := refuse(path); err != nil {
			return nil, err
		}
		f, err := safetensors.Open(path)
		if err != nil {
			return nil, fmt.Errorf("weights: %w", err)
		}
		files = append(files, f)
		for _, name := range f.Names() {
			t, _ := f.Lookup(name)
			if x != nil && x.files[name] != filepath.Base(path) {
				return nil, fmt.Errorf("weights: %s: %w: %s holds tensor %q, the index says %q; fetch both again", x.path, ErrIndex, path, name, x.files[name])
			}
			sources[name] = view(path, t, f.Release)
			total += int64(len(t.Data))
		}
	}
	if x != nil {
		for _, name := range slices.Sorted(maps.Keys(x.files)) {
			if _, ok := sources[name]; !ok {
				return nil, fmt.Errorf("weights: %s: %w: tensor %q is not in %s; fetch both again", x.path, ErrIndex, name, x.files[name])
			}
		}
		if x.total >= 0 && x.total != total {
			return nil, fmt.Errorf("weights: %s: %w: total_size is %d, the tensors of %d files have %d bytes; fetch all again", x.path, ErrIndex, x.total, len(paths), total)
		}
	}
	s := newSet(ref, sources, files)
	s.dir, s.meta = filepath.Dir(paths[0]), map[string]string{}
	for _, f := range files {
		maps.Copy(s.meta, f.Metadata())
	}
	return s, nil
}
