// Package nbrun executes notebooks without a browser, and stores them in the repository.
//
// [Execute] runs notebooks through the private Jupyter of the clone and keeps the executed notebook and its HTML,
// also of one that fails half way. [Clean] turns an executed notebook into the one that is committed: the
// same bytes on every machine, PNG pictures only, nothing of the machine it ran on. [Check] says whether a committed
// notebook is like that.
//
// Cells see VENTRAL_OUT, the folder for the files they write; pkg/notebook puts figures into its folder figures, and
// takes the variable as the sign that nobody is there to move a slider.
//
// # Invariants
//
//   - An error in one notebook does not keep the next from running.
//   - Clean is idempotent, and what it returns passes Check unless it is too large or was never executed.
//   - Files appear whole under their names or not at all.
//
// # Limits
//
// See limits.go. Kernels are asked to stop when the runner is interrupted; one whose runner is killed with SIGKILL
// goes on until its cell ends.
package nbrun
