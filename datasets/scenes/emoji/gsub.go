package emoji

import "sort"

// readLigatures collects the ligature substitutions of GSUB. What is cut off or of another type is left out: a font
// without the ligature of a flag has no flag, and PNG says so.
func (f *Font) readLigatures(t table) {
	list, ok := t.u16(8)
	if !ok {
		return
	}
	lookups := t.from(uint64(list))
	n, _ := lookups.u16(0)
	work := maxWork
	for i := range uint64(n) {
		off, ok := lookups.u16(2 + 2*i)
		if !ok {
			break
		}
		l := lookups.from(uint64(off))
		kind, _ := l.u16(0)
		count, _ := l.u16(4)
		for k := range uint64(count) {
			off, ok := l.u16(6 + 2*k)
			if work--; !ok || work <= 0 {
				break
			}
			s, kind := l.from(uint64(off)), kind
			if kind == 7 { // extension: the real type and a long offset
				kind, _ = s.u16(2)
				far, _ := s.u32(4)
				s = s.from(far)
			}
			if kind == 4 {
				f.ligatureSubst(s, &work)
			}
		}
	}
	for g := range f.ligatures {
		l := f.ligatures[g]
		sort.SliceStable(l, func(i, j int) bool { return len(l[i].rest) > len(l[j].rest) })
	}
}

// ligatureSubst reads one LigatureSubstFormat1 subtable, at the expense of work.
func (f *Font) ligatureSubst(s table, work *int) {
	cov, _ := s.u16(2)
	sets, ok := s.u16(4)
	if !ok {
		return
	}
	first := coverage(s.from(uint64(cov)), int(sets))
	*work -= int(sets)
	for i := range min(uint64(sets), uint64(len(first))) {
		off, ok := s.u16(6 + 2*i)
		if !ok {
			return
		}
		set := s.from(uint64(off))
		n, _ := set.u16(0)
		for k := range uint64(n) {
			off, ok := set.u16(2 + 2*k)
			if *work--; !ok || *work <= 0 {
				break
			}
			lig := set.from(uint64(off))
			glyph, _ := lig.u16(0)
			parts, ok := lig.u16(2)
			if !ok || parts < 2 || parts > maxSequence {
				continue
			}
			rest := make([]uint16, 0, parts-1)
			for p := range uint64(parts - 1) {
				if g, ok := lig.u16(4 + 2*p); ok {
					rest = append(rest, g)
				}
			}
			if len(rest) == int(parts-1) {
				f.ligatures[first[i]] = append(f.ligatures[first[i]], ligature{rest, glyph})
			}
		}
	}
}

// coverage lists the glyphs of a coverage table in coverage order, at most limit.
func coverage(t table, limit int) []uint16 {
	format, _ := t.u16(0)
	n, _ := t.u16(2)
	var out []uint16
	for i := range uint64(n) {
		switch format {
		case 1:
			if g, ok := t.u16(4 + 2*i); ok && len(out) < limit {
				out = append(out, g)
			}
		case 2:
			a, _ := t.u16(4 + 6*i)
			b, ok := t.u16(4 + 6*i + 2)
			if !ok {
				return out
			}
			for g := int(a); g <= int(b) && len(out) < limit; g++ {
				out = append(out, uint16(g))
			}
		}
	}
	return out
}
