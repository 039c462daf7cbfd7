package cache_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ventral-lab/ventral/internal/cache"
)

func TestDo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("VENTRAL_CACHE", dir)
	calls := 0
	get := func(key string) (int, bool) {
		v, hit, err := cache.Do("test", key, func() (int, error) { calls++; return calls, nil })
		if err != nil {
			t.Fatal(err)
		}
		return v, hit
	}
	if v, hit := get("a"); v != 1 || hit {
		t.Errorf("first call: %d, hit %v", v, hit)
	}
	if v, hit := get("a"); v != 1 || !hit {
		t.Errorf("second call: %d, hit %v", v, hit)
	}
	if v, hit := get("b"); v != 2 || hit {
		t.Errorf("another key: %d, hit %v", v, hit)
	}
	// A damaged file counts as not there.
	files, _ := filepath.Glob(filepath.Join(dir, "test", "*.json"))
	for _, f := range files {
		if err := os.WriteFile(f, []byte(`{"key":"a","val`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if v, hit := get("a"); v != 3 || hit {
		t.Errorf("after damage: %d, hit %v", v, hit)
	}
}
