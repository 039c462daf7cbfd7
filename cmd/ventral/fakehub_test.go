package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// standIn answers as huggingface.co does: it lists repositories and describes files, and another host delivers them.
// Every repository holds the same checkpoint; what is special about one is in its name.
type standIn struct {
	hub, delivery *httptest.Server
	weights       []byte

	mu     sync.Mutex
	broken bool // lab/cut: half of the file was delivered and nothing more is until it is asked for anew
	leaked bool // the token came to the delivering host
}

const standInCommit = "0123456789abcdef0123456789abcdef01234567"

func newStandIn(t testing.TB) *standIn {
	weights, err := os.ReadFile(filepath.Join("..", "..", "models", "golden", "testdata", "hf_clip_tiny", "weights.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	s := &standIn{weights: weights}
	s.hub = httptest.NewServer(http.HandlerFunc(s.describe))
	s.delivery = httptest.NewServer(http.HandlerFunc(s.deliver))
	return s
}

func (s *standIn) Close() {
	s.hub.Close()
	s.delivery.Close()
}

// setUp points a script at the stand-in.
func (s *standIn) setUp(e *testscript.Env) {
	e.Defer(s.Close)
	e.Setenv("HF_ENDPOINT", s.hub.URL)
	e.Setenv("HF_HOME", filepath.Join(e.WorkDir, "hf"))
	e.Setenv("VENTRAL_CACHE", filepath.Join(e.WorkDir, "cache"))
	for _, v := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "XDG_CACHE_HOME", "VENTRAL_MODELS"} {
		e.Setenv(v, "")
	}
	golden, err := filepath.Abs(filepath.Join("..", "..", "models", "golden", "testdata"))
	if err == nil {
		e.Setenv("GOLDEN", golden)
	}
}

func (s *standIn) describe(w http.ResponseWriter, r *http.Request) {
	repo := strings.Join(strings.Split(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/api/models"), "/"), "/")[:2], "/")
	refuse := func(status int, code string) {
		w.Header().Set("X-Error-Code", code)
		w.WriteHeader(status)
	}
	s.mu.Lock()
	leaked := s.leaked
	s.broken = s.broken && !strings.HasPrefix(r.URL.Path, "/api/") // a new run asks for the list first
	s.mu.Unlock()
	switch {
	case leaked:
		refuse(http.StatusTeapot, "TokenWentToAnotherHost")
		return
	case repo == "lab/gated" && r.Header.Get("Authorization") != "Bearer hf_secret":
		refuse(http.StatusUnauthorized, "GatedRepo")
		return
	case repo == "lab/missing":
		refuse(http.StatusNotFound, "RepoNotFound")
		return
	}
	file := "model.safetensors"
	if strings.HasPrefix(repo, "timm/") {
		file = "open_clip_model.safetensors"
	}
	if repo == "lab/pickle" {
		file = "pytorch_model.bin"
	}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		siblings := []map[string]string{{"rfilename": "README.md"}, {"rfilename": file}, {"rfilename": "config.json"}}
		json.NewEncoder(w).Encode(map[string]any{"sha": standInCommit, "siblings": siblings})
		return
	}
	w.Header().Set("X-Repo-Commit", standInCommit)
	if strings.HasSuffix(r.URL.Path, "/config.json") {
		w.Header().Set("ETag", `"`+strings.Repeat("c", 12)+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(`{"vision_config": {"hidden_act": "quick_gelu", "num_attention_heads": 4}}`))
		return
	}
	data := s.weights
	if repo == "lab/altered" {
		data = append(bytes.Clone(data), 0)
	}
	w.Header().Set("X-Linked-Etag", fmt.Sprintf(`"%x"`, sha256.Sum256(data)))
	w.Header().Set("X-Linked-Size", strconv.Itoa(len(s.weights)))
	http.Redirect(w, r, s.delivery.URL+"/"+repo, http.StatusFound)
}

func (s *standIn) deliver(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.leaked = s.leaked || r.Header.Get("Authorization") != ""
	broken := s.broken
	first := r.URL.Path == "/lab/cut" && r.Header.Get("Range") == ""
	s.broken = broken || first
	s.mu.Unlock()
	switch {
	case broken:
		w.WriteHeader(http.StatusForbidden)
		return
	case first:
		w.Header().Set("Content-Length", strconv.Itoa(len(s.weights)))
		w.Write(s.weights[:len(s.weights)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case r.URL.Path == "/lab/cut" && r.Header.Get("Range") != fmt.Sprintf("bytes=%d-", len(s.weights)/2):
		w.WriteHeader(http.StatusTeapot)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.weights))
}
