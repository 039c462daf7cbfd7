package nifti

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sync"
)

// ErrFormat is wrapped by every error about the content of a file.
var ErrFormat = errors.New("not a sound MGH or NIfTI file")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// Volume is an open file. Its methods may be called from many goroutines; they take turns.
type Volume struct {
	Format string // "MGH" or "NIfTI-1"
	Dims   [4]int // extents in x, y, z and frames; a surface has its vertices in x
	// Affine maps voxel indices (x, y, z, 1) to millimetres (right, anterior, superior); HasAffine says whether the file gives one.
	Affine    [4][4]float64
	HasAffine bool

	kind         elementKind
	order        binary.ByteOrder
	offset       int64
	slope, inter float64 // slope 0: none

	mu     sync.Mutex
	source io.ReadSeeker
	packed bool
	size   int64 // of a file that is not compressed
	stream io.Reader
	at     int64 // position of stream
	close  func() error
}

// elementKind is a type of elements.
type elementKind struct {
	size   int
	float  bool
	signed bool
}

// Open opens a file. Close releases it.
func Open(path string) (*Volume, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	v, err := New(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	v.close = f.Close
	return v, nil
}

// New reads the header. Whether the file is compressed, and which format it has, is told by its first bytes.
func New(r io.ReadSeeker) (*Volume, error) {
	v := &Volume{source: r, close: func() error { return nil }}
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	v.size = size
	var magic [2]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, bad("it has %d bytes", size)
	}
	v.packed = magic == [2]byte{0x1f, 0x8b}
	if err := v.rewind(); err != nil {
		return nil, err
	}
	head := make([]byte, 352)
	n, err := io.ReadFull(v.stream, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return nil, bad("its header cannot be read: %v", err)
	}
	v.at += int64(n)
	head = head[:n]
	switch {
	case n >= 4 && binary.BigEndian.Uint32(head) == 1:
		err = v.mgh(head)
	case n >= 4 && (binary.LittleEndian.Uint32(head) == 348 || binary.BigEndian.Uint32(head) == 348):
		err = v.nifti1(head)
	case n >= 4 && (binary.LittleEndian.Uint32(head) == 540 || binary.BigEndian.Uint32(head) == 540):
		err = bad("NIfTI-2 is not read: convert it to NIfTI-1")
	default:
		err = bad("it begins with % x: neither MGH version 1 (00 00 00 01) nor NIfTI-1 (header of 348 bytes)", head[:min(4, n)])
	}
	if err != nil {
		return nil, err
	}
	for i, d := range v.Dims {
		if d < 1 || d > maxExtent {
			return nil, bad("dimension %d has extent %d, want 1 to %d", i+1, d, maxExtent)
		}
	}
	frame := 1
	for _, d := range v.Dims[:3] {
		if frame > maxFrameBytes/v.kind.size/d {
			return nil, bad("a frame of %v elements is larger than %d bytes", v.Dims[:3], maxFrameBytes)
		}
		frame *= d
	}
	if need := v.offset + int64(frame*v.kind.size)*int64(v.Dims[3]); !v.packed && need > size {
		return nil, bad("%v elements of %d bytes need %d bytes, but the file has %d", v.Dims, v.kind.size, need, size)
	}
	return v, nil
}

// rewind starts the stream at the beginning of the data.
func (v *Volume) rewind() error {
	if _, err := v.source.Seek(0, io.SeekStart); err != nil {
		return err
	}
	v.at = 0
	v.stream = bufio.NewReaderSize(v.source, 1<<16)
	if v.packed {
		z, err := gzip.NewReader(v.stream)
		if err != nil {
			return bad("gzip: %v", err)
		}
		v.stream = z
	}
	return nil
}

// Close closes the file.
func (v *Volume) Close() error { return v.close() }

// FrameLen is the number of elements of a frame.
func (v *Volume) FrameLen() int { return v.Dims[0] * v.Dims[1] * v.Dims[2] }

// Frame reads frame i, 0 <= i < Dims[3].
func (v *Volume) Frame(i int) ([]float32, error) {
	if i < 0 || i >= v.Dims[3] {
		return nil, fmt.Errorf("nifti: frame %d of %d", i, v.Dims[3])
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.FrameLen() * v.kind.size
	start := v.offset + int64(i)*int64(n)
	if v.packed {
		if v.at > start {
			if err := v.rewind(); err != nil {
				return nil, err
			}
		}
		k, err := io.CopyN(io.Discard, v.stream, start-v.at)
		v.at += k
		if err != nil {
			return nil, bad("frame %d begins at byte %d, but the data ends at %d (%v)", i, start, v.at, err)
		}
	} else {
		if _, err := v.source.Seek(start, io.SeekStart); err != nil {
			return nil, err
		}
		v.stream, v.at = v.source, start
	}
	raw := make([]byte, 0, min(n, firstAlloc))
	for len(raw) < n {
		if len(raw) == cap(raw) {
			raw = slices.Grow(raw, min(len(raw), n-len(raw)))
		}
		k, err := io.ReadFull(v.stream, raw[len(raw):min(cap(raw), n)])
		raw = raw[:len(raw)+k]
		v.at += int64(k)
		if err != nil {
			return nil, bad("frame %d ends after %d of %d bytes (%v)", i, len(raw), n, err)
		}
	}
	// The end of a gzip stream carries its checksum: reading on to it is what compares it.
	if v.packed && i == v.Dims[3]-1 {
		k, err := io.CopyN(io.Discard, v.stream, maxOffset)
		v.at += k
		if err != io.EOF {
			return nil, bad("after the last frame: %d bytes and no end (%v)", k, err)
		}
	}
	return v.decode(raw), nil
}

func (v *Volume) decode(raw []byte) []float32 {
	out := make([]float32, len(raw)/v.kind.size)
	for i := range out {
		b := raw[i*v.kind.size:]
		var x float64
		switch k := v.kind; {
		case k.float && k.size == 4:
			x = float64(math.Float32frombits(v.order.Uint32(b)))
		case k.float:
			x = math.Float64frombits(v.order.Uint64(b))
		case k.size == 1 && k.signed:
			x = float64(int8(b[0]))
		case k.size == 1:
			x = float64(b[0])
		case k.size == 2 && k.signed:
			x = float64(int16(v.order.Uint16(b)))
		case k.size == 2:
			x = float64(v.order.Uint16(b))
		case k.signed:
			x = float64(int32(v.order.Uint32(b)))
		default:
			x = float64(v.order.Uint32(b))
		}
		if v.slope != 0 {
			x = float64(x*v.slope) + v.inter
		}
		out[i] = float32(x)
	}
	return out
}

// mghData is where the elements begin.
const mghData = 284

// mgh reads FreeSurfer's header: big-endian version, width, height, depth, frames, type, degrees of freedom, and where goodRASFlag is set voxel
// sizes, direction cosines and the centre.
func (v *Volume) mgh(b []byte) error {
	if len(b) < mghData {
		return bad("an MGH header of %d bytes, want %d", len(b), mghData)
	}
	v.Format, v.order, v.offset = "MGH", binary.BigEndian, mghData
	var h struct {
		Version, Width, Height, Depth, Frames, Type, DOF int32
		GoodRAS                                          int16
		Spacing                                          [3]float32
		Directions                                       [3][3]float32 // x axis, y axis, z axis; each right, anterior, superior
		Centre                                           [3]float32
	}
	if err := binary.Read(bytes.NewReader(b), binary.BigEndian, &h); err != nil {
		return bad("its header: %v", err)
	}
	v.Dims = [4]int{int(h.Width), int(h.Height), int(h.Depth), int(h.Frames)}
	switch h.Type {
	case 0:
		v.kind = elementKind{size: 1}
	case 1:
		v.kind = elementKind{size: 4, signed: true}
	case 3:
		v.kind = elementKind{size: 4, float: true}
	case 4:
		v.kind = elementKind{size: 2, signed: true}
	default:
		return bad("elements of MGH type %d; read are 0 (uchar), 1 (int), 3 (float), 4 (short)", h.Type)
	}
	if h.GoodRAS != 1 {
		return nil
	}
	v.HasAffine = true
	v.Affine[3][3] = 1
	for row := range 3 {
		at := float64(h.Centre[row])
		for col := range 3 {
			v.Affine[row][col] = float64(h.Directions[col][row]) * float64(h.Spacing[col])
			at -= v.Affine[row][col] * float64(v.Dims[col]) / 2
		}
		v.Affine[row][3] = at
	}
	return nil
}

// nifti1 reads the header of nifti1.h.
func (v *Volume) nifti1(b []byte) error {
	if len(b) < 348 {
		return bad("a NIfTI-1 header of %d bytes, want 348", len(b))
	}
	v.Format, v.order = "NIfTI-1", binary.LittleEndian
	if binary.LittleEndian.Uint32(b) != 348 {
		v.order = binary.BigEndian
	}
	if string(b[344:348]) != "n+1\x00" {
		return bad("magic %q, want \"n+1\": header and image in one file", b[344:348])
	}
	i16 := func(at int) int { return int(int16(v.order.Uint16(b[at:]))) }
	f32 := func(at int) float64 { return float64(math.Float32frombits(v.order.Uint32(b[at:]))) }
	rank := i16(40)
	if rank < 1 || rank > 7 {
		return bad("%d dimensions, want 1 to 7", rank)
	}
	v.Dims = [4]int{1, 1, 1, 1}
	for d := range rank {
		n := i16(42 + 2*d)
		switch {
		case d < 4:
			v.Dims[d] = n
		case n != 1:
			return bad("extent %d in dimension %d: at most four dimensions are read", n, d+1)
		}
	}
	kinds := map[int]elementKind{2: {size: 1}, 256: {size: 1, signed: true}, 4: {size: 2, signed: true}, 512: {size: 2}, 8: {size: 4, signed: true}, 768: {size: 4},
		16: {size: 4, float: true}, 64: {size: 8, float: true}}
	k, ok := kinds[i16(70)]
	if !ok {
		return bad("elements of NIfTI type %d; read are integers of 8 to 32 bits and floats", i16(70))
	}
	if i16(72) != 8*k.size {
		return bad("bitpix %d for elements of %d bytes", i16(72), k.size)
	}
	v.kind = k
	offset := f32(108)
	if !(offset >= 348 && offset <= maxOffset) || offset != math.Trunc(offset) {
		return bad("data at %g, want 348 to %d", offset, maxOffset)
	}
	v.offset = int64(offset)
	v.slope, v.inter = f32(112), f32(116)
	if math.IsNaN(v.slope) || math.IsInf(v.slope, 0) {
		v.slope = 0
	}
	if math.IsNaN(v.inter) || math.IsInf(v.inter, 0) {
		return bad("scl_inter is not finite")
	}
	if i16(254) > 0 { // sform
		v.HasAffine = true
		v.Affine[3][3] = 1
		for row := range 3 {
			for col := range 4 {
				v.Affine[row][col] = f32(280 + 16*row + 4*col)
			}
		}
	}
	return nil
}
