// Package emoji reads the colour bitmaps of an OpenType font: the PNG strikes of the tables CBLC and CBDT, found through
// the character map (cmap format 12) and, for sequences such as flags, the ligatures of GSUB.
//
// It exists for the program that makes the sprites of datasets/scenes (datasets/scenes/atlas/gen) out of Noto Color
// Emoji. Nothing that draws a scene reads a font with it.
//
// Table layouts are those of the OpenType specification 1.9: https://learn.microsoft.com/typography/opentype/spec/.
//
// # Invariants
//
//   - Every offset, count and product is checked against the bytes that are there before it is used. A font that lies
//     gives an error, never a panic and never an allocation larger than the file.
//   - A glyph's picture is returned as the PNG bytes of the font, not decoded.
//
// # Limits
//
// One strike, the first. Character maps of format 12 alone, index formats 1 to 5 and image formats 17, 18 and 19 (PNG) alone.
// Of GSUB only ligature substitutions (type 4, also through extension type 7), of all features at once, longest match.
package emoji
