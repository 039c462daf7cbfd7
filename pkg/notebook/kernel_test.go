//go:build unix

package notebook

import (
	"bytes"
	"encoding/gob"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// cellVariable tells the test binary that it is the cell of TestKernel.
const cellVariable = "VENTRAL_TEST_CELL"

// A cell talks to a kernel through two named pipes: what Show sends arrives before Show returns. The kernel is played
// by the test, the cell by this binary started anew, since gonbui reads the pipes' names when a program starts.
func TestKernel(t *testing.T) {
	if os.Getenv(cellVariable) != "" {
		if err := Show(line(t, "sine", 20)); err != nil {
			t.Fatal(err)
		}
		Check(os.Remove(os.Getenv(cellVariable))) // says that Show has returned
		return
	}
	dir := t.TempDir()
	to, from, flag := filepath.Join(dir, "to"), filepath.Join(dir, "from"), filepath.Join(dir, "flag")
	for _, p := range []string{to, from} {
		if err := syscall.Mkfifo(p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cell := exec.Command(os.Args[0], "-test.run=^TestKernel$")
	cell.Env = append(os.Environ(), cellVariable+"="+flag, protocol.GONB_PIPE_ENV+"="+to, protocol.GONB_PIPE_BACK_ENV+"="+from, outVariable+"=")
	var text bytes.Buffer
	cell.Stdout, cell.Stderr = &text, &text
	if err := cell.Start(); err != nil {
		t.Fatal(err)
	}
	pictures, syncs := 0, 0
	done := make(chan error, 1)
	go func() {
		r, err := os.OpenFile(to, os.O_RDONLY, 0)
		if err != nil {
			done <- err
			return
		}
		defer r.Close()
		w, err := os.OpenFile(from, os.O_WRONLY, 0)
		if err != nil {
			done <- err
			return
		}
		defer w.Close()
		dec, enc := gob.NewDecoder(r), gob.NewEncoder(w)
		for {
			var d protocol.DisplayData
			if dec.Decode(&d) != nil {
				done <- nil // the cell has closed its end
				return
			}
			if d.Data[protocol.MIMEImagePNG] != nil && d.Data[protocol.MIMEImageSVG] != nil {
				pictures++
			}
			if c, ok := d.Data[protocol.MIMECommValue].(protocol.CommValue); ok {
				if _, err := os.Stat(flag); err != nil {
					t.Error("Show returned before the kernel confirmed")
				}
				syncs++
				if err := enc.Encode(&protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: c.Value}); err != nil {
					done <- err
					return
				}
			}
		}
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(60 * time.Second):
		_ = cell.Process.Kill()
		t.Error("the cell did not end")
	}
	if err := cell.Wait(); err != nil {
		t.Errorf("the cell failed: %v\n%s", err, &text)
	}
	if pictures != 1 || syncs != 2 {
		t.Errorf("%d pictures, %d confirmations", pictures, syncs)
	}
}
