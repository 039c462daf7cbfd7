package weights

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Progress is told how many of a file's bytes are there. total is -1 where the hub does not say.
type Progress func(file string, done, total int64)

// hub is one place that serves repositories, with the cache they go to.
type hub struct {
	endpoint string
	token    string
	root     string // of the cache
	offline  bool
	client   *http.Client
	progress Progress
	pause    time.Duration // before the second attempt; doubles
	stall    time.Duration
}

func newHub(opts Options) (*hub, error) {
	root, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	h := &hub{endpoint: "https://huggingface.co", token: token(), root: root, offline: opts.Offline || offline(), progress: opts.Progress, pause: time.Second, stall: stallAfter}
	if e := first("HF_ENDPOINT"); e != "" {
		h.endpoint = strings.TrimRight(e, "/")
	}
	u, err := url.Parse(h.endpoint)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("weights: HF_ENDPOINT is %q; want an address such as https://huggingface.co", h.endpoint)
	}
	h.client = &http.Client{CheckRedirect: h.redirect}
	if h.progress == nil {
		h.progress = func(string, int64, int64) {}
	}
	return h, nil
}

// redirect keeps the token at the endpoint and refuses to go from an encrypted address to an open one.
func (h *hub) redirect(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("redirect from https to %s", req.URL.Scheme)
	}
	if req.URL.Host != via[0].URL.Host {
		req.Header.Del("Authorization")
	}
	// An answer with X-Linked-Etag describes the file, and what it redirects to only delivers it. Other hosts describe
	// nothing. What is left are moves within the hub: a renamed repository, its own cache of small files.
	if req.Method == http.MethodHead && (req.Response.Header.Get("X-Linked-Etag") != "" || req.URL.Host != via[0].URL.Host) {
		return http.ErrUseLastResponse
	}
	return nil
}

// Fetch returns the path of one file of a hub repository in the cache, after downloading it if it is not there or the
// revision has moved. revision is a branch, a tag or a commit, "" is main. progress may be nil.
//
// Without network a cached file is returned as it is. With HF_HUB_OFFLINE the network is not asked, and a file that is
// not cached is an ErrOffline. A broken download is continued, by this call or by the next one.
func Fetch(ctx context.Context, repo, revision, file string, progress Progress) (string, error) {
	h, err := newHub(Options{Progress: progress})
	if err != nil {
		return "", err
	}
	if revision == "" {
		revision = "main"
	}
	return h.fetch(ctx, repo, revision, file)
}

func (h *hub) fetch(ctx context.Context, repo, revision, file string) (string, error) {
	if err := checkSpec(repo, revision, file); err != nil {
		return "", err
	}
	if file == "" {
		return "", fmt.Errorf("weights: %w: no file of %s is named", ErrNotFound, repo)
	}
	cache := repoCache{h.root, repo}
	cached, have := cache.file(revision, file)
	if have && (h.offline || commitPattern.MatchString(revision)) {
		return cached, nil
	}
	if h.offline {
		return "", h.offlineError(repo, revision, file)
	}
	info, err := h.describe(ctx, repo, revision, file)
	if err != nil {
		var refused *statusError
		if have && !errors.As(err, &refused) && ctx.Err() == nil {
			return cached, nil // no network: what is cached is the best there is
		}
		return "", err
	}
	if err := h.download(ctx, cache, file, info); err != nil {
		return "", err
	}
	p, err := cache.publish(info.commit, revision, file, info.etag)
	if err != nil {
		return "", fmt.Errorf("weights: %w", err)
	}
	return p, nil
}

func (h *hub) offlineError(repo, revision, file string) error {
	what := repo
	if file != "" {
		what += "/" + file
	}
	return fmt.Errorf("weights: %w: %s at %s is not in the cache %s; unset HF_HUB_OFFLINE, or copy the cache folder from a machine that has it", ErrOffline, what, revision, h.root)
}

// statusError is an answer of the hub that is not the file.
type statusError struct {
	url    string
	status int
	code   string // X-Error-Code: RepoNotFound, EntryNotFound, RevisionNotFound, GatedRepo
	said   string
}

func (e *statusError) Error() string {
	remedy := "try again later"
	switch {
	case e.code == "GatedRepo" || e.status == http.StatusForbidden:
		remedy = "accept the model's terms on its page and set HF_TOKEN to a token of that account"
	case e.status == http.StatusUnauthorized || e.code == "RepoNotFound":
		remedy = "check the repository's name; if it is private set HF_TOKEN"
	case e.code == "EntryNotFound":
		remedy = "the repository has no such file"
	case e.code == "RevisionNotFound":
		remedy = "the repository has no such revision"
	case e.status == http.StatusNotFound:
		remedy = "check the repository, revision and file names"
	case e.status == http.StatusTooManyRequests:
		remedy = "wait some minutes, or set HF_TOKEN"
	}
	text := fmt.Sprintf("%s answers %d %s", e.url, e.status, http.StatusText(e.status))
	for _, s := range []string{e.code, e.said} {
		if s != "" {
			text += ", " + strconv.QuoteToASCII(s[:min(len(s), 200)])
		}
	}
	return text + "; " + remedy
}

// temporary reports whether the same request may be answered later.
func (e *statusError) temporary() bool {
	return e.status == http.StatusTooManyRequests || e.status == http.StatusRequestTimeout || e.status >= 500
}

func (h *hub) address(repo, revision, file string) string {
	var parts []string
	for _, p := range strings.Split(file, "/") {
		parts = append(parts, url.PathEscape(p))
	}
	return h.endpoint + "/" + repo + "/resolve/" + url.PathEscape(revision) + "/" + strings.Join(parts, "/")
}

func (h *hub) request(ctx context.Context, method, address string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "ventral/1 (+https://github.com/ventral-lab/ventral)")
	req.Header.Set("Accept-Encoding", "identity") // sizes and ranges count the file's own bytes
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	return req, nil
}

// again runs attempt until it succeeds, its failure is final, or it failed maxAttempts times in a row without progress.
func (h *hub) again(ctx context.Context, attempt func() (progress bool, err error)) error {
	pause := h.pause
	for failures := 0; ; {
		progress, err := attempt()
		if err == nil {
			return nil
		}
		if progress {
			failures, pause = 0, h.pause
		}
		failures++
		var status *statusError
		var final *finalError
		if ctx.Err() != nil || failures >= maxAttempts || errors.As(err, &final) || errors.As(err, &status) && !status.temporary() {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// finalError marks a failure that another attempt would only repeat.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// remote is what the hub says of a file.
type remote struct {
	address string
	commit  string
	etag    string
	size    int64 // -1 if unknown
}

// describe asks for a file's commit, ETag and size.
func (h *hub) describe(ctx context.Context, repo, revision, file string) (remote, error) {
	var info remote
	address := h.address(repo, revision, file)
	err := h.again(ctx, func() (bool, error) {
		req, err := h.request(ctx, http.MethodHead, address)
		if err != nil {
			return false, &finalError{err}
		}
		res, err := h.client.Do(req)
		if err != nil {
			return false, err
		}
		res.Body.Close()
		info = remote{address: address, size: res.ContentLength}
		for r := res; r != nil && info.commit == ""; r = r.Request.Response { // the last of the answers that name one
			info.commit = r.Header.Get("X-Repo-Commit")
		}
		if res.StatusCode >= 400 || res.StatusCode >= 300 && info.commit == "" {
			return false, answer(address, res)
		}
		etag := res.Header.Get("X-Linked-Etag") // of a large file: the SHA-256 of its content
		if etag == "" {
			etag = res.Header.Get("ETag")
		}
		info.etag = strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
		if linked := res.Header.Get("X-Linked-Size"); linked != "" {
			if info.size, err = strconv.ParseInt(linked, 10, 64); err != nil || info.size < 0 {
				return false, &finalError{fmt.Errorf("%s: X-Linked-Size is %q", address, linked)}
			}
		} else if res.StatusCode >= 300 {
			info.size = -1
		}
		if !commitPattern.MatchString(info.commit) || !etagPattern.MatchString(info.etag) || strings.HasSuffix(info.etag, incomplete) || strings.Trim(info.etag, ".") == "" {
			return false, &finalError{fmt.Errorf("%s answers without a commit and an ETag (%q, %q); is HF_ENDPOINT a hub?", address, info.commit, info.etag)}
		}
		return false, nil
	})
	if err != nil {
		return remote{}, fmt.Errorf("weights: %w: %w", ErrDownload, err)
	}
	return info, nil
}

func answer(address string, res *http.Response) *statusError {
	return &statusError{url: address, status: res.StatusCode, code: res.Header.Get("X-Error-Code"), said: res.Header.Get("X-Error-Message")}
}

// list returns a revision's commit and file names.
func (h *hub) list(ctx context.Context, repo, revision string) (commit string, files []string, err error) {
	address := h.endpoint + "/api/models/" + repo + "/revision/" + url.PathEscape(revision)
	var body struct {
		SHA      string `json:"sha"`
		Siblings []struct {
			Name string `json:"rfilename"`
		} `json:"siblings"`
	}
	err = h.again(ctx, func() (bool, error) {
		req, err := h.request(ctx, http.MethodGet, address)
		if err != nil {
			return false, &finalError{err}
		}
		res, err := h.client.Do(req)
		if err != nil {
			return false, err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return false, answer(address, res)
		}
		data, err := io.ReadAll(io.LimitReader(res.Body, maxIndex+1))
		if err != nil {
			return false, err
		}
		if len(data) > maxIndex {
			return false, &finalError{fmt.Errorf("%s answers with more than %d bytes", address, maxIndex)}
		}
		if err := json.Unmarshal(data, &body); err != nil || !commitPattern.MatchString(body.SHA) {
			return false, &finalError{fmt.Errorf("%s: not a hub's answer: %w", address, errors.Join(err, fmt.Errorf("commit %q", body.SHA)))}
		}
		return false, nil
	})
	if err != nil {
		return "", nil, fmt.Errorf("weights: %w: %w", ErrDownload, err)
	}
	for _, s := range body.Siblings {
		files = append(files, s.Name)
	}
	return body.SHA, files, nil
}

// openHub opens a repository's weights from the cache, and downloads what is missing.
func openHub(ctx context.Context, spec string, opts Options) (*Set, error) {
	repo, revision, file, err := parseSpec(spec)
	if err != nil {
		return nil, err
	}
	h, err := newHub(opts)
	if err != nil {
		return nil, err
	}
	cache := repoCache{h.root, repo}
	cached := func() (*Set, error) {
		dir, commit, ok := cache.snapshot(revision)
		if !ok {
			return nil, fs.ErrNotExist
		}
		return openFolder("hf:"+repo+"@"+commit, dir, file)
	}
	if !opts.Refresh || h.offline {
		s, err := cached()
		// What a snapshot lacks may not have been fetched yet (another program may have wanted the pickle); what it has and
		// is bad stays bad.
		absent := errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotFound) || file == "" && errors.Is(err, ErrFormat)
		if !absent {
			return s, err
		}
		if h.offline {
			return nil, errors.Join(h.offlineError(repo, revision, file), err)
		}
	}
	commit, got, err := h.gather(ctx, repo, revision, file)
	if err != nil {
		var refused *statusError
		if s, cerr := cached(); cerr == nil && !errors.As(err, &refused) && ctx.Err() == nil {
			return s, nil
		}
		return nil, err
	}
	return openFolder("hf:"+repo+"@"+commit, cache.path("snapshots", commit), got[0])
}

// gather fetches everything that belongs to a repository's weights: the file itself, or the one that choose picks, the
// files that it names where it is an index, and the side files beside it. It returns their names, the weights first.
func (h *hub) gather(ctx context.Context, repo, revision, file string) (commit string, got []string, err error) {
	commit, files, err := h.list(ctx, repo, revision)
	if err != nil {
		return "", nil, err
	}
	if file == "" {
		if file, err = choose(files); err != nil {
			return "", nil, fmt.Errorf("weights: %s/%s at %s: %w%s", h.endpoint, repo, revision, err, otherFormats(files))
		}
	}
	got = []string{file}
	for _, name := range sideFiles {
		if beside := path.Join(path.Dir(file), name); slices.Contains(files, beside) {
			got = append(got, beside)
		}
	}
	for _, name := range got {
		if err := h.keep(ctx, repo, commit, name); err != nil {
			return "", nil, err
		}
	}
	if strings.HasSuffix(file, ".index.json") {
		cache := repoCache{h.root, repo}
		x, err := readIndex(cache.path("snapshots", commit, filepath.FromSlash(file)))
		if err != nil {
			return "", nil, err
		}
		for _, shard := range shardPaths(file, x) {
			if err := h.keep(ctx, repo, commit, shard); err != nil {
				return "", nil, err
			}
			got = append(got, shard)
		}
	}
	if revision != commit {
		if err := writeFile(repoCache{h.root, repo}.path("refs", filepath.FromSlash(revision)), []byte(commit)); err != nil {
			return "", nil, fmt.Errorf("weights: %w", err)
		}
	}
	return commit, got, nil
}

func (h *hub) keep(ctx context.Context, repo, commit, file string) error {
	_, err := h.fetch(ctx, repo, commit, file)
	return err
}

// otherFormats says what else a repository has, and how to go on.
func otherFormats(files []string) string {
	for _, f := range files {
		if c, ok := conversions[strings.ToLower(filepath.Ext(f))]; ok {
			text := fmt.Sprintf("; it has %s (%s), which is not read: another revision or repository may have safetensors", f, c.what)
			if c.how != "" {
				text += ", or convert it once: " + c.how
			}
			return text
		}
	}
	return ""
}
