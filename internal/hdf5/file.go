package hdf5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// Errors to test for with errors.Is.
var (
	ErrFormat      = errors.New("not a sound HDF5 file")
	ErrUnsupported = errors.New("a part of HDF5 that is not read here")
	ErrNotFound    = errors.New("no such object")
	ErrType        = errors.New("elements of another type")
)

const undefined = math.MaxUint64

// File is an open HDF5 file.
type File struct {
	r       io.ReaderAt
	size    uint64
	base    uint64 // what addresses are counted from
	offsets int    // bytes of an address
	lengths int    // bytes of a length
	root    uint64
	close   func() error
}

// Open opens a file. Close releases it.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil {
		var h *File
		if h, err = New(f, st.Size()); err == nil {
			h.close = f.Close
			return h, nil
		}
	}
	f.Close()
	return nil, fmt.Errorf("read %s: %w", path, err)
}

// New reads the superblock of a file of size bytes.
func New(r io.ReaderAt, size int64) (*File, error) {
	if size < 0 {
		return nil, bad("size %d", size)
	}
	f := &File{r: r, size: uint64(size), offsets: 8, lengths: 8, close: func() error { return nil }}
	for at := uint64(0); at <= maxUserBlock && at+8 <= f.size; at = max(512, at*2) {
		b, err := f.bytes(at, 8)
		if err != nil {
			return nil, err
		}
		if string(b) == "\x89HDF\r\n\x1a\n" {
			return f, f.superblock(at)
		}
	}
	return nil, bad("no signature \\x89HDF at 0, 512, 1024, ...: a .mat file before version 7.3 is another format (save with -v7.3)")
}

// Close closes the file.
func (f *File) Close() error { return f.close() }

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// bytes reads n bytes at an absolute position.
func (f *File) bytes(at, n uint64) ([]byte, error) {
	if at > f.size || n > f.size-at {
		return nil, bad("%d bytes at %d, but the file has %d", n, at, f.size)
	}
	b := make([]byte, n)
	if _, err := f.r.ReadAt(b, int64(at)); err != nil {
		return nil, fmt.Errorf("%w: %d bytes at %d: %v", ErrFormat, n, at, err)
	}
	return b, nil
}

// block reads n bytes at an address of the file.
func (f *File) block(addr, n uint64) ([]byte, error) {
	if addr > f.size || f.base > f.size-addr {
		return nil, bad("address %d lies beyond the file's end at %d", addr, f.size)
	}
	return f.bytes(f.base+addr, n)
}

func (f *File) superblock(at uint64) error {
	b, err := f.bytes(at, min(f.size-at, 128))
	if err != nil {
		return err
	}
	c := &cursor{b: b, at: 8, f: f}
	version := c.u8()
	switch version {
	case 0, 1:
		c.skip(4)
		f.offsets, f.lengths = int(c.u8()), int(c.u8())
		c.skip(1 + 2 + 2 + 4)
		if version == 1 {
			c.skip(4)
		}
	case 2, 3:
		f.offsets, f.lengths = int(c.u8()), int(c.u8())
		c.skip(1)
	default:
		return unsupported("superblock version %d", version)
	}
	for _, n := range []int{f.offsets, f.lengths} {
		if n != 2 && n != 4 && n != 8 {
			return bad("addresses or lengths of %d bytes", n)
		}
	}
	base := c.offset()
	var end uint64 // of the file, counted from its start
	switch version {
	case 0, 1:
		c.skip(f.offsets) // free space
		end = c.offset()
		c.skip(2 * f.offsets) // driver; then the root's entry: name
		f.root = c.offset()
	default:
		c.skip(f.offsets) // extension
		end = c.offset()
		f.root = c.offset()
		covered := c.at
		if sum := c.u32(); c.err == nil && sum != lookup3(b[:covered]) {
			return bad("the checksum of the superblock does not fit")
		}
	}
	if c.err != nil {
		return c.err
	}
	if end != undefined && end > f.size {
		return bad("it has %d bytes and says that it has %d: it is cut off", f.size, end)
	}
	f.base = base
	if base != at {
		// Some writers leave 0 here although a user block precedes; the library, too, goes by where the signature is.
		f.base = at
	}
	_, err = f.object(f.root, "/")
	return err
}

// Lookup finds an object by its path, such as "/value/img".
func (f *File) Lookup(path string) (*Object, error) {
	o, err := f.object(f.root, "/")
	if err != nil {
		return nil, err
	}
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	if len(parts) > maxDepth {
		return nil, bad("path %.80q is more than %d groups deep", path, maxDepth)
	}
	for _, name := range parts {
		if o, err = o.Child(name); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Ref is an object reference: the address of an object's header; 0 points nowhere.
type Ref uint64

// Deref finds the object that a reference points to.
func (f *File) Deref(r Ref) (*Object, error) {
	if r == 0 || uint64(r) == undefined {
		return nil, fmt.Errorf("%w: the reference points nowhere", ErrNotFound)
	}
	return f.object(uint64(r), fmt.Sprintf("#%d", uint64(r)))
}

// cursor reads little-endian fields of a block; the first that is not there sets err.
type cursor struct {
	b   []byte
	at  int
	f   *File
	err error
}

func (c *cursor) take(n int) []byte {
	if c.err == nil && (n < 0 || n > len(c.b)-c.at) {
		c.err = bad("a structure of %d bytes is cut off at byte %d", len(c.b), c.at)
	}
	if c.err != nil {
		return make([]byte, 8)[:max(0, min(8, n))]
	}
	out := c.b[c.at : c.at+n]
	c.at += n
	return out
}

func (c *cursor) skip(n int) { c.take(n) }
func (c *cursor) left() int  { return len(c.b) - c.at }
func (c *cursor) u8() uint8  { return c.take(1)[0] }
func (c *cursor) u16() uint16 {
	return binary.LittleEndian.Uint16(c.take(2))
}
func (c *cursor) u32() uint32 { return binary.LittleEndian.Uint32(c.take(4)) }

// uint reads an integer of n <= 8 bytes.
func (c *cursor) uint(n int) uint64 {
	var b [8]byte
	copy(b[:], c.take(n))
	return binary.LittleEndian.Uint64(b[:])
}

// offset reads an address; all bits set is undefined whatever its width.
func (c *cursor) offset() uint64 {
	v := c.uint(c.f.offsets)
	if n := c.f.offsets; n < 8 && v == 1<<(8*n)-1 {
		return undefined
	}
	return v
}

func (c *cursor) length() uint64 { return c.uint(c.f.lengths) }

// align skips to a multiple of n from the start of the block.
func (c *cursor) align(n int) { c.skip((n - c.at%n) % n) }

// text reads n bytes up to their first NUL.
func (c *cursor) text(n int) string {
	s, _, _ := strings.Cut(string(c.take(n)), "\x00")
	return s
}

// lookup3 is Bob Jenkins's hash of 2006 with initial value 0, the format's metadata checksum.
func lookup3(b []byte) uint32 {
	rot := func(x uint32, k uint) uint32 { return x<<k | x>>(32-k) }
	x := 0xdeadbeef + uint32(len(b))
	y, z := x, x
	word := func(b []byte) uint32 {
		var w [4]byte
		copy(w[:], b)
		return binary.LittleEndian.Uint32(w[:])
	}
	for len(b) > 12 {
		x, y, z = x+word(b[:4]), y+word(b[4:8]), z+word(b[8:12])
		x = (x - z) ^ rot(z, 4)
		z += y
		y = (y - x) ^ rot(x, 6)
		x += z
		z = (z - y) ^ rot(y, 8)
		y += x
		x = (x - z) ^ rot(z, 16)
		z += y
		y = (y - x) ^ rot(x, 19)
		x += z
		z = (z - y) ^ rot(y, 4)
		y += x
		b = b[12:]
	}
	if len(b) == 0 {
		return z
	}
	var tail [12]byte
	copy(tail[:], b)
	x, y, z = x+word(tail[:4]), y+word(tail[4:8]), z+word(tail[8:])
	z = (z ^ y) - rot(y, 14)
	x = (x ^ z) - rot(z, 11)
	y = (y ^ x) - rot(x, 25)
	z = (z ^ y) - rot(y, 16)
	x = (x ^ z) - rot(z, 4)
	y = (y ^ x) - rot(x, 14)
	z = (z ^ y) - rot(y, 24)
	return z
}
