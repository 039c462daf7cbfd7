package emoji

// maxFont bounds a font file: the largest colour emoji fonts are about 25 MB.
const maxFont = 64 << 20

// maxTables bounds the table directory; real fonts have about 20.
const maxTables = 256

// maxSequence bounds the glyphs of one ligature; the longest emoji sequences (subdivision flags) have 7.
const maxSequence = 32

// maxWork bounds the lookups, subtables and ligatures that are visited in GSUB. Offsets may point to one and the same subtable from
// everywhere, so that a small file could ask for 2^48 visits; real emoji fonts need fewer than 10,000.
const maxWork = 1 << 20
