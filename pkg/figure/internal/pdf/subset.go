package pdf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// subset cuts a TrueType font down to the glyphs listed, keeping their numbers: outlines of other glyphs become
// empty, tables that a PDF reader does not need (names, layout, hinting programs) go. The format is that of the
// OpenType specification 1.9, chapters "otff", "glyf", "loca", "head", "hhea", "hmtx" and "maxp".
func subset(ttf []byte, glyphs []uint16) ([]byte, error) {
	tables, err := directory(ttf)
	if err != nil {
		return nil, err
	}
	head, hhea, maxp := slices.Clone(tables["head"]), slices.Clone(tables["hhea"]), slices.Clone(tables["maxp"])
	hmtx, loca, glyf := tables["hmtx"], tables["loca"], tables["glyf"]
	if len(head) < 54 || len(hhea) < 36 || len(maxp) < 6 || glyf == nil {
		return nil, errors.New("font lacks one of the tables head, hhea, maxp, glyf")
	}
	count := int(binary.BigEndian.Uint16(maxp[4:]))
	metrics := int(binary.BigEndian.Uint16(hhea[34:]))
	long := binary.BigEndian.Uint16(head[50:]) == 1
	outline := func(g uint16) ([]byte, error) {
		var lo, hi int
		switch i := int(g); {
		case i >= count:
			return nil, fmt.Errorf("glyph %d of %d", g, count)
		case long && len(loca) >= 4*i+8:
			lo, hi = int(binary.BigEndian.Uint32(loca[4*i:])), int(binary.BigEndian.Uint32(loca[4*i+4:]))
		case !long && len(loca) >= 2*i+4:
			lo, hi = 2*int(binary.BigEndian.Uint16(loca[2*i:])), 2*int(binary.BigEndian.Uint16(loca[2*i+2:]))
		default:
			return nil, errors.New("table loca is too short")
		}
		if lo > hi || hi > len(glyf) {
			return nil, fmt.Errorf("glyph %d lies outside the table glyf", g)
		}
		return glyf[lo:hi], nil
	}

	used := map[uint16]bool{}
	todo := append([]uint16{0}, glyphs...)
	for len(todo) > 0 {
		g := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if used[g] {
			continue
		}
		used[g] = true
		o, err := outline(g)
		if err != nil {
			return nil, err
		}
		for _, c := range components(o) {
			if !used[c] {
				todo = append(todo, c)
			}
		}
	}
	last := 0
	for g := range used {
		last = max(last, int(g))
	}

	var newGlyf []byte
	newLoca := make([]byte, 0, 4*(last+2))
	for g := 0; g <= last; g++ {
		newLoca = binary.BigEndian.AppendUint32(newLoca, uint32(len(newGlyf)))
		if !used[uint16(g)] {
			continue
		}
		o, err := outline(uint16(g))
		if err != nil {
			return nil, err
		}
		// Outlines that share bytes could add up to far more than the file holds; real ones lie one behind the other.
		if len(newGlyf)+len(o) > len(glyf)+4*count {
			return nil, errors.New("outlines in the table glyf overlap")
		}
		newGlyf = append(newGlyf, o...)
		for len(newGlyf)%4 != 0 {
			newGlyf = append(newGlyf, 0)
		}
	}
	newLoca = binary.BigEndian.AppendUint32(newLoca, uint32(len(newGlyf)))
	newMetrics := min(metrics, last+1)
	size := 4*newMetrics + 2*(last+1-newMetrics)
	if len(hmtx) < size {
		return nil, errors.New("table hmtx is too short")
	}
	binary.BigEndian.PutUint16(maxp[4:], uint16(last+1))
	binary.BigEndian.PutUint16(hhea[34:], uint16(newMetrics))
	binary.BigEndian.PutUint16(head[50:], 1)
	binary.BigEndian.PutUint32(head[8:], 0)
	return assemble([]table{{"glyf", newGlyf}, {"head", head}, {"hhea", hhea}, {"hmtx", hmtx[:size]}, {"loca", newLoca}, {"maxp", maxp}}), nil
}

type table struct {
	tag  string
	data []byte
}

// directory splits a font file into its tables.
func directory(ttf []byte) (map[string][]byte, error) {
	if len(ttf) < 12 {
		return nil, errors.New("font file is too short")
	}
	n := int(binary.BigEndian.Uint16(ttf[4:]))
	if len(ttf) < 12+16*n {
		return nil, errors.New("font file ends inside its table directory")
	}
	out := map[string][]byte{}
	for i := range n {
		e := ttf[12+16*i:]
		off, size := uint64(binary.BigEndian.Uint32(e[8:])), uint64(binary.BigEndian.Uint32(e[12:]))
		if off+size > uint64(len(ttf)) {
			return nil, fmt.Errorf("font table %q lies outside the file", e[:4])
		}
		out[string(e[:4])] = ttf[off : off+size]
	}
	return out, nil
}

// components lists the glyphs that a composite outline is made of.
func components(o []byte) []uint16 {
	if len(o) < 10 || int16(binary.BigEndian.Uint16(o)) >= 0 {
		return nil
	}
	const (
		wordArguments = 1 << 0
		oneScale      = 1 << 3
		more          = 1 << 5
		twoScales     = 1 << 6
		matrix        = 1 << 7
	)
	var out []uint16
	for p := 10; p+4 <= len(o); {
		flags := binary.BigEndian.Uint16(o[p:])
		out = append(out, binary.BigEndian.Uint16(o[p+2:]))
		p += 6
		if flags&wordArguments != 0 {
			p += 2
		}
		switch {
		case flags&oneScale != 0:
			p += 2
		case flags&twoScales != 0:
			p += 4
		case flags&matrix != 0:
			p += 8
		}
		if flags&more == 0 {
			break
		}
	}
	return out
}

// assemble writes a font file of the tables, which must be in the order of their tags.
func assemble(ts []table) []byte {
	n := len(ts)
	log := bits.Len(uint(n)) - 1
	out := binary.BigEndian.AppendUint32(nil, 0x00010000)
	for _, v := range []int{n, 16 << log, log, 16*n - 16<<log} {
		out = binary.BigEndian.AppendUint16(out, uint16(v))
	}
	at := 12 + 16*n
	var body []byte
	for _, t := range ts {
		size := len(t.data)
		padded := slices.Clone(t.data)
		for len(padded)%4 != 0 {
			padded = append(padded, 0)
		}
		var sum uint32
		for i := 0; i < len(padded); i += 4 {
			sum += binary.BigEndian.Uint32(padded[i:])
		}
		out = append(out, t.tag...)
		out = binary.BigEndian.AppendUint32(out, sum)
		out = binary.BigEndian.AppendUint32(out, uint32(at+len(body)))
		out = binary.BigEndian.AppendUint32(out, uint32(size))
		body = append(body, padded...)
	}
	return append(out, body...)
}
