package weights

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// The cache layout is huggingface_hub's:
//
//	models--owner--name/refs/main                  a commit
//	models--owner--name/blobs/ETAG                 a file's content
//	models--owner--name/blobs/ETAG.incomplete      what was downloaded before a break
//	models--owner--name/snapshots/COMMIT/FILE      a link to ../../blobs/ETAG
//	.locks/models--owner--name/ETAG.lock           held while ETAG is downloaded

// cacheFolder returns the hub cache as huggingface_hub finds it.
func cacheFolder() (string, error) {
	if dir := first("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"); dir != "" {
		return dir, nil
	}
	home, err := hubHome()
	return filepath.Join(home, "hub"), err
}

// hubHome returns the folder that holds the cache and the token.
func hubHome() (string, error) {
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "huggingface"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("weights: no folder for the cache: %w; set HF_HOME", err)
	}
	return filepath.Join(home, ".cache", "huggingface"), nil
}

// token returns the access token, "" if there is none.
func token() string {
	if t := strings.TrimSpace(first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")); t != "" {
		return t
	}
	file := os.Getenv("HF_TOKEN_PATH")
	if file == "" {
		home, err := hubHome()
		if err != nil {
			return ""
		}
		file = filepath.Join(home, "token")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func first(variables ...string) string {
	for _, v := range variables {
		if s := os.Getenv(v); s != "" {
			return s
		}
	}
	return ""
}

// offline reports whether HF_HUB_OFFLINE forbids the network.
func offline() bool {
	switch strings.ToUpper(os.Getenv("HF_HUB_OFFLINE")) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

var (
	repoPattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`)
	commitPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)
	etagPattern   = regexp.MustCompile(`^[0-9A-Za-z._-]{1,128}$`)
)

// parseSpec reads owner/name[@revision][:file].
func parseSpec(spec string) (repo, revision, file string, err error) {
	repo, file, _ = strings.Cut(spec, ":")
	repo, revision, found := strings.Cut(repo, "@")
	if !found {
		revision = "main"
	}
	if err := checkSpec(repo, revision, file); err != nil {
		return "", "", "", err
	}
	return repo, revision, file, nil
}

// checkSpec refuses names that could leave the cache folder or the repository's address.
func checkSpec(repo, revision, file string) error {
	switch {
	case !repoPattern.MatchString(repo) || strings.Contains(repo, "--") || strings.Contains(repo, ".."):
		return fmt.Errorf("weights: %w: %q is no repository name; write owner/name", ErrNotFound, repo)
	case !fs.ValidPath(revision) || revision == "." || strings.ContainsAny(revision, `\:`):
		return fmt.Errorf("weights: %w: %q is no revision; write a branch, a tag or a commit", ErrNotFound, revision)
	case file != "" && (!fs.ValidPath(file) || file == "." || strings.ContainsAny(file, `\:`) || !filepath.IsLocal(filepath.FromSlash(file))):
		return fmt.Errorf("weights: %w: %q is no file in a repository", ErrNotFound, file)
	}
	return nil
}

// repoCache is the part of the cache that belongs to one repository.
type repoCache struct{ root, repo string }

func (c repoCache) name() string { return "models--" + strings.ReplaceAll(c.repo, "/", "--") }
func (c repoCache) path(parts ...string) string {
	return filepath.Join(append([]string{c.root, c.name()}, parts...)...)
}

// commit returns the commit that a revision had when it was last fetched.
func (c repoCache) commit(revision string) (string, bool) {
	if commitPattern.MatchString(revision) {
		return revision, true
	}
	data, err := os.ReadFile(c.path("refs", filepath.FromSlash(revision)))
	commit := strings.TrimSpace(string(data))
	return commit, err == nil && commitPattern.MatchString(commit)
}

// snapshot returns the folder of a revision's files if the cache has one.
func (c repoCache) snapshot(revision string) (dir, commit string, ok bool) {
	commit, ok = c.commit(revision)
	if !ok {
		return "", "", false
	}
	dir = c.path("snapshots", commit)
	info, err := os.Stat(dir)
	return dir, commit, err == nil && info.IsDir()
}

// file returns the path of a cached file.
func (c repoCache) file(revision, file string) (string, bool) {
	dir, _, ok := c.snapshot(revision)
	if !ok {
		return "", false
	}
	p := filepath.Join(dir, filepath.FromSlash(file))
	_, err := os.Stat(p) // follows the link: a link to nothing is not there
	return p, err == nil
}

// publish makes a blob visible as a snapshot's file and records the revision's commit.
func (c repoCache) publish(commit, revision, file, etag string) (string, error) {
	p := c.path("snapshots", commit, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
		return "", err
	}
	blob := c.path("blobs", etag)
	relative, err := filepath.Rel(filepath.Dir(p), blob)
	if err != nil {
		return "", err
	}
	if old, err := os.Readlink(p); err != nil || old != relative {
		if err := replaceByLink(p, relative, blob); err != nil {
			return "", err
		}
	}
	if revision != commit {
		if err := writeFile(c.path("refs", filepath.FromSlash(revision)), []byte(commit)); err != nil {
			return "", err
		}
	}
	return p, nil
}

// replaceByLink puts a link to target at p by rename. Where links cannot be made (Windows without the privilege) the
// blob is given a second name, and where that cannot be done either it is moved.
func replaceByLink(p, target, blob string) error {
	temp, err := os.MkdirTemp(filepath.Dir(p), ".link-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	link := filepath.Join(temp, "link")
	// The link is relative to the folder it is renamed into, so it points nowhere until then.
	if err := os.Symlink(target, link); err == nil {
		return os.Rename(link, p)
	}
	if err := os.Link(blob, link); err == nil {
		return os.Rename(link, p)
	}
	return os.Rename(blob, p)
}

// writeFile writes a small file and the folders it is in.
func writeFile(p string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
		return err
	}
	return atomicfile.WriteFile(p, data, "hub")
}

// shardPaths returns the files an index names, as paths in the repository.
func shardPaths(indexFile string, x *index) []string {
	var out []string
	for _, s := range x.shards() {
		out = append(out, path.Join(path.Dir(indexFile), s))
	}
	return out
}
