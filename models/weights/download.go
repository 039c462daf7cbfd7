package weights

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const incomplete = ".incomplete"

var contentRange = regexp.MustCompile(`^bytes (\d+)-(\d+)/(\d+|\*)$`)

// digest returns the hash that an ETag is made with: 64 digits are the SHA-256 of the content, 40 are its Git object
// id, which needs the size. Of other ETags nothing is known.
func (r remote) digest() hash.Hash {
	switch {
	case len(r.etag) == 64 && isHex(r.etag):
		return sha256.New()
	case len(r.etag) == 40 && isHex(r.etag) && r.size >= 0:
		h := sha1.New()
		fmt.Fprintf(h, "blob %d\x00", r.size)
		return h
	}
	return nil
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil
}

// download makes the blob of info, if it is not there, continuing what an earlier call left.
func (h *hub) download(ctx context.Context, cache repoCache, file string, info remote) error {
	blob := cache.path("blobs", info.etag)
	if err := os.MkdirAll(filepath.Dir(blob), 0o777); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(h.root, ".locks", cache.name(), info.etag+".lock"))
	if err != nil {
		return fmt.Errorf("weights: waiting for another download of %s: %w", file, err)
	}
	defer unlock()
	if st, err := os.Stat(blob); err == nil && (info.size < 0 || st.Size() == info.size) {
		return nil
	}
	part, err := os.OpenFile(blob+incomplete, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	defer part.Close()
	d := &transfer{hub: h, file: file, info: info, part: part}
	if err := d.start(); err != nil {
		return fmt.Errorf("weights: %s: %w", part.Name(), err)
	}
	if err := h.again(ctx, func() (bool, error) { return d.attempt(ctx) }); err != nil {
		return fmt.Errorf("weights: %s: %w: %w; %d bytes are kept in %s, run again to go on", file, ErrDownload, err, d.have, part.Name())
	}
	if d.sum != nil {
		if got := hex.EncodeToString(d.sum.Sum(nil)); got != strings.ToLower(info.etag) {
			err := fmt.Errorf("weights: %s: %w: the hub announced %s, what came has the hash %s; run again, and if it stays so the hub or a proxy alters files", file, ErrDownload, info.etag, got)
			return errors.Join(err, part.Close(), os.Remove(part.Name()))
		}
	}
	if err := errors.Join(part.Sync(), part.Close()); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	if err := os.Rename(part.Name(), blob); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	return nil
}

// transfer is a download under way.
type transfer struct {
	*hub
	file string
	info remote
	part *os.File
	have int64     // bytes in part, all of them in sum
	sum  hash.Hash // nil where the ETag says nothing
}

// start takes over what is in the partial file, if its hash can be checked at the end.
func (d *transfer) start() error {
	d.sum = d.info.digest()
	if d.sum == nil {
		return d.restart()
	}
	n, err := io.Copy(d.sum, d.part)
	if err != nil {
		return err
	}
	d.have = n
	if d.info.size >= 0 && n > d.info.size {
		return d.restart()
	}
	return nil
}

func (d *transfer) restart() error {
	d.have, d.sum = 0, d.info.digest()
	if err := d.part.Truncate(0); err != nil {
		return err
	}
	_, err := d.part.Seek(0, io.SeekStart)
	return err
}

// attempt asks for the rest of the file once. It reports whether anything new came.
func (d *transfer) attempt(ctx context.Context) (bool, error) {
	if d.have == d.info.size {
		d.progress(d.file, d.have, d.info.size)
		return false, nil
	}
	if d.sum == nil && d.have > 0 {
		if err := d.restart(); err != nil {
			return false, &finalError{err}
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := fmt.Errorf("nothing came for %v", d.stall)
	watchdog := time.AfterFunc(d.stall, func() { cancel(stalled) })
	defer watchdog.Stop()

	req, err := d.request(ctx, http.MethodGet, d.info.address)
	if err != nil {
		return false, &finalError{err}
	}
	if d.have > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(d.have, 10)+"-")
	}
	res, err := d.client.Do(req)
	if err != nil {
		return false, cause(ctx, err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusPartialContent && d.have > 0:
		m := contentRange.FindStringSubmatch(res.Header.Get("Content-Range"))
		if m == nil || m[1] != strconv.FormatInt(d.have, 10) || d.info.size >= 0 && m[3] != "*" && m[3] != strconv.FormatInt(d.info.size, 10) {
			err := fmt.Errorf("asked for the bytes from %d of %d, got %q", d.have, d.info.size, res.Header.Get("Content-Range"))
			return false, errors.Join(err, d.restart())
		}
	case res.StatusCode == http.StatusRequestedRangeNotSatisfiable && d.have > 0:
		return false, errors.Join(errors.New("the partial file does not fit the one served"), d.restart())
	case res.StatusCode == http.StatusOK:
		if d.have > 0 { // the server knows no ranges
			if err := d.restart(); err != nil {
				return false, &finalError{err}
			}
		}
	default:
		return false, answer(d.info.address, res)
	}
	return d.copy(ctx, res.Body, watchdog)
}

// copy appends body to the partial file and to the hash.
func (d *transfer) copy(ctx context.Context, body io.Reader, watchdog *time.Timer) (bool, error) {
	progress := false
	buf := make([]byte, 1<<20)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			watchdog.Reset(d.stall)
			progress = true
			if d.info.size >= 0 && d.have+int64(n) > d.info.size {
				return false, &finalError{errors.Join(fmt.Errorf("more than the announced %d bytes came", d.info.size), d.restart())}
			}
			if _, err := d.part.Write(buf[:n]); err != nil {
				return false, &finalError{err}
			}
			if d.sum != nil {
				d.sum.Write(buf[:n])
			}
			d.have += int64(n)
			d.progress(d.file, d.have, d.info.size)
		}
		switch {
		case err == io.EOF && (d.info.size < 0 || d.have == d.info.size):
			return progress, nil
		case err == io.EOF:
			return progress, fmt.Errorf("the connection ended after %d of %d bytes", d.have, d.info.size)
		case err != nil:
			return progress, cause(ctx, err)
		}
	}
}

// cause returns why ctx ended where that explains err.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}
