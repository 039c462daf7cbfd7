package emoji

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
)

// Font is a parsed font. It keeps the bytes it was parsed from and is safe for concurrent use.
type Font struct {
	cmap      []group
	subtables []subtable
	cbdt      table
	ligatures map[uint16][]ligature // by first glyph, longest first
}

type group struct{ first, last, glyph uint32 }

type subtable struct {
	first, last   uint16
	index, format uint16
	data          uint64 // offset of the images in CBDT
	body          table  // the index subtable after its header
}

type ligature struct {
	rest  []uint16
	glyph uint16
}

// ErrMissing says that the font has no bitmap for a text.
var ErrMissing = errors.New("no bitmap in the font")

// table is a bounds-checked view of bytes.
type table []byte

func (t table) from(off uint64) table {
	if off > uint64(len(t)) {
		return nil
	}
	return t[off:]
}

func (t table) u16(off uint64) (uint16, bool) {
	if off+2 > uint64(len(t)) || off+2 < off {
		return 0, false
	}
	return binary.BigEndian.Uint16(t[off:]), true
}

func (t table) u32(off uint64) (uint64, bool) {
	if off+4 > uint64(len(t)) || off+4 < off {
		return 0, false
	}
	return uint64(binary.BigEndian.Uint32(t[off:])), true
}

// Parse reads the tables cmap, CBLC, CBDT and, where there is one, GSUB.
func Parse(b []byte) (*Font, error) {
	if len(b) > maxFont {
		return nil, fmt.Errorf("emoji: font of %d bytes: more than the %d that any emoji font needs", len(b), maxFont)
	}
	file := table(b)
	n, ok := file.u16(4)
	if !ok || n > maxTables {
		return nil, fmt.Errorf("emoji: not an OpenType font: %d bytes, %d tables", len(b), n)
	}
	tables := map[string]table{}
	for i := range uint64(n) {
		rec := 12 + 16*i
		off, ok1 := file.u32(rec + 8)
		size, ok2 := file.u32(rec + 12)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("emoji: table directory ends after %d of %d tables", i, n)
		}
		t := file.from(off)
		if size > uint64(len(t)) {
			return nil, fmt.Errorf("emoji: table %q: %d bytes at %d, the file has %d", b[rec:rec+4], size, off, len(b))
		}
		tables[string(b[rec:rec+4])] = t[:size]
	}
	for _, name := range []string{"cmap", "CBLC", "CBDT"} {
		if tables[name] == nil {
			return nil, fmt.Errorf("emoji: the font has no table %s: it is not a font of colour bitmaps", name)
		}
	}
	f := &Font{cbdt: tables["CBDT"], ligatures: map[uint16][]ligature{}}
	if err := f.readCmap(tables["cmap"]); err != nil {
		return nil, fmt.Errorf("emoji: cmap: %w", err)
	}
	if err := f.readIndex(tables["CBLC"]); err != nil {
		return nil, fmt.Errorf("emoji: CBLC: %w", err)
	}
	if g := tables["GSUB"]; g != nil {
		f.readLigatures(g)
	}
	return f, nil
}

var errShort = errors.New("the table ends too early")

func (f *Font) readCmap(t table) error {
	n, ok := t.u16(2)
	if !ok {
		return errShort
	}
	for i := range uint64(n) {
		off, ok := t.u32(4 + 8*i + 4)
		if !ok {
			return errShort
		}
		s := t.from(off)
		if format, ok := s.u16(0); !ok || format != 12 {
			continue
		}
		count, ok := s.u32(12)
		if !ok || count*12 > uint64(len(s)) {
			return errShort
		}
		for g := range count {
			a, _ := s.u32(16 + 12*g)
			b, _ := s.u32(16 + 12*g + 4)
			c, ok := s.u32(16 + 12*g + 8)
			if !ok || b < a {
				return fmt.Errorf("group %d of %d is cut off or runs backwards", g, count)
			}
			f.cmap = append(f.cmap, group{uint32(a), uint32(b), uint32(c)})
		}
		sort.SliceStable(f.cmap, func(i, j int) bool { return f.cmap[i].first < f.cmap[j].first })
		return nil
	}
	return errors.New("there is no subtable of format 12")
}

func (f *Font) glyph(r rune) (uint16, bool) {
	i := sort.Search(len(f.cmap), func(i int) bool { return f.cmap[i].last >= uint32(r) })
	if i == len(f.cmap) || f.cmap[i].first > uint32(r) {
		return 0, false
	}
	g := f.cmap[i].glyph + uint32(r) - f.cmap[i].first
	return uint16(g), g != 0 && g <= 0xffff
}

func (f *Font) readIndex(t table) error {
	sizes, ok := t.u32(4)
	if !ok || sizes < 1 {
		return errors.New("no strike")
	}
	array, ok1 := t.u32(8)
	count, ok2 := t.u32(16)
	arr := t.from(array)
	if !ok1 || !ok2 || count*8 > uint64(len(arr)) {
		return errShort
	}
	for i := range count {
		first, _ := arr.u16(8 * i)
		last, _ := arr.u16(8*i + 2)
		off, _ := arr.u32(8*i + 4)
		s := arr.from(off)
		index, ok1 := s.u16(0)
		format, ok2 := s.u16(2)
		data, ok3 := s.u32(4)
		if !ok1 || !ok2 || !ok3 || last < first {
			return fmt.Errorf("index subtable %d of %d is cut off or runs backwards", i, count)
		}
		f.subtables = append(f.subtables, subtable{first, last, index, format, data, s.from(8)})
	}
	return nil
}

// image is the PNG of a glyph.
func (f *Font) image(g uint16) ([]byte, error) {
	for i := range f.subtables {
		s := &f.subtables[i]
		if g < s.first || g > s.last {
			continue
		}
		from, size, ok := s.locate(g)
		if !ok {
			continue
		}
		return f.png(s, from, size)
	}
	return nil, ErrMissing
}

// locate gives where a glyph's image lies after the subtable's data offset.
func (s *subtable) locate(g uint16) (from, size uint64, ok bool) {
	k := uint64(g - s.first)
	var to uint64
	switch s.index {
	case 1:
		from, _ = s.body.u32(4 * k)
		to, ok = s.body.u32(4*k + 4)
	case 2:
		size, ok = s.body.u32(0)
		return k * size, size, ok
	case 3:
		a, _ := s.body.u16(2 * k)
		b, good := s.body.u16(2*k + 2)
		from, to, ok = uint64(a), uint64(b), good
	case 4:
		n, good := s.body.u32(0)
		if !good || (n+1)*4 > uint64(len(s.body)) {
			return 0, 0, false
		}
		for i := range n {
			id, _ := s.body.u16(4 + 4*i)
			if id != g {
				continue
			}
			a, _ := s.body.u16(4 + 4*i + 2)
			b, good := s.body.u16(4 + 4*(i+1) + 2)
			from, to, ok = uint64(a), uint64(b), good
			break
		}
	case 5:
		size, _ = s.body.u32(0)
		n, good := s.body.u32(12)
		if !good || n*2 > uint64(len(s.body)) {
			return 0, 0, false
		}
		for i := range n {
			if id, good := s.body.u16(16 + 2*i); good && id == g {
				return i * size, size, true
			}
		}
	}
	return from, to - from, ok && to > from
}

func (f *Font) png(s *subtable, from, size uint64) ([]byte, error) {
	d := f.cbdt.from(s.data).from(from)
	if size > uint64(len(d)) {
		return nil, fmt.Errorf("emoji: CBDT: an image of %d bytes, %d are left", size, len(d))
	}
	d = d[:size]
	head := uint64(0)
	switch s.format {
	case 17: // five bytes of small metrics
		head = 5
	case 18: // eight bytes of big metrics
		head = 8
	case 19: // metrics in CBLC
	default:
		return nil, fmt.Errorf("emoji: CBDT: image format %d: only 17, 18 and 19 hold PNG", s.format)
	}
	n, ok := d.u32(head)
	d = d.from(head + 4)
	if !ok || n > uint64(len(d)) {
		return nil, fmt.Errorf("emoji: CBDT: a PNG of %d bytes, %d are left", n, len(d))
	}
	return d[:n], nil
}

// PNG is the bitmap of an emoji, as the font holds it. The text is one character, or a sequence that the font joins
// to one glyph; variation selectors are ignored. The error is ErrMissing where there is none.
func (f *Font) PNG(text string) ([]byte, error) {
	var glyphs []uint16
	for _, r := range text {
		if r == 0xfe0f || r == 0xfe0e {
			continue
		}
		g, ok := f.glyph(r)
		if !ok {
			return nil, fmt.Errorf("emoji: %U: %w", r, ErrMissing)
		}
		glyphs = append(glyphs, g)
	}
	if len(glyphs) == 0 || len(glyphs) > maxSequence {
		return nil, fmt.Errorf("emoji: %q is not one emoji: %w", text, ErrMissing)
	}
	g := glyphs[0]
	if len(glyphs) > 1 {
		found := false
		for _, l := range f.ligatures[g] {
			if found = equal(l.rest, glyphs[1:]); found {
				g = l.glyph
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("emoji: %q is not one glyph: %w", text, ErrMissing)
		}
	}
	p, err := f.image(g)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	return p, nil
}

func equal(a, b []uint16) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
