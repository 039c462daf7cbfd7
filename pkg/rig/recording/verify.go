package recording

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ventral-lab/ventral/internal/zarr"
)

// Problem is one thing that is wrong with a recording.
type Problem struct {
	Path    string `json:"path"`  // the file
	Chunk   int    `json:"chunk"` // -1 where no single chunk is meant
	Message string `json:"message"`
}

// Report is the outcome of Verify.
type Report struct {
	Dir           string         `json:"dir"`
	ManifestHash  string         `json:"manifest_hash"`
	Complete      bool           `json:"complete"`
	Stimuli       int            `json:"stimuli"`
	Statuses      map[Status]int `json:"statuses"` // rows by status, Missing included
	Chunks        int            `json:"chunks"`
	MissingChunks []int          `json:"missing_chunks"`
	Files         int            `json:"files"` // chunk files read
	Bytes         int64          `json:"bytes"` // in them
	Problems      []Problem      `json:"problems"`
}

// OK says that the recording is complete and nothing is wrong with it.
func (r Report) OK() bool { return r.Complete && len(r.MissingChunks) == 0 && len(r.Problems) == 0 }

// Verify reads every file of the recording and reports what is wrong: metadata that differs from the description,
// chunk files with a wrong size or checksum, rows that do not add up, IDs that come twice, a manifest or a
// fingerprint that does not match. The error is for the recording being unreadable as a whole or ctx being done;
// damage is in the Report.
func (r *Recording) Verify(ctx context.Context) (Report, error) {
	// The description on the disk counts, not what Open saw.
	r, err := Open(r.dir)
	if err != nil {
		return Report{}, err
	}
	l := r.layout
	rep := Report{Dir: r.dir, ManifestHash: l.ManifestHash, Complete: l.Complete, Stimuli: l.Length, Chunks: l.chunks(),
		Statuses: map[Status]int{}}
	metas, err := l.metadata()
	if err != nil {
		return rep, err
	}
	for _, m := range metas {
		path := filepath.Join(m.dir, zarr.MetadataName)
		got, err := zarr.ReadFile(path, zarr.MaxMetadataBytes)
		if err != nil {
			rep.Problems = append(rep.Problems, Problem{path, -1, err.Error()})
		} else if !bytes.Equal(got, m.bytes) {
			rep.Problems = append(rep.Problems, Problem{path, -1, "differs from what the recording's description says; record again to restore it"})
		}
	}
	per := make([]Report, l.chunks())
	err = parallel(l.chunks(), func(k int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		per[k] = l.verifyChunk(k)
		return nil
	})
	if err != nil {
		return rep, fmt.Errorf("verify %s: %w", r.dir, err)
	}
	for _, p := range per {
		rep.MissingChunks = append(rep.MissingChunks, p.MissingChunks...)
		rep.Problems = append(rep.Problems, p.Problems...)
		rep.Files += p.Files
		rep.Bytes += p.Bytes
		for s, n := range p.Statuses {
			rep.Statuses[s] += n
		}
	}
	if l.Complete && len(rep.MissingChunks) > 0 {
		rep.Problems = append(rep.Problems, Problem{r.metadataPath(), -1, "marked complete, but chunks are missing"})
	}
	if len(rep.Problems) == 0 && len(rep.MissingChunks) == 0 {
		if err := l.uniqueIDs(); err != nil {
			rep.Problems = append(rep.Problems, Problem{l.id.Dir, -1, err.Error()})
		}
		if print, err := l.fingerprint(); err != nil {
			rep.Problems = append(rep.Problems, Problem{r.metadataPath(), -1, err.Error()})
		} else if l.Complete && print != l.Fingerprint {
			rep.Problems = append(rep.Problems, Problem{r.metadataPath(), -1,
				"the chunks are sound but not those that were recorded: their fingerprint is " + print + ", the recording says " + l.Fingerprint})
		}
	}
	return rep, nil
}

// verifyChunk reads the files of one chunk. Without a status file the chunk is missing, whatever else is there.
func (l *layout) verifyChunk(k int) Report {
	rep := Report{Statuses: map[Status]int{}}
	lo, hi := l.rows(k)
	codes, err := l.statusChunk(k)
	if missingChunk(err) {
		rep.MissingChunks = []int{k}
		rep.Statuses[Missing] = hi - lo
		return rep
	}
	for _, c := range codes {
		rep.Statuses[statuses[c]]++
	}
	if err != nil {
		rep.Problems = append(rep.Problems, Problem{chunkPath(l.status, k), k, err.Error()})
	}
	for _, a := range l.all() {
		path := chunkPath(a, k)
		if st, err := os.Stat(path); err == nil {
			rep.Files++
			rep.Bytes += st.Size()
		}
		if a == l.status {
			continue
		}
		if err := checkChunk(a, k); err != nil {
			rep.Problems = append(rep.Problems, Problem{path, k, err.Error()})
		}
	}
	return rep
}

// fingerprint is the SHA-256 over, for every array and chunk, the array's path, the chunk's number and the CRC-32C
// at the end of its file. It costs four bytes of reading a file; that the checksum fits the bytes is checked where
// the bytes are read.
func (l *layout) fingerprint() (string, error) {
	all := l.all()
	sums := make([][]byte, len(all))
	err := parallel(len(all), func(i int) error {
		s := make([]byte, 0, 4*l.chunks())
		for k := range l.chunks() {
			c, err := lastFour(chunkPath(all[i], k))
			if err != nil {
				return err
			}
			s = append(s, c...)
		}
		sums[i] = s
		return nil
	})
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for i, s := range sums {
		fmt.Fprintf(h, "%d %d\n", i, len(s))
		h.Write(s)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func lastFour(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(-4, io.SeekEnd); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var b [4]byte
	if _, err := io.ReadFull(f, b[:]); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b[:], nil
}

// String is "PATH: MESSAGE"; where the message names the file already, the message alone.
func (p Problem) String() string {
	if strings.Contains(p.Message, p.Path) {
		return p.Message
	}
	return p.Path + ": " + p.Message
}
