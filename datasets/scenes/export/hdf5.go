package export

import (
	"encoding/binary"
	"fmt"
	"io"
	"sort"
)

// hdf5 writes the old, simple kind of HDF5 file from front to back: superblock 0, symbol-table groups, contiguous datasets, object
// references, behind MATLAB's user block. Layouts: HDF5 File Format Specification 3.0, sections II.A, III and IV.
//
// Addresses are known only once everything before has been laid out, and the superblock, which comes first, holds the last of them. So a
// file is written twice: once into nothing, to learn them, and once for good.
type hdf5 struct {
	w    io.Writer
	at   uint64 // address of the next byte, from the superblock
	root uint64 // address of the root group's header, known in the second run
	end  uint64
	err  error
	n    int // members of the largest group, which fixes the size of symbol nodes
}

const (
	userBlock = 512
	undefined = ^uint64(0)
	treeK     = 16 // half the children of a group's B-tree node
)

// matlabHead is the user block of a MATLAB 7.3 file: 116 bytes of text, the version and the byte order.
func matlabHead() []byte {
	b := make([]byte, userBlock)
	text := "MATLAB 7.3 MAT-file, written by ventral datasets export, HDF5 schema 1.00 ."
	for i := range 124 {
		b[i] = ' '
	}
	copy(b, text)
	clear(b[116:124])
	binary.LittleEndian.PutUint16(b[124:], 0x0200)
	copy(b[126:], "IM")
	return b
}

func (h *hdf5) put(b []byte) {
	if h.err == nil {
		_, h.err = h.w.Write(b)
	}
	h.at += uint64(len(b))
}

// record builds the bytes of one structure.
type record struct{ b []byte }

func (r *record) u8(v ...uint8)   { r.b = append(r.b, v...) }
func (r *record) u16(v uint16)    { r.b = binary.LittleEndian.AppendUint16(r.b, v) }
func (r *record) u32(v uint32)    { r.b = binary.LittleEndian.AppendUint32(r.b, v) }
func (r *record) u64(v uint64)    { r.b = binary.LittleEndian.AppendUint64(r.b, v) }
func (r *record) text(s string)   { r.b = append(r.b, s...) }
func (r *record) zeros(n int)     { r.b = append(r.b, make([]byte, n)...) }
func (r *record) pad8()           { r.zeros((8 - len(r.b)%8) % 8) }
func (r *record) padded(b []byte) { r.b = append(r.b, b...); r.pad8() }

// leafK is half the entries of a symbol node: one level of 2*treeK nodes holds the largest group.
func (h *hdf5) leafK() int { return max(4, (h.n+4*treeK-1)/(4*treeK)) }

func (h *hdf5) superblock() {
	var r record
	r.text("\x89HDF\r\n\x1a\n")
	r.u8(0, 0, 0, 0, 0, 8, 8, 0) // versions; addresses and lengths of 8 bytes
	r.u16(uint16(h.leafK()))
	r.u16(treeK)
	r.u32(0)
	r.u64(userBlock)
	r.u64(undefined)
	r.u64(h.end + userBlock) // this one is counted from the start of the file
	r.u64(undefined)
	r.u64(0) // the root group's entry: no name
	r.u64(h.root)
	r.u32(0)
	r.zeros(4 + 16)
	h.put(r.b)
}

// message is one message of an object header.
type message struct {
	kind uint16
	data []byte
}

// object writes an object header and returns its address.
func (h *hdf5) object(messages []message) uint64 {
	var body record
	for _, m := range messages {
		size := (len(m.data) + 7) / 8 * 8
		body.u16(m.kind)
		body.u16(uint16(size))
		body.zeros(4)
		body.padded(m.data)
	}
	var r record
	r.u8(1, 0)
	r.u16(uint16(len(messages)))
	r.u32(1) // references to it
	r.u32(uint32(len(body.b)))
	r.zeros(4)
	at := h.at
	h.put(append(r.b, body.b...))
	return at
}

// The datatypes in use.
var (
	typeUint8  = []byte{0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0}
	typeUint16 = []byte{0x10, 0, 0, 0, 2, 0, 0, 0, 0, 0, 16, 0}
	typeRef    = []byte{0x17, 0, 0, 0, 8, 0, 0, 0}
)

func dataspace(dims ...uint64) []byte {
	var r record
	r.u8(1, uint8(len(dims)), 0, 0, 0, 0, 0, 0)
	for _, d := range dims {
		r.u64(d)
	}
	return r.b
}

// matlabClass is the attribute by which MATLAB knows the class of a dataset or group.
func matlabClass(class string) message {
	var r record
	name := "MATLAB_class"
	kind := []byte{0x13, 0, 0, 0, uint8(len(class)), 0, 0, 0} // a string of fixed length
	space := dataspace()
	r.u8(1, 0)
	r.u16(uint16(len(name) + 1))
	r.u16(uint16(len(kind)))
	r.u16(uint16(len(space)))
	r.padded(append([]byte(name), 0))
	r.padded(kind)
	r.padded(space)
	r.text(class)
	return message{0x000c, r.b}
}

// dataset writes data and its header and returns the header's address.
func (h *hdf5) dataset(kind []byte, class string, data []byte, dims ...uint64) uint64 {
	at := h.at
	h.put(data)
	h.put(make([]byte, (8-len(data)%8)%8))
	var layout record
	layout.u8(3, 1) // version 3, contiguous
	layout.u64(at)
	layout.u64(uint64(len(data)))
	return h.object([]message{
		{0x0001, dataspace(dims...)},
		{0x0003, kind},
		{0x0005, []byte{2, 2, 2, 0}}, // no fill value
		{0x0008, layout.b},
		matlabClass(class),
	})
}

// references writes a dataset of object references.
func (h *hdf5) references(class string, targets []uint64, dims ...uint64) uint64 {
	var r record
	for _, t := range targets {
		r.u64(t)
	}
	return h.dataset(typeRef, class, r.b, dims...)
}

type member struct {
	name string
	at   uint64
}

// group writes a group with its members and returns its header's address.
func (h *hdf5) group(members []member, class string) uint64 {
	sort.Slice(members, func(i, j int) bool { return members[i].name < members[j].name })
	// The names, one after another, each padded to eight bytes; the empty one comes first.
	var names record
	names.zeros(8)
	offset := make([]uint64, len(members))
	for i, m := range members {
		offset[i] = uint64(len(names.b))
		names.padded(append([]byte(m.name), 0))
	}
	var heap record
	heapAt := h.at
	heap.text("HEAP")
	heap.zeros(4)
	heap.u64(uint64(len(names.b)))
	heap.u64(1) // nothing is free
	heap.u64(heapAt + 32)
	h.put(append(heap.b, names.b...))
	// Symbol nodes, and the tree over them.
	leaf := 2 * h.leafK()
	var tree record
	tree.text("TREE")
	children := (len(members) + leaf - 1) / leaf
	if children > 2*treeK {
		h.err = fmt.Errorf("hdf5: a group of %d members: at most %d", len(members), 2*treeK*leaf)
		return 0
	}
	tree.u8(0, 0)
	tree.u16(uint16(children))
	tree.u64(undefined)
	tree.u64(undefined)
	tree.u64(0)
	for c := range children {
		part := members[c*leaf : min((c+1)*leaf, len(members))]
		var node record
		node.text("SNOD")
		node.u8(1, 0)
		node.u16(uint16(len(part)))
		for i, m := range part {
			node.u64(offset[c*leaf+i])
			node.u64(m.at)
			node.zeros(24)
		}
		node.zeros(40 * (leaf - len(part)))
		tree.u64(h.at)
		tree.u64(offset[c*leaf+len(part)-1])
		h.put(node.b)
	}
	tree.zeros(24 + 8*(4*treeK+1) - len(tree.b))
	treeAt := h.at
	h.put(tree.b)
	var table record
	table.u64(treeAt)
	table.u64(heapAt)
	messages := []message{{0x0011, table.b}}
	if class != "" {
		messages = append(messages, matlabClass(class))
	}
	return h.object(messages)
}

// writeHDF5 writes a file whose root group build makes. build is called twice and must write the same. largest bounds the members of a group.
func writeHDF5(w io.Writer, largest int, build func(h *hdf5) (root uint64)) error {
	h := &hdf5{w: io.Discard, n: largest}
	for second := range 2 {
		if second == 1 {
			h.w = w
			if _, err := w.Write(matlabHead()); err != nil {
				return err
			}
		}
		h.at = 0
		h.superblock()
		h.root = build(h)
		h.end = h.at
	}
	return h.err
}
