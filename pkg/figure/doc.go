// Package figure draws results: curves with bands, maps, distributions, lesion strips, and panels of them, as PNG, SVG
// and PDF, each with its data (CSV) and its provenance (JSON) beside it.
//
// A constructor (Lines, Heatmaps, Boxes, Violins, ECDF, Histogram, Scatter, Images, Bars, Matrix, LesionBars,
// TrainingCurve) takes plain arrays and returns a Figure; Compose joins figures into panels. The package knows nothing
// of models or data sets, so it serves any numbers.
//
//	f, err := figure.Lines(figure.LinesOptions{
//		Meta:   figure.Meta{Name: "lesion", Title: "Silencing units"},
//		X:      figure.Axis{Label: "units silenced (%)", Percent: true},
//		Y:      figure.Axis{Label: "p(circle)", Min: 0, Max: 1},
//		Series: []figure.Series{{Name: "targeted", X: x, Y: y, Lo: lo, Hi: hi}},
//	})
//	paths, err := f.Save("out/figures")
//
// # Looks
//
// Figures are made for the printed page: 89, 120 or 183 mm wide, type of 6.5 to 9 points in Liberation Sans (the
// measures of Arial), axis lines of 0.6 points on two sides, no grid, no frame, ticks at round numbers without idle
// zeros. Colours come from the set of Okabe and Ito (2008), which survives colour blindness, and from colour maps that
// are even in lightness. A figure keeps its type size when it becomes a panel: Compose lays panels out anew and never
// scales them.
//
// Numbers that others published are drawn open and dashed, name their source in the legend and in the JSON, and need
// one: a Published without Source is an error.
//
// # Invariants
//
//   - Equal options give equal bytes in all formats, on any number of goroutines. PNG pixels may differ between kinds
//     of processor by the rounding of an anti-aliased edge.
//   - Every observation is in the tables of Data and in the CSV files, with all digits, also where it lies outside a
//     range that was asked for. A NaN is a gap in a curve, gray in a map, a cross in a lesion strip and an empty cell
//     in the CSV.
//   - A character that the font lacks is drawn as a box, never left out.
//   - Save leaves no half-written file: each is written under a temporary name in the same folder, synced and renamed.
//     NAME.json comes last and holds the SHA-256 of the others.
//   - Slices given to a constructor are copied or read before it returns; pictures (image.Image) are not copied and
//     must not change.
//
// # Limits
//
// Text is set from left to right in Latin, Greek and Cyrillic; ^{...} and _{...} raise and lower, other markup is
// text. Scatter plots of more than 2000 points are pixels (300 dpi) inside SVG and PDF. Direct labels and notes avoid
// curves as best they can but not each other's arrows. A side is at most 1200 mm.
//
// The drawing rests on the vector graphics of gonum.org/v1/plot; docs/rationale.md tells which of its parts are used
// and which are replaced here.
package figure
