// Package cache keeps results of long computations on disk under the hash of everything they depend on, so that a
// notebook cell, which is a process of its own, gets a result that was computed before at once.
//
// # Invariants
//
//   - A key is JSON; equal keys have equal results, so the key must name the model's weights, the stimuli, every option
//     and the version of the code that would change the numbers.
//   - Files are whole or not there. A file that cannot be read counts as not there and is replaced.
//   - To compute everything anew, point $VENTRAL_CACHE to an empty folder.
package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// maxFile bounds what is read back: results are tables and maps, some tens of megabytes at most.
const maxFile = 1 << 30

// Dir is the folder for everything that can be made again: $VENTRAL_CACHE, or ventral below the user's cache folder. It
// is not created.
func Dir() (string, error) {
	if d := os.Getenv("VENTRAL_CACHE"); d != "" {
		abs, err := filepath.Abs(d)
		if err != nil {
			return "", fmt.Errorf("VENTRAL_CACHE=%s: %w", d, err)
		}
		return abs, nil
	}
	d, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w; set VENTRAL_CACHE", err)
	}
	return filepath.Join(d, "ventral"), nil
}

// Do returns the value stored under kind and key, or computes and stores it. hit tells which. A failure to store is
// not an error: the value is there.
func Do[T any](kind string, key any, compute func() (T, error)) (value T, hit bool, err error) {
	dir, err := Dir()
	if err != nil {
		value, err = compute()
		return value, false, err
	}
	k, err := json.Marshal(key)
	if err != nil {
		return value, false, fmt.Errorf("cache key of %s: %w", kind, err)
	}
	sum := sha256.Sum256(append([]byte(kind+"\n"), k...))
	path := filepath.Join(dir, kind, hex.EncodeToString(sum[:16])+".json")
	if st, e := os.Stat(path); e == nil && st.Size() <= maxFile {
		if b, e := os.ReadFile(path); e == nil {
			var v entry[T]
			if json.Unmarshal(b, &v) == nil && string(v.Key) == string(k) {
				return v.Value, true, nil
			}
		}
	}
	if value, err = compute(); err != nil {
		return value, false, err
	}
	if b, e := json.Marshal(entry[T]{Key: k, Value: value}); e == nil && atomicfile.MkdirAll(filepath.Dir(path)) == nil {
		_ = atomicfile.WriteFile(path, b, "cache")
	}
	return value, false, nil
}

type entry[T any] struct {
	Key   json.RawMessage `json:"key"`
	Value T               `json:"value"`
}
