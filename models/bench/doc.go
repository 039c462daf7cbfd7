// Package bench measures what opening and running a network costs: seconds to open, to compile and to run, processor
// seconds and memory. It is what `ventral bench` prints.
//
// # Invariants
//
//   - Processor seconds are of the whole process, all threads; wall seconds are given as the best and the median of the
//     repeats, because machines are shared.
//   - Memory is the process's own: its peak since the start with everything, and the peak of the part that is not pages of
//     a file, which the system can take back (the checkpoint is read through a map).
//   - A random checkpoint has the names and shapes it was asked for and finite values for which networks stay finite; the
//     same seed gives the same bytes.
//
// # Limits
//
//   - Memory is read from /proc, on Linux; elsewhere it is 0. The peak of the anonymous part is sampled every few
//     milliseconds and may miss a shorter spike.
//   - Memory of an accelerator is not measured.
package bench
