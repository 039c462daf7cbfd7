// Package scenes makes pictures of a small world whose every latent is known: figures of eight shapes and ten colours
// in any place, size and turn, with textures, alone, several of a kind or two with a layout; written words in several
// fonts and inks; words with figures; and pictures with nothing in them; on white, coloured, graded, noisy and blurred
// backgrounds. Each comes with a caption such as people write, which says some of what is there and nothing that is not.
//
// It is what the small models that ship with this module are trained on, and what every analysis can be checked against:
// the labels of a picture are not annotations but the numbers it was drawn from.
//
//	set, err := scenes.New(scenes.Config{N: 1_000_000, Seed: 1, Size: 64, Split: "train"})
//	caption, err := set.Draw(i, rgb) // training: bytes and a caption
//	stimulus, err := set.At(i)       // recording: picture, labels, masks
//	probe, err := scenes.Probe("shape4", 300, 1, 64) // evaluation: plain pictures balanced over classes
//
// # The world
//
// Places and lengths are in units of the frame. A figure's size is the radius of the disc of the same area, from 0.04 to 0.40
// with equally many in every octave (stars, triangles and rectangles stop at about 0.3, where they fill the frame), so that
// area alone never tells shapes apart. The stimuli of the spatial-cells document have radii from 0.045 to 0.18.
// Of the single figures 45 % are "plain": solid, half of them black, on white or nearly white.
// A single figure lies anywhere in the frame, cut off by the border where it does not fit, or (55 to 60 %) wholly inside;
// beyond a radius of 0.2 its centre stays 0.15 from the border, so that something to recognise is left.
// Every paint stands out from its background by at least 90 of 255 levels in some channel, every ink by 65 in luma.
//
// # Splits
//
// The splits train, val, test and heldout are independent streams of pictures. One shape for each colour (HeldOut) and one ink
// for ten of eleven words (HeldOutInk) occur in none of train, val and test; heldout consists of them. What a model does on
// heldout it can only do by combining what it has seen apart. Pairs are held out whether or not the caption names them.
//
// # Invariants
//
//   - Picture i, its caption and labels depend on the seed, the split, the size, the mixture and i, and on nothing else: not on N, not
//     on the order of calls, not on the number of goroutines.
//   - The latents do not depend on the size: the same scene drawn finer. Noise, too, lives on a lattice in the frame.
//   - The bytes of a seed do not change from version to version: shipped models were trained on them (golden hashes in the tests).
//   - Every statement of a caption is true of the picture; captions have at most 16 words, all of them in Vocabulary.
//
// # Limits
//
//   - Colours are mixed in stored 8-bit values, not in linear light. Textures are anti-aliased by a box across the
//     pattern, not by exact area.
//   - Random numbers, latents and polygons are the same bits on every platform (no fused multiply-adds, see
//     internal/raster); discs may differ by one level where math.Asin differs in its last bit.
//   - Figures overlap only by accident of placing (rarely, when there are three); masks are of each figure's own paint,
//     also where something else was painted over it.
//   - Words are single, without kerning; at 64 pixels the smallest letters are six pixels apart.
package scenes
