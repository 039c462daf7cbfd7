//go:build unix

package main

import "golang.org/x/sys/unix"

// processorSeconds is the processor time of this process so far, of all threads, in user and kernel mode.
func processorSeconds() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
