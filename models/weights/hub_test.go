package weights

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// tree lists the cache: files with their content's start, links with their target.
func tree(t *testing.T) []string {
	t.Helper()
	root := filepath.Join(os.Getenv("HF_HOME"), "hub")
	var out []string
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		line := filepath.ToSlash(rel)
		if target, err := os.Readlink(p); err == nil {
			line += " -> " + target
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFetchFillsThePythonCache(t *testing.T) {
	h := newFakeHub(t)
	h.token = "hf_secret"
	t.Setenv("HF_TOKEN", "hf_secret")
	big := large(5000)
	h.files["sub/model.safetensors"], h.files["config.json"] = big, []byte("{}")
	var steps []int64
	p, err := Fetch(t.Context(), "lab/tiny", "", "sub/model.safetensors", func(file string, done, total int64) {
		if file != "sub/model.safetensors" || total != 5000 {
			t.Errorf("progress of %s: %d of %d", file, done, total)
		}
		steps = append(steps, done)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(p); err != nil || !bytes.Equal(got, big) {
		t.Fatalf("%s holds %d bytes, %v", p, len(got), err)
	}
	if !slices.IsSorted(steps) || steps[len(steps)-1] != 5000 {
		t.Errorf("progress %v", steps)
	}
	if _, err := Fetch(t.Context(), "lab/tiny", "main", "config.json", nil); err != nil {
		t.Fatal(err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(big))
	git := fmt.Sprintf("%x", sha1.Sum([]byte("blob 2\x00{}")))
	want := []string{
		".locks/models--lab--tiny/" + git + ".lock", ".locks/models--lab--tiny/" + sum + ".lock",
		"models--lab--tiny/blobs/" + git, "models--lab--tiny/blobs/" + sum, "models--lab--tiny/refs/main",
		"models--lab--tiny/snapshots/" + commit1 + "/config.json -> ../../blobs/" + git,
		"models--lab--tiny/snapshots/" + commit1 + "/sub/model.safetensors -> ../../../blobs/" + sum,
	}
	slices.Sort(want)
	if got := tree(t); !slices.Equal(got, want) {
		t.Errorf("the cache holds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	h.seen()

	// What is there is not fetched again: the hub is asked for the revision only, and for a commit not at all.
	if again, err := Fetch(t.Context(), "lab/tiny", "main", "sub/model.safetensors", nil); err != nil || again != p {
		t.Errorf("%s, %v", again, err)
	}
	if got := h.seen(); !slices.Equal(got, []string{"HEAD /lab/tiny/resolve/main/sub/model.safetensors"}) {
		t.Errorf("requests %v", got)
	}
	if again, err := Fetch(t.Context(), "lab/tiny", commit1, "sub/model.safetensors", nil); err != nil || again != p || len(h.seen()) != 0 {
		t.Errorf("%s, %v", again, err)
	}

	// A new commit with the same file shares its content.
	h.head = commit2
	moved, err := Fetch(t.Context(), "lab/tiny", "main", "sub/model.safetensors", nil)
	if err != nil || !strings.Contains(moved, commit2) {
		t.Errorf("%s, %v", moved, err)
	}
	if got := h.seen(); len(got) != 1 {
		t.Errorf("requests %v", got)
	}
	if ref, err := os.ReadFile(filepath.Join(os.Getenv("HF_HOME"), "hub", "models--lab--tiny", "refs", "main")); err != nil || string(ref) != commit2 {
		t.Errorf("refs/main is %s, %v", ref, err)
	}
	if _, err := Fetch(t.Context(), "lab/tiny", "refs/pr/1", "config.json", nil); err != nil {
		t.Error(err)
	}
	if _, ok := (repoCache{filepath.Join(os.Getenv("HF_HOME"), "hub"), "lab/tiny"}).commit("refs/pr/1"); !ok {
		t.Error("a revision with slashes is not recorded")
	}
}

func TestFetchWithoutNetwork(t *testing.T) {
	h := newFakeHub(t)
	h.files["a.bin"] = large(300)
	p, err := Fetch(t.Context(), "lab/tiny", "main", "a.bin", nil)
	if err != nil {
		t.Fatal(err)
	}
	h.seen()
	t.Setenv("HF_HUB_OFFLINE", "true")
	if again, err := Fetch(t.Context(), "lab/tiny", "main", "a.bin", nil); err != nil || again != p {
		t.Errorf("offline: %s, %v", again, err)
	}
	if _, err := Fetch(t.Context(), "lab/tiny", "main", "b.bin", nil); !errors.Is(err, ErrOffline) || !strings.Contains(err.Error(), "b.bin") {
		t.Errorf("offline, not cached: %v", err)
	}
	if got := h.seen(); len(got) != 0 {
		t.Errorf("offline, and yet %v", got)
	}
	t.Setenv("HF_HUB_OFFLINE", "0")
	h.Close()
	q := h.quick(t, Options{})
	if again, err := q.fetch(t.Context(), "lab/tiny", "main", "a.bin"); err != nil || again != p {
		t.Errorf("unreachable hub: %s, %v", again, err)
	}
	if _, err := q.fetch(t.Context(), "lab/tiny", "main", "b.bin"); !errors.Is(err, ErrDownload) {
		t.Errorf("unreachable hub, not cached: %v", err)
	}
}

func TestBrokenConnectionIsContinued(t *testing.T) {
	h := newFakeHub(t)
	big := large(1 << 20)
	h.files["w"] = big
	breaks := 3
	h.plan = func(w http.ResponseWriter, r *http.Request, data []byte) bool {
		if breaks == 0 {
			return false
		}
		breaks--
		cut(w, r, data)
		return true
	}
	p, err := h.quick(t, Options{}).fetch(t.Context(), "lab/tiny", "main", "w")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(p); err != nil || !bytes.Equal(got, big) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	var gets []string
	for _, r := range h.seen() {
		if strings.HasPrefix(r, "GET /w") {
			gets = append(gets, r)
		}
	}
	if want := []string{"GET /w", "GET /w bytes=524288-", "GET /w bytes=786432-", "GET /w bytes=917504-"}; !slices.Equal(gets, want) {
		t.Errorf("requests %v, want %v", gets, want)
	}
}

func TestPartialFileIsContinuedByTheNextCall(t *testing.T) {
	h := newFakeHub(t)
	big := large(1 << 20)
	h.files["w"] = big
	ctx, cancel := context.WithCancel(t.Context())
	h.plan = func(w http.ResponseWriter, r *http.Request, data []byte) bool {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data[:700_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done() // until the client goes away
		return true
	}
	q := h.quick(t, Options{Progress: func(_ string, done, _ int64) {
		if done == 700_000 {
			cancel()
		}
	}})
	_, err := q.fetch(ctx, "lab/tiny", "main", "w")
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "700000 bytes are kept in ") {
		t.Fatalf("a cancelled download: %v", err)
	}
	for _, line := range tree(t) {
		if strings.Contains(line, "snapshots") || strings.Contains(line, "refs") {
			t.Errorf("a part is published: %s", line)
		}
	}
	h.plan = nil
	h.seen()
	p, err := h.quick(t, Options{}).fetch(t.Context(), "lab/tiny", "main", "w")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(p); err != nil || !bytes.Equal(got, big) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if got := h.seen(); !slices.Contains(got, "GET /w bytes=700000-") {
		t.Errorf("requests %v", got)
	}
	for _, line := range tree(t) {
		if strings.HasSuffix(line, incomplete) {
			t.Errorf("left over: %s", line)
		}
	}
}

func TestBadDeliveries(t *testing.T) {
	big := large(300_000)
	wrong := slices.Clone(big)
	wrong[150_000] ^= 1
	for _, c := range []struct {
		name string
		plan func(calls int, w http.ResponseWriter, r *http.Request) bool
		etag func([]byte) string
		says string // "" where the file must arrive
	}{
		{name: "altered content", plan: func(_ int, w http.ResponseWriter, r *http.Request) bool { w.Write(wrong); return true }, says: "has the hash"},
		{name: "too much", plan: func(_ int, w http.ResponseWriter, r *http.Request) bool {
			w.Write(append(slices.Clone(big), 0))
			return true
		}, says: "more than the announced 300000"},
		{name: "always too little", plan: func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Range") == "" {
				w.Write(big[:10])
				return true
			}
			w.Header().Set("Content-Range", "bytes 10-299999/300000")
			w.WriteHeader(http.StatusPartialContent)
			return true
		}, says: "ended after 10 of 300000"},
		{name: "no ranges", plan: func(calls int, w http.ResponseWriter, r *http.Request) bool {
			if calls == 1 {
				cut(w, r, big)
			}
			w.Write(big)
			return true
		}},
		{name: "another range than asked", plan: func(calls int, w http.ResponseWriter, r *http.Request) bool {
			switch calls {
			case 1:
				cut(w, r, big)
			case 2:
				w.Header().Set("Content-Range", "bytes 0-299999/300000")
				w.WriteHeader(http.StatusPartialContent)
				w.Write(big)
				return true
			}
			return false
		}},
		{name: "range refused", plan: func(calls int, w http.ResponseWriter, r *http.Request) bool {
			switch calls {
			case 1:
				cut(w, r, big)
			case 2:
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
			return false
		}},
		{name: "busy, then fine", plan: func(calls int, w http.ResponseWriter, r *http.Request) bool {
			if calls < 4 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
			return false
		}},
		{name: "always busy", plan: func(_ int, w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}, says: "503"},
		{name: "gone", plan: func(_ int, w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(http.StatusGone); return true }, says: "410"},
		{name: "unknown kind of ETag", etag: func([]byte) string { return "abc-123" }, plan: func(calls int, w http.ResponseWriter, r *http.Request) bool {
			if calls == 1 {
				cut(w, r, big)
			}
			if r.Header.Get("Range") != "" {
				t.Error("a part that cannot be checked is continued")
			}
			return false
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newFakeHub(t)
			h.files["w"], h.etag = big, c.etag
			calls := 0
			h.plan = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
				calls++
				return c.plan(calls, w, r)
			}
			p, err := h.quick(t, Options{}).fetch(t.Context(), "lab/tiny", "main", "w")
			if c.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(p); err != nil || !bytes.Equal(got, big) {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
				return
			}
			if !errors.Is(err, ErrDownload) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v; want %q", err, c.says)
			}
			if calls > 2*maxAttempts {
				t.Errorf("%d attempts", calls)
			}
			for _, line := range tree(t) {
				if !strings.HasSuffix(line, ".lock") && !strings.HasSuffix(line, incomplete) {
					t.Errorf("published: %s", line)
				}
				if strings.HasSuffix(line, incomplete) && c.name == "altered content" {
					t.Errorf("the altered content is kept: %s", line)
				}
			}
			h.plan = nil
			if _, err := h.quick(t, Options{}).fetch(t.Context(), "lab/tiny", "main", "w"); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestStalledConnectionIsGivenUp(t *testing.T) {
	h := newFakeHub(t)
	big := large(300_000)
	h.files["w"] = big
	first := true
	h.plan = func(w http.ResponseWriter, r *http.Request, data []byte) bool {
		if !first {
			return false
		}
		first = false
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data[:1000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	q := h.quick(t, Options{})
	q.stall = 500 * time.Millisecond
	if _, err := q.fetch(t.Context(), "lab/tiny", "main", "w"); err != nil {
		t.Fatal(err)
	}
	if got := h.seen(); !slices.Contains(got, "GET /w bytes=1000-") {
		t.Errorf("requests %v", got)
	}
}

// A file that cannot be written stands for a full disk: it is not tried again, and what is there stays.
func TestWriteErrorIsFinal(t *testing.T) {
	h := newFakeHub(t)
	h.files["w"] = large(5000)
	q := h.quick(t, Options{})
	info, err := q.describe(t.Context(), "lab/tiny", "main", "w")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "part")
	writeText(t, path, string(h.files["w"][:1000]))
	part, err := os.Open(path) // for reading
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	d := &transfer{hub: q, file: "w", info: info, part: part}
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	h.seen()
	attempts := 0
	err = q.again(t.Context(), func() (bool, error) {
		attempts++
		return d.attempt(t.Context())
	})
	var final *finalError
	if !errors.As(err, &final) || attempts != 1 {
		t.Errorf("%d attempts, %v", attempts, err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, h.files["w"][:1000]) {
		t.Errorf("%d bytes stay, %v", len(got), err)
	}
}

func TestConcurrentFetchesDownloadOnce(t *testing.T) {
	h := newFakeHub(t)
	h.files["w"] = large(200_000)
	var wait sync.WaitGroup
	for range 6 {
		wait.Go(func() {
			if _, err := Fetch(context.Background(), "lab/tiny", "main", "w", nil); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	gets := 0
	for _, r := range h.seen() {
		if strings.HasPrefix(r, "GET /w") {
			gets++
		}
	}
	if gets != 1 {
		t.Errorf("downloaded %d times", gets)
	}
}

func TestHubRefusals(t *testing.T) {
	h := newFakeHub(t)
	h.files["w"] = large(200)
	for _, c := range []struct{ repo, revision, file, says string }{
		{"lab/other", "main", "w", "check the repository's name"},
		{"lab/tiny", "main", "x", "no such file"},
		{"lab/tiny", "v9", "w", "no such file"},
		{"../lab", "main", "w", "no repository name"},
		{"lab/tiny", "../main", "w", "no revision"},
		{"lab/tiny", "main", "../w", "no file"},
		{"lab/tiny", "main", "", "no file"},
	} {
		if _, err := Fetch(t.Context(), c.repo, c.revision, c.file, nil); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %s %s: %v; want %q", c.repo, c.revision, c.file, err, c.says)
		}
	}
	h.token = "hf_secret"
	if _, err := Fetch(t.Context(), "lab/tiny", "main", "w", nil); !errors.Is(err, ErrDownload) || !strings.Contains(err.Error(), "HF_TOKEN") || !strings.Contains(err.Error(), "Access to this model is restricted") {
		t.Errorf("gated: %v", err)
	}
	writeText(t, filepath.Join(os.Getenv("HF_HOME"), "token"), "hf_secret\n")
	if _, err := Fetch(t.Context(), "lab/tiny", "main", "w", nil); err != nil {
		t.Errorf("with a token file: %v", err)
	}
	h.moved = "lab/old"
	if p, err := Fetch(t.Context(), "lab/old", "main", "w", nil); err != nil || !strings.Contains(p, "models--lab--old") {
		t.Errorf("renamed repository: %s, %v", p, err)
	}
	t.Setenv("HF_ENDPOINT", "ftp://x")
	if _, err := Fetch(t.Context(), "lab/tiny", "main", "w", nil); err == nil || !strings.Contains(err.Error(), "HF_ENDPOINT") {
		t.Errorf("bad endpoint: %v", err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") }))
	defer web.Close()
	t.Setenv("HF_ENDPOINT", web.URL)
	if _, err := Fetch(t.Context(), "lab/tiny", "main", "new", nil); !errors.Is(err, ErrDownload) || !strings.Contains(err.Error(), "is HF_ENDPOINT a hub?") {
		t.Errorf("a web page instead of a hub: %v", err)
	}
}

func TestOpenFromHub(t *testing.T) {
	h := newFakeHub(t)
	h.files["model.safetensors"], h.files["config.json"], h.files["pytorch_model.bin"] = model(t, sample...), []byte("{}"), []byte("PK\x03\x04")
	want, err := FromTensors("memory", sample)
	if err != nil {
		t.Fatal(err)
	}
	open := func(ref string, opts Options) (*Set, error) {
		s, err := Open(ref, opts)
		if err == nil {
			t.Cleanup(func() { s.Close() })
		}
		return s, err
	}
	// Another program has cached the pickle alone.
	if _, err := Fetch(t.Context(), "lab/tiny", "main", "pytorch_model.bin", nil); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"hf:lab/tiny", "lab/tiny", "hf:lab/tiny@main:model.safetensors", "hf:lab/tiny@" + commit1} {
		s, err := open(ref, Options{})
		if err != nil || s.Hash() != want.Hash() || s.Ref() != "hf:lab/tiny@"+commit1 {
			t.Errorf("%s: %v", ref, err)
		}
	}
	h.seen()
	for _, opts := range []Options{{}, {Offline: true}} {
		if _, err := open("hf:lab/tiny", opts); err != nil {
			t.Error(err)
		}
	}
	if got := h.seen(); len(got) != 0 {
		t.Errorf("a cached model, and yet %v", got)
	}
	h.head = commit2
	if s, err := open("hf:lab/tiny", Options{Refresh: true}); err != nil || s.Ref() != "hf:lab/tiny@"+commit2 {
		t.Errorf("refresh: %v", err)
	}
	h.Close()
	q := Options{Refresh: true}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := OpenContext(ctx, "hf:lab/absent", q); err == nil {
		t.Error("an unreachable model opens")
	}
	if _, err := open("hf:lab/absent", Options{Offline: true}); !errors.Is(err, ErrOffline) {
		t.Errorf("offline: %v", err)
	}
}

func TestOpenShardsFromHub(t *testing.T) {
	h := newFakeHub(t)
	dir := t.TempDir()
	sharded(t, dir, nil)
	for _, name := range []string{"model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		h.files[name] = data
	}
	if _, err := Fetch(t.Context(), "lab/tiny", "main", "model.safetensors.index.json", nil); err != nil {
		t.Fatal(err)
	}
	s, err := Open("hf:lab/tiny", Options{}) // the index is cached, its files are not
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want, err := FromTensors("memory", sample)
	if err != nil || s.Hash() != want.Hash() {
		t.Errorf("other content: %v", err)
	}
}

func TestHubWithoutSafetensors(t *testing.T) {
	h := newFakeHub(t)
	h.files["pytorch_model.bin"] = []byte("PK\x03\x04")
	if _, err := Open("hf:lab/tiny", Options{}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "torch.load") {
		t.Errorf("a pickle alone: %v", err)
	}
	h.files["a.safetensors"], h.files["b.safetensors"] = model(t, sample[0]), model(t, sample[1])
	if _, err := Open("hf:lab/tiny", Options{}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "a.safetensors, b.safetensors") {
		t.Errorf("two files: %v", err)
	}
	s, err := Open("hf:lab/tiny:b.safetensors", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !slices.Equal(s.Names(), []string{"fc.bias"}) {
		t.Errorf("%v", s.Names())
	}
}

func TestCacheFolder(t *testing.T) {
	for _, v := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(v, "")
	}
	t.Setenv("HOME", filepath.FromSlash("/home/x"))
	t.Setenv("USERPROFILE", filepath.FromSlash("/home/x"))
	for _, c := range []struct{ variable, value, want string }{
		{"", "", "/home/x/.cache/huggingface/hub"},
		{"XDG_CACHE_HOME", "/xdg", "/xdg/huggingface/hub"},
		{"HF_HOME", "/hf", "/hf/hub"},
		{"HUGGINGFACE_HUB_CACHE", "/old", "/old"},
		{"HF_HUB_CACHE", "/hub", "/hub"},
	} {
		if c.variable != "" {
			t.Setenv(c.variable, c.value)
		}
		if got, err := cacheFolder(); err != nil || filepath.ToSlash(got) != c.want {
			t.Errorf("with %s: %s, %v, want %s", c.variable, got, err, c.want)
		}
	}
}

func TestGitObjectID(t *testing.T) {
	// git hash-object of a file with "hello\n"
	r := remote{etag: "ce013625030ba8dba906f756967f9e9ca394464a", size: 6}
	h := r.digest()
	h.Write([]byte("hello\n"))
	if got := hex.EncodeToString(h.Sum(nil)); got != r.etag {
		t.Errorf("%s, want %s", got, r.etag)
	}
}
