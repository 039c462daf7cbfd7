//go:build unix

package safetensors

import (
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// load maps the file read-only; where the file system cannot map, it reads.
func load(f *os.File, size int64) (data []byte, mapped bool, release func() error, err error) {
	if size <= 0 || size > math.MaxInt {
		data, release, err = read(f, size)
		return data, false, release, err
	}
	data, err = unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		data, release, err = read(f, size)
		return data, false, release, err
	}
	return data, true, func() error { return unix.Munmap(data) }, nil
}

// forget tells the system that the bytes b of the map are not needed for now: the pages that lie wholly in b leave this
// process's memory and come back from the file when they are read again.
func forget(mapped, b []byte) {
	if len(mapped) == 0 || len(b) == 0 {
		return
	}
	at := int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) - uintptr(unsafe.Pointer(unsafe.SliceData(mapped))))
	if at < 0 || at+len(b) > len(mapped) {
		return // not of this map
	}
	page := os.Getpagesize()
	from, to := (at+page-1)&^(page-1), (at+len(b))&^(page-1)
	if from < to {
		unix.Madvise(mapped[from:to], unix.MADV_DONTNEED) // advice: that it is not taken changes nothing
	}
}
