package recording

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ventral-lab/ventral/internal/cache"
)

// CacheDir is the folder for everything that can be made again: $VENTRAL_CACHE, else "ventral" in the user's cache
// folder. It is not created.
func CacheDir() (string, error) { return cache.Dir() }

// CachePath is where the recording of a manifest lies in the cache: recordings/HASH below CacheDir, or below the
// folder for temporary files where there is no CacheDir.
func CachePath(m Manifest) string {
	d, err := CacheDir()
	if err != nil {
		d = filepath.Join(os.TempDir(), "ventral")
	}
	return filepath.Join(d, "recordings", m.Hash())
}

// Cached opens the recording of a manifest if it is in the cache and complete; otherwise it gives nil and no
// error. A recording that is there but cannot be read is an error.
func Cached(m Manifest) (*Recording, error) {
	r, err := Open(CachePath(m))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || !r.Complete() {
		return nil, err
	}
	return r, nil
}
