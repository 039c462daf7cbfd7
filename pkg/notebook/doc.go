// Package notebook shows results in the cells of a GoNB notebook, and plainly outside one.
//
// The same call works in three places. In a notebook with a person in front of it, Show sends a figure as PNG and SVG
// together, Table a table, Frames a slider. In a notebook that a program executes (the variable VENTRAL_OUT names the
// folder of its results), they do the same and figures are saved into that folder too. Outside a notebook, in a test
// or a program started from a terminal, figures are written as files and their paths printed, tables are aligned
// text.
//
// Errors in a cell end it: Must and Check print what went wrong and exit with status 1, so that the notebook stops
// there and not three cells later.
//
// # Invariants
//
//   - A figure is readable wherever the notebook is opened: an untrusted notebook and a code host show the PNG, a
//     trusted one and exported HTML the SVG. Nothing is loaded from the network.
//   - No figure takes more than 240 kB of a notebook, no slider more than 900 kB, so that a notebook with eight
//     figures stays below 2 MB.
//   - When a call returns without an error, the kernel has what was sent.
//
// # Limits
//
// Sliders run in a browser that may run their script: JupyterLab on a trusted notebook, or exported HTML. Elsewhere
// they are the first frame. Output that is interactive through the kernel (buttons, live sliders) is left to
// gonbui's widgets; guard it with Interactive, for it would wait for ever when no one is there.
package notebook
