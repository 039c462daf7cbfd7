package scenes

// relabel puts another word in the place of the picture's label: in the same font, letters, plate and, where training may show
// the word in it, ink; smaller or moved sideways only as far as it would not fit.
func (p *picture) relabel(d draws, word int) {
	it := &p.items[1]
	w := &it.word
	it.index, w.index = word, word
	w.text = letters(allWords[word], w.letter)
	f := worldFontFaces()[w.font]
	em, err := f.Width(w.text)
	if err != nil {
		panic(err) // the words are ASCII and the fonts have it: a test covers every pair
	}
	top, bottom := f.Extent(w.text)
	w.em = min(w.em, 0.9/em)
	w.width, w.height = float64(w.em*em), float64(w.em*(bottom-top))
	it.scale = w.width
	it.measure()
	hx, _ := it.reach()
	hx = min(hx+0.01, 0.5)
	it.moveTo(min(max(it.x, hx), 1-hx), min(max(it.y, it.h/2), 1-it.h/2))
	for k, first := 0, it.colour; k < nColours; k++ {
		ink := (first + k) % nColours
		if heldOutWordInk(word, ink) {
			continue
		}
		if k == 0 {
			return
		}
		it.colour, it.paint.rgb = ink, tint(d, ink)
		w.ink, w.rgb = ink, it.paint.rgb
		if (!it.plate || ink != it.plateInk && lumaContrast(it.plateRGB, it.paint.rgb) >= 80) && p.visible() {
			return
		}
	}
	it.plated(d)
}
