// Package raster turns outlines into coverage: for every pixel, the share of its area that a figure covers.
//
// Stimuli are measured, not only looked at. A unit that answers to dark area must be told apart from one that answers
// to shape or place, so the area of every stimulus has to be known, and the picture has to have exactly that area. Three
// things are therefore exact here, up to rounding in float64: the area of a disc in a pixel or a frame (closed form,
// disc.go), the area of a polygon in a pixel (signed-area accumulation, raster.go) and the area of a polygon in
// a frame (clip.go). Supersampling is used only by the tests, as an oracle.
//
// Units are pixels, x to the right, y down, the pixel in column c and row r covering [c, c+1] x [r, r+1].
//
// # Invariants
//
//   - The coverage of a pixel lies in [0, 1]; the sum over pixels is the area of the figure inside the frame for
//     figures whose contours do not overlap.
//   - The order of contours and their direction do not matter, except that a contour inside another one cuts a
//     hole only when it runs the other way round.
//   - Nothing is remembered between figures: Coverage and Mask clear what they read.
//
// # Limits
//
//   - Curves are flattened to lines; QuadTo keeps the error below 1/100 pixel.
//   - Overlapping contours of one figure add up and are cut off at 1 (right inside, too dark on shared edge pixels).
//   - Sums of products are written so that no compiler may fuse them, which makes polygons and text the same bits on
//     every platform. Discs use math.Asin, whose last bit may differ between platforms; after rounding to 8
//     bits that may show in about one border pixel of 10^10.
//   - Text has advances but no kerning, shaping or hinting: Latin words, not typesetting.
package raster
