package notebook

import "github.com/ventral-lab/ventral/internal/progress"

// Progress begins a line that says how far a long piece of work is, how fast, and which of decoding, transfer, compute and
// writing binds: one bar that moves in a notebook, a line every ten seconds in a log. It fits the Progress options of
// studies and recordings. VENTRAL_PROGRESS=off silences it.
func Progress(title string, total int) *progress.Progress { return progress.New(title, total) }
