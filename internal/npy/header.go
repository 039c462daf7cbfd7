package npy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const magic = "\x93NUMPY"

// Header is what stands before the elements.
type Header struct {
	Descr   string // element type, such as "<f4"
	Fortran bool   // first index fastest
	Shape   []int

	dtype dtype
}

// ReadHeader reads the header and checks it. The reader is left at the first element.
func ReadHeader(r io.Reader) (Header, error) {
	bad := func(format string, args ...any) (Header, error) {
		return Header{}, fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
	}
	var pre [8]byte
	if _, err := io.ReadFull(r, pre[:]); err != nil {
		return bad("shorter than its magic number")
	}
	if string(pre[:6]) != magic {
		return bad("it does not begin with \\x93NUMPY")
	}
	wide := 0
	switch pre[6] {
	case 1:
		wide = 2
	case 2, 3:
		wide = 4
	default:
		return bad("format version %d.%d", pre[6], pre[7])
	}
	var size [4]byte
	if _, err := io.ReadFull(r, size[:wide]); err != nil {
		return bad("header length is cut off")
	}
	n := binary.LittleEndian.Uint32(size[:]) // the upper bytes are 0 in version 1
	if n > MaxHeaderBytes {
		return bad("header of %d bytes, at most %d are read", n, MaxHeaderBytes)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return bad("header is cut off")
	}
	if !utf8.Valid(text) {
		// Versions 1 and 2 are Latin-1; beyond ASCII only field names of structured dtypes can be.
		return bad("header is not ASCII or UTF-8")
	}
	return parseHeader(string(text))
}

// Write writes the header the way numpy.save does: format 1.0, or 2.0 for a header above 65535 bytes; spaces so
// that the first dimension could grow to 21 digits and so that the elements begin at a multiple of 64.
func (h Header) Write(w io.Writer) error {
	var b strings.Builder
	order := "False"
	if h.Fortran {
		order = "True"
	}
	fmt.Fprintf(&b, "{'descr': '%s', 'fortran_order': %s, 'shape': (", h.Descr, order)
	for i, s := range h.Shape {
		if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(strconv.Itoa(s))
		if i < len(h.Shape)-1 || i == 0 {
			b.WriteString(",")
		}
	}
	b.WriteString("), }")
	if n := len(h.Shape); n > 0 {
		grows := h.Shape[0]
		if h.Fortran {
			grows = h.Shape[n-1]
		}
		b.WriteString(strings.Repeat(" ", max(0, 21-len(strconv.Itoa(grows)))))
	}
	var out bytes.Buffer
	out.WriteString(magic)
	text := b.String()
	pad := func(before int) int { return 64 - (before+len(text)+1)%64 }
	if n := len(text) + pad(10) + 1; n <= 0xffff {
		out.Write([]byte{1, 0})
		out.Write(binary.LittleEndian.AppendUint16(nil, uint16(n)))
		text += strings.Repeat(" ", pad(10)) + "\n"
	} else {
		text += strings.Repeat(" ", pad(12)) + "\n"
		out.Write([]byte{2, 0})
		out.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(text))))
	}
	out.WriteString(text)
	_, err := w.Write(out.Bytes())
	return err
}

// parseHeader reads the Python literal: a dictionary with the keys descr, fortran_order and shape, each once.
func parseHeader(text string) (Header, error) {
	p := &literal{s: text}
	h := Header{}
	seen := map[string]bool{}
	var err error
	p.expect('{')
	for p.err == nil && !p.take('}') {
		key := p.str()
		p.expect(':')
		if p.err == nil && seen[key] {
			p.fail("key %q comes twice", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.peek() == '[' {
				return h, fmt.Errorf("%w: a structured dtype; save each field as an array of its own", ErrDType)
			}
			h.Descr = p.str()
		case "fortran_order":
			h.Fortran = p.boolean()
		case "shape":
			h.Shape = p.tuple()
		default:
			p.fail("unknown key %.40q", key)
		}
		if !p.take(',') && p.peek() != '}' {
			p.fail("want , or }")
		}
	}
	p.space()
	if p.err == nil && p.i < len(p.s) {
		p.fail("text after the header")
	}
	if p.err == nil && len(seen) != 3 {
		p.fail("want the keys descr, fortran_order and shape")
	}
	if p.err != nil {
		return h, p.err
	}
	h.dtype, err = parseDescr(h.Descr)
	return h, err
}

// parseDescr reads an array-protocol type string such as "<f4" or "|S10".
func parseDescr(s string) (dtype, error) {
	bad := func(why string) (dtype, error) {
		return dtype{}, fmt.Errorf("%w: %.40q %s", ErrDType, s, why)
	}
	if len(s) < 2 {
		return bad("is no type")
	}
	d := dtype{}
	t := s
	switch s[0] {
	case '<', '|', '=':
		t = s[1:]
	case '>':
		d.big = true
		t = s[1:]
	}
	d.kind = t[0]
	if d.kind == 'O' {
		return d, ErrPickle
	}
	n, err := strconv.ParseUint(t[1:], 10, 31)
	if err != nil {
		return bad("is no type")
	}
	d.size = int(n)
	ok := false
	switch d.kind {
	case 'b':
		ok = d.size == 1
	case 'i', 'u':
		ok = d.size == 1 || d.size == 2 || d.size == 4 || d.size == 8
	case 'f':
		ok = d.size == 2 || d.size == 4 || d.size == 8
	case 'c':
		ok = d.size == 8 || d.size == 16
	case 'S':
		ok = d.size <= MaxItemBytes
	case 'U':
		ok = d.size <= MaxItemBytes/4
		d.size *= 4
	case 'V':
		return bad("is raw bytes (bfloat16 is saved so); save it as float32")
	case 'M', 'm':
		return bad("is a date or a duration; save it as a number")
	}
	if !ok {
		return bad("has no reader here")
	}
	return d, nil
}

// literal reads the few Python literals a header is made of.
type literal struct {
	s   string
	i   int
	err error
}

func (p *literal) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: header, byte %d: %s", ErrFormat, p.i, fmt.Sprintf(format, args...))
	}
}

func (p *literal) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *literal) peek() byte {
	p.space()
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *literal) take(c byte) bool {
	if p.err == nil && p.peek() == c {
		p.i++
		return true
	}
	return false
}

func (p *literal) expect(c byte) {
	if !p.take(c) {
		p.fail("want %q", c)
	}
}

func (p *literal) str() string {
	q := p.peek()
	if q != '\'' && q != '"' {
		p.fail("want a string")
		return ""
	}
	end := strings.IndexByte(p.s[p.i+1:], q)
	if end < 0 {
		p.fail("string has no end")
		return ""
	}
	out := p.s[p.i+1 : p.i+1+end]
	if strings.ContainsAny(out, "\\\n") {
		p.fail("escapes in strings are not read")
	}
	p.i += end + 2
	return out
}

func (p *literal) boolean() bool {
	p.space()
	for _, v := range []struct {
		word string
		val  bool
	}{{"True", true}, {"False", false}} {
		if strings.HasPrefix(p.s[p.i:], v.word) {
			p.i += len(v.word)
			return v.val
		}
	}
	p.fail("want True or False")
	return false
}

func (p *literal) tuple() []int {
	out := []int{}
	p.expect('(')
	for p.err == nil && !p.take(')') {
		p.space()
		j := p.i
		for j < len(p.s) && p.s[j] >= '0' && p.s[j] <= '9' {
			j++
		}
		n, err := strconv.ParseInt(p.s[p.i:j], 10, 64)
		if err != nil {
			p.fail("want an extent")
			return nil
		}
		if len(out) >= MaxRank {
			p.fail("more than %d dimensions", MaxRank)
			return nil
		}
		p.i = j
		p.take('L') // Python 2 wrote long integers so
		out = append(out, int(n))
		// A tuple of one has a comma: (3) is no tuple.
		if !p.take(',') && (p.peek() != ')' || len(out) == 1) {
			p.fail("want ,")
		}
	}
	return out
}
