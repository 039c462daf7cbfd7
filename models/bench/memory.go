package bench

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"
)

// Memory is what the process had in memory at its peak, in bytes.
type Memory struct {
	Peak          int64 `json:"peak"`           // with pages of files (VmHWM)
	PeakAnonymous int64 `json:"peak_anonymous"` // without (RssAnon, sampled)
	Start         int64 `json:"start"`          // anonymous, when the watch began
}

// Watcher samples the process's memory until it is stopped.
type Watcher struct {
	mu   sync.Mutex
	m    Memory
	end  chan struct{}
	done chan struct{}
}

// every is the time between two samples: a large tensor takes longer to fill.
const every = 2 * time.Millisecond

// Watch starts to sample.
func Watch() *Watcher {
	w := &Watcher{end: make(chan struct{}), done: make(chan struct{})}
	w.m.Start = status("RssAnon:")
	w.sample()
	go func() {
		defer close(w.done)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-w.end:
				return
			case <-t.C:
				w.sample()
			}
		}
	}()
	return w
}

func (w *Watcher) sample() {
	a := status("RssAnon:")
	w.mu.Lock()
	w.m.PeakAnonymous = max(w.m.PeakAnonymous, a)
	w.mu.Unlock()
}

// Now returns the peaks so far.
func (w *Watcher) Now() Memory {
	w.sample()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.m.Peak = status("VmHWM:")
	return w.m
}

// Stop ends the watch and returns the peaks.
func (w *Watcher) Stop() Memory {
	m := w.Now()
	close(w.end)
	<-w.done
	return m
}

// status reads one line of /proc/self/status, in bytes; 0 where there is none.
func status(key string) int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, ok := bytes.Cut(b, []byte(key))
	if !ok {
		return 0
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(line), []byte("kB")))), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
