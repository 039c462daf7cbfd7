package notebook

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// outVariable names the folder that results go to when a program executes the notebook.
const outVariable = "VENTRAL_OUT"

// bundle is one piece of output in several forms; the reader shows the best that it can.
type bundle map[protocol.MIMEType]any

// front is where output goes; tests put another in its place.
type front interface {
	notebook() bool
	send(b bundle, displayID string) error
}

var (
	out    front = kernel{}
	stdout       = func() io.Writer { return os.Stdout }
	stderr       = func() io.Writer { return os.Stderr }
	exit         = os.Exit
)

// kernel is the GoNB kernel this program was started by, if any.
type kernel struct{}

func (kernel) notebook() bool { return gonbui.IsNotebook }

// syncLimit is how long a kernel may take to confirm that it has what was sent. A loaded machine takes a second.
const syncLimit = 30 * time.Second

func (kernel) send(b bundle, displayID string) error {
	gonbui.SendData(&protocol.DisplayData{Data: b, DisplayID: displayID})
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("notebook: the kernel does not take output: %w", err)
	}
	done := make(chan struct{})
	go func() {
		gonbui.Sync()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(syncLimit):
		return fmt.Errorf("notebook: the kernel did not confirm output within %v: restart it", syncLimit)
	}
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("notebook: the kernel does not take output: %w", err)
	}
	return nil
}

// Interactive reports whether someone may be in front of the notebook: the program runs in a notebook cell and
// VENTRAL_OUT is not set. Cells that wait for a click ask it first.
func Interactive() bool {
	return out.notebook() && os.Getenv(outVariable) == ""
}

// folder is where files go: the given folder below VENTRAL_OUT, or below ./out.
func folder(sub string) string {
	root := os.Getenv(outVariable)
	if root == "" {
		root = "out"
	}
	return filepath.Join(root, sub)
}
