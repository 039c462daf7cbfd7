package weights

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// Downloaded is what Download found or put on this machine.
type Downloaded struct {
	Repo   string `json:"repo"`
	Commit string `json:"commit"`
	Files  []Held `json:"files"` // the weights first, then the files beside them
}

// Held is one file of a repository on this machine.
type Held struct {
	Name   string `json:"name"` // in the repository
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	// Against is what the content was compared with: "the hub's SHA-256", "the hub's Git object id", or "" where the hub
	// announced nothing that could be compared.
	Against string `json:"against,omitempty"`
}

// Download brings the weights of a hub repository, owner/name[@revision][:file], and the files beside them into the cache
// and compares each with the hash that the hub announced for it, also those that were there before. A download that broke
// goes on where it ended. Offline, what the cache has is compared with the hashes that it is filed under.
func Download(ctx context.Context, spec string, opts Options) (*Downloaded, error) {
	repo, revision, file, err := parseSpec(spec)
	if err != nil {
		return nil, err
	}
	h, err := newHub(opts)
	if err != nil {
		return nil, err
	}
	d := &Downloaded{Repo: repo}
	cache := repoCache{h.root, repo}
	var names []string
	if h.offline {
		d.Commit, names, err = cache.held(revision, file)
		if err != nil {
			return nil, errors.Join(h.offlineError(repo, revision, file), err)
		}
	} else if d.Commit, names, err = h.gather(ctx, repo, revision, file); err != nil {
		return nil, err
	}
	for _, name := range names {
		f, err := cache.verify(d.Commit, name)
		if err != nil {
			return nil, err
		}
		d.Files = append(d.Files, f)
	}
	return d, nil
}

// held lists what a snapshot has of a repository's weights, in the order of gather.
func (c repoCache) held(revision, file string) (commit string, names []string, err error) {
	dir, commit, ok := c.snapshot(revision)
	if !ok {
		return "", nil, fmt.Errorf("weights: %s: %w at revision %s in %s", c.repo, ErrNotFound, revision, c.root)
	}
	if file == "" {
		here, err := filesIn(dir)
		if err != nil {
			return "", nil, err
		}
		if file, err = choose(here); err != nil {
			return "", nil, fmt.Errorf("weights: %s: %w", dir, err)
		}
	}
	have := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		return err == nil
	}
	if !have(file) {
		return "", nil, fmt.Errorf("weights: %s: %w: no %s", dir, ErrNotFound, file)
	}
	names = []string{file}
	for _, name := range sideFiles {
		if beside := path.Join(path.Dir(file), name); have(beside) {
			names = append(names, beside)
		}
	}
	if strings.HasSuffix(file, ".index.json") {
		x, err := readIndex(filepath.Join(dir, filepath.FromSlash(file)))
		if err != nil {
			return "", nil, err
		}
		names = append(names, shardPaths(file, x)...)
	}
	return commit, names, nil
}

// verify hashes a file of a snapshot and compares it with the ETag that its content is filed under.
func (c repoCache) verify(commit, name string) (Held, error) {
	f := Held{Name: name, Path: c.path("snapshots", commit, filepath.FromSlash(name))}
	in, err := os.Open(f.Path)
	if err != nil {
		return f, fmt.Errorf("weights: %w", err)
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return f, fmt.Errorf("weights: %w", err)
	}
	announced := remote{size: st.Size()}
	if target, err := os.Readlink(f.Path); err == nil {
		announced.etag = filepath.Base(target)
	}
	sum, other := sha256.New(), hash.Hash(nil)
	w := io.Writer(sum)
	if len(announced.etag) == 40 {
		if other = announced.digest(); other != nil {
			w = io.MultiWriter(sum, other)
		}
	}
	if f.Bytes, err = io.Copy(w, in); err != nil {
		return f, fmt.Errorf("weights: %s: %w", f.Path, err)
	}
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	got := ""
	switch {
	case other != nil:
		f.Against, got = "the hub's Git object id", hex.EncodeToString(other.Sum(nil))
	case len(announced.etag) == 64 && isHex(announced.etag):
		f.Against, got = "the hub's SHA-256", f.SHA256
	default:
		return f, nil
	}
	if got != strings.ToLower(announced.etag) {
		return f, fmt.Errorf("weights: %s: %w: its hash is %s and not %s, which the hub announced: the file was changed on this machine; delete it and %s and fetch again",
			f.Path, ErrDownload, got, announced.etag, c.path("blobs", announced.etag))
	}
	return f, nil
}

// CopyTo copies the files into dir, without the folders they have in the repository, and returns the path of the weights.
// Each appears whole or not at all; one that is there is replaced.
func (d *Downloaded) CopyTo(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("weights: %w", err)
	}
	for _, f := range d.Files {
		if err := copyFile(filepath.Join(dir, path.Base(f.Name)), f.Path); err != nil {
			return "", fmt.Errorf("weights: %w", err)
		}
	}
	return filepath.Join(dir, path.Base(d.Files[0].Name)), nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := atomicfile.Create(to, "fetch")
	if err != nil {
		return err
	}
	defer out.Abort()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Commit()
}

// Cached returns the path of the weights of a hub repository, owner/name[@revision][:file], if the cache has them. The
// network is not asked.
func Cached(spec string) (string, bool) {
	repo, revision, file, err := parseSpec(spec)
	if err != nil {
		return "", false
	}
	root, err := cacheFolder()
	if err != nil {
		return "", false
	}
	c := repoCache{root, repo}
	commit, names, err := c.held(revision, file)
	if err != nil {
		return "", false
	}
	return c.path("snapshots", commit, filepath.FromSlash(names[0])), true
}

// InFolder returns the path of the weights that Open would read from a folder.
func InFolder(dir string) (string, error) {
	names, err := filesIn(dir)
	if err != nil {
		return "", err
	}
	file, err := choose(names)
	if err != nil {
		return "", fmt.Errorf("weights: %s: %w", dir, err)
	}
	return filepath.Join(dir, file), nil
}

// Address is where a file of a repository is on the hub, to be fetched with a browser; file "" is the repository's page.
func Address(repo, file string) string {
	endpoint := "https://huggingface.co"
	if e := first("HF_ENDPOINT"); e != "" {
		endpoint = strings.TrimRight(e, "/")
	}
	if file == "" {
		return endpoint + "/" + repo
	}
	return (&hub{endpoint: endpoint}).address(repo, "main", file)
}
