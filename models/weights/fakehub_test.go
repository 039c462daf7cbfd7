package weights

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ventral-lab/ventral/internal/safetensors"
)

const commit1, commit2 = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"

// fakeHub answers as huggingface.co does: files up to small bytes itself, larger ones by a redirect to another host.
type fakeHub struct {
	*httptest.Server
	cdn *httptest.Server
	t   *testing.T

	mu       sync.Mutex
	repo     string
	head     string            // commit of main
	files    map[string][]byte // of every commit
	requests []string          // method, path and range, in order
	token    string            // that the hub wants, "" for none
	plan     func(w http.ResponseWriter, r *http.Request, data []byte) bool
	etag     func(data []byte) string
	moved    string // old repository name that redirects to repo
}

const small = 100

func newFakeHub(t *testing.T) *fakeHub {
	h := &fakeHub{t: t, repo: "lab/tiny", head: commit1, files: map[string][]byte{}}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	h.cdn = httptest.NewServer(http.HandlerFunc(h.deliver))
	t.Cleanup(h.Close)
	t.Cleanup(h.cdn.Close)
	for _, v := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "XDG_CACHE_HOME"} {
		t.Setenv(v, "")
	}
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("HF_ENDPOINT", h.URL)
	return h
}

func (h *fakeHub) log(r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = append(h.requests, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
}

func (h *fakeHub) seen() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.requests
	h.requests = nil
	return out
}

func (h *fakeHub) serve(w http.ResponseWriter, r *http.Request) {
	h.log(r)
	if h.token != "" && r.Header.Get("Authorization") != "Bearer "+h.token {
		w.Header().Set("X-Error-Code", "GatedRepo")
		w.Header().Set("X-Error-Message", "Access to this model is restricted")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	path := r.URL.EscapedPath()
	if h.moved != "" && strings.HasPrefix(path, "/"+h.moved+"/") {
		http.Redirect(w, r, "/"+h.repo+strings.TrimPrefix(path, "/"+h.moved), http.StatusTemporaryRedirect)
		return
	}
	if rest, ok := strings.CutPrefix(path, "/api/models/"+h.repo+"/revision/"); ok {
		c, ok := h.commit(rest)
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		type sibling struct {
			Name string `json:"rfilename"`
		}
		var siblings []sibling
		for name := range h.files {
			siblings = append(siblings, sibling{name})
		}
		if err := json.NewEncoder(w).Encode(map[string]any{"sha": c, "siblings": siblings}); err != nil {
			h.t.Error(err)
		}
		return
	}
	rest, ok := strings.CutPrefix(path, "/"+h.repo+"/resolve/")
	revision, file, _ := strings.Cut(rest, "/")
	c, known := h.commit(revision)
	data, exists := h.files[file]
	switch {
	case !ok:
		w.Header().Set("X-Error-Code", "RepoNotFound")
		w.WriteHeader(http.StatusNotFound)
		return
	case !known || !exists:
		w.Header().Set("X-Error-Code", "EntryNotFound")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("X-Repo-Commit", c)
	if len(data) > small {
		etag := fmt.Sprintf("%x", sha256.Sum256(data))
		if h.etag != nil {
			etag = h.etag(data)
		}
		w.Header().Set("X-Linked-Etag", `"`+etag+`"`)
		w.Header().Set("X-Linked-Size", strconv.Itoa(len(data)))
		http.Redirect(w, r, h.cdn.URL+"/"+file+"?signed=1", http.StatusFound)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`W/"%x"`, sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func (h *fakeHub) commit(revision string) (string, bool) {
	switch revision {
	case "main", "refs%2Fpr%2F1":
		return h.head, true
	case commit1, commit2:
		return revision, true
	}
	return "", false
}

func (h *fakeHub) deliver(w http.ResponseWriter, r *http.Request) {
	h.log(r)
	if r.Header.Get("Authorization") != "" {
		h.t.Error("the token went to another host")
	}
	data := h.files[strings.TrimPrefix(r.URL.Path, "/")]
	if h.plan != nil && h.plan(w, r, data) {
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// cut sends half of what is asked for and then breaks the connection.
func cut(w http.ResponseWriter, r *http.Request, data []byte) {
	from := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	}
	w.Write(data[from : from+(len(data)-from)/2])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func (h *fakeHub) quick(t *testing.T, opts Options) *hub {
	t.Helper()
	q, err := newHub(opts)
	if err != nil {
		t.Fatal(err)
	}
	q.pause = time.Millisecond
	return q
}

func model(t *testing.T, tensors ...safetensors.Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func large(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i * i >> 7)
	}
	return out
}
