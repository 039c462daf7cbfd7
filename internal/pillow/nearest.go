package pillow

// nearest returns, for output pixels [o0, o1) of a line of in pixels that becomes out pixels, the source pixel
// of each. The position is carried along by addition, as Pillow does it, and so are its rounding errors.
func nearest(in, out, o0, o1 int) []int {
	step := float64(in) / float64(out)
	at := step * 0.5
	index := make([]int, 0, o1-o0)
	for o := range o1 {
		if o >= o0 {
			index = append(index, min(int(at), in-1))
		}
		at += step
	}
	return index
}

// nearest16 is nearest for 16-bit grey, which Pillow takes through its general affine transform: each position is one
// product. The two differ by a pixel where a position falls on an edge between two.
func nearest16(in, out, o0, o1 int) []int {
	step := float64(in) / float64(out)
	index := make([]int, 0, o1-o0)
	for o := o0; o < o1; o++ {
		index = append(index, min(int((float64(o)+0.5)*step), in-1))
	}
	return index
}
