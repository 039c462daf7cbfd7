// Package atlas holds the sprites of the scenes: objects, faces and flags in colour, as silhouettes, as line drawings and as icons.
//
// The sheets (sheets/*.png) are made by the program in gen, a module of its own, from two open collections: the colour
// bitmaps of Noto Color Emoji and the Material icons. They are committed, 2.5 MB, because the collections are 25 MB of
// modules that nobody needs who draws, records or trains; because a sheet decodes in a tenth of a second where fonts
// and vector icons would have to be parsed and drawn; and because a new version of a font must not change the bytes of pictures that
// networks were trained on. NOTICE.md has the licences.
//
// Silhouettes are the opacity of the art with its strong inner edges cut out, like a stencil: two discs of one outline, a
// football and a cookie, stay two things. Line drawings are the outline and the same inner edges.
//
// # Invariants
//
//   - The pixels of the sheets are what gen draws from the module versions in gen/go.mod.
//   - Every object has art, stencil and line sprites, as many of each as its Entry has emojis; every flag has art.
//   - Draw gives the same bytes on every platform, and in every order of calls. Sprites are decoded when first asked for, and
//     are safe for concurrent use.
//
// # Limits
//
// A cell has 136 pixels, the size of the font's bitmaps: above about 150 pixels a sprite is enlarged and soft.
package atlas
