// Package scenes makes pictures of small worlds whose every latent is known, with captions such as people write: they say some of what
// is there and nothing that is not.
//
// They are what the small models that ship with this module are trained on, and what every analysis can be checked against:
// the labels of a picture are not annotations but the numbers it was drawn from. Any picture is drawn alone, from its number.
//
// There are two worlds. The second one, World, is complete and is what new trainings take:
//
//	w, err := scenes.NewWorld(scenes.WorldConfig{N: 4_000_000, Seed: 1, Size: 64, Split: "train"})
//	caption, err := w.Draw(i, rgb)   // training: bytes and a caption
//	latents, err := w.Latents(i)     // targets: every latent, nothing drawn
//	picture, err := w.Render(i)      // the picture, its latents, the pixels of each thing
//	stimulus, err := w.At(i)         // recording: picture, labels, masks (datasets.Set)
//	probe, err := scenes.NewWorldProbe(scenes.WorldProbeConfig{Factor: "object-line", N: 600}) // evaluation
//
// The first one, Set, with New, Probe and NewProbe, has plain shapes and words; networks, notebooks and figures that were made with it
// need its bytes.
//
// # The second world
//
// 134 objects (ThingNames), each shown in three ways: in colour (art), as a silhouette with its inner edges cut out or an icon, or as a line drawing, and as
// its written word. Faces with twelve expressions, from a font or of strokes in any colour. Twenty-four regions, as flags or as a mark on a small map of the
// world, with continent and adjective. Eight cartoon characters of our own with names, who have expressions too. The shapes, colours, textures, sizes and counts of the first
// world, so that its questions can be asked of every network: among them the single dark disc on plain ground, anywhere in the frame. Five places
// (indoor, street, nature, sea, sky) and plain, graded, noisy and blurred grounds. Several objects beside, above or in front of one another, or two to four of a kind.
// Words of objects, colours, shapes, expressions, regions and characters in nineteen fonts, with or without a plate, alone or on things: their own name in seven of ten
// pictures, another's in three. Colour words in other inks, misleading names on objects. And a quarter of the pictures are spoiled by noise, blur, contrast, brightness or shadow.
//
// Words stand with what they name, as on the web: the picture of a word may be captioned with what the word means ("a cat"), and the picture of a thing with its name
// on it is mostly captioned as the thing.
//
// Latents and Item document every latent with its unit. WorldFactors lists the probes.
//
// # The first world
//
// Places and lengths are in units of the frame. A figure's size is the radius of the disc of the same area, from 0.04 to 0.40
// with equally many in every octave (stars, triangles and rectangles stop at about 0.3, where they fill the frame), so that
// area alone never tells shapes apart. The stimuli of the spatial-cells document have radii from 0.045 to 0.18.
// Of the single figures 45 % (50 % in the second world) are "plain": solid, half of them black, on white or nearly white.
// A single figure lies anywhere in the frame, cut off by the border where it does not fit, or (55 to 60 %) wholly inside;
// beyond a radius of 0.2 its centre stays 0.15 from the border, so that something to recognise is left.
// Every paint stands out from its background by at least 90 of 255 levels in some channel, every ink by 65 in luma.
//
// # Splits
//
// The splits train, val, test and heldout are independent streams of pictures. Some combinations occur in none of train, val and test; heldout consists of
// them. What a model does on heldout it can only do by combining what it has seen apart. In the first world: one shape for each colour (HeldOut) and one
// ink for ten of eleven words (HeldOutInk). In the second: these, and for each object one of the places (HeldOutPlace), one colour of silhouettes and line
// drawings (HeldOutColour) and, for every fourth object, silhouettes or line drawings altogether (HeldOutStyle). Combinations are held out whether or not the caption names them.
//
// # Sprites
//
// Objects, emoji faces and flags come from datasets/scenes/atlas, 2.5 MB of sheets that its generator draws from Noto Color Emoji (SIL Open Font License
// 1.1) and the Material icons (Apache License 2.0); see NOTICE.md there. Places, characters, faces of strokes and the map are drawn by this package.
// Sheets are decoded when a picture first needs them, 0.2 seconds once.
//
// # Invariants
//
//   - Picture i, its caption and labels depend on the seed, the split, the size, the mixture and i, and on nothing else: not on N, not
//     on the order of calls, not on the number of goroutines.
//   - The latents do not depend on the size: the same scene drawn finer. Noise, too, lives on a lattice in the frame.
//   - The bytes of a seed do not change from version to version: shipped models were trained on them (golden hashes in the tests).
//   - Every statement of a caption is true of the picture (one exception below); captions have at most 16 words (21 tokens of the smallest tokenizer in use). In the first world all of them are in
//     Vocabulary.
//   - Everything that differs between a picture and its bare ground is covered by some item, and every pixel of the instance map belongs to the item in front.
//
// # Limits
//
//   - Colours are mixed in stored 8-bit values, not in linear light. Textures are anti-aliased by a box across the
//     pattern, not by exact area.
//   - Random numbers, latents and polygons are the same bits on every platform (no fused multiply-adds, see
//     internal/raster); discs may differ by one level where math.Asin differs in its last bit.
//   - Sprites have 136 pixels: above a scale of 150 pixels they are soft. Blur at sizes beyond 512 is slow.
//   - In the first world figures overlap only by accident of placing (rarely, when there are three); masks are of each figure's own paint,
//     also where something else was painted over it. Masks and instances are those of the drawing before blur, shadow and noise.
//   - Words are single, without kerning; ten capitals fill the frame at 64 pixels and are then six pixels high.
//   - Of a character drawn in lines on white paper a caption may still name the colour its head has in art ("a blue cartoon character"): 3 captions in 10,000.
//     Captions and prompts say "an unicorn": the article goes by the letter.
//   - The map's outlines are drawn by hand to about five degrees. Neighbouring countries are told apart by the mark on a magnified map, hardly on a whole one.
//   - Cost: 0.3 ms of CPU a picture at 64 pixels, 3 ms at 224 (AMD EPYC, one core).
package scenes
