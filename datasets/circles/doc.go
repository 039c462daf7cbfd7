// Package circles makes the stimuli with which place in the visual field is mapped: one filled figure on a plain
// background, at a known place and of a known size, cut off by the border of the frame where it does not fit.
//
// The default is the stimulus set of Frey's "Exploring spatial representations in visual foundation models": 3000
// black circles on white, diameters drawn evenly from 20 to 80 pixels, centres drawn evenly over a frame of 224 x
// 224 pixels. About 40 % of those circles are clipped, so a unit that does nothing but measure dark area fires less
// when the circle is near a border. What the circle shows of itself is therefore a label of every stimulus,
// computed in closed form, to be regressed out or plotted beside any map. The grid design puts the same diameters
// on every bin of a map: no bin stays empty and none has larger circles than another.
//
// Other figures (square, triangle, rectangle) are as large as the circle whose diameter they are given: a figure of
// diameter d has area pi d^2/4, so that area does not tell the shapes apart. Their centre is the centroid; they stand
// upright; a rectangle is twice as wide as high.
//
// # Invariants
//
//   - Stimulus i depends on the parameters and i alone: the same bytes in any order and on any number of goroutines.
//   - Every pixel holds background + coverage x (figure - background), rounded once, with the exact area
//     of the figure within the pixel as coverage.
//   - The label visible_area is the exact area inside the frame divided by the figure's area; the coverage of all
//     pixels sums to it.
//
// # Limits
//
//   - Paint is mixed in the 8-bit values as they are stored, as drawing programs do, not in linear light.
//   - The bytes are the same on every platform up to the last bit of math.Asin (see internal/raster).
package circles
