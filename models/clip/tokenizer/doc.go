// Package tokenizer turns text into the token ids that CLIP's text towers read, and back.
//
// CLIP (Radford et al. 2021, arXiv:2103.00020) uses byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909) over
// bytes: text is cleaned and lower-cased, cut into words (runs of letters, single digits, runs of symbols, English
// contractions), each word's UTF-8 bytes become symbols, the last one marked as the word's end, and neighbouring
// symbols are merged in the order in which the merges were learned. The vocabulary is 256 bytes, the same 256 as word
// ends, 48,894 merges and the two ids that mark the start and the end of a text: 49,408 in all.
//
// Three programs define what "CLIP's tokenizer" gives, and they disagree on unusual text. A Style picks one:
//
//   - OpenCLIP, the default: open_clip 3.3.
//   - OpenAI: the original code. Other spellings of the two special tokens, and a narrower idea of white space.
//   - HuggingFace: the fast tokenizer of transformers 4.57. No HTML entities, no repair of text, NFC only.
//
// Default is the embedded vocabulary; Small cuts it to its most frequent merges for small models; New takes any
// vocabulary that ReadBPE, ReadVocabMerges, ReadTokenizerJSON or Load has read.
//
// # Invariants
//
//   - Encode accepts every string, never fails, and is a function of the string, the vocabulary, the style and the
//     cleaning. Bytes that are not UTF-8 count as U+FFFD.
//   - The words tile the cleaned text, so Decode(Encode(x)) equals Clean(x) but for spaces. Two exceptions are the
//     originals': a text that spells a special token gets that token, and the Greek mark U+0345 is skipped.
//   - EncodePadded gives exactly context ids: start, text, end, zeros. A text too long loses its end, and its last id is
//     the end mark, because the text tower reads its answer there.
//   - A Vocabulary is consistent once it is made: ids are dense, every byte has its two symbols, and every merge joins
//     two symbols that exist before it. A Tokenizer may be used by many goroutines at once.
//
// # Limits
//
//   - The originals clean text with the Python package ftfy, whose main trick, guessing that "Ã©" was meant to be "é",
//     needs large tables of statistics and is left out. The rest of it is here (Cleaning FTFYLite). Of the 399 hostile
//     texts of the reference 6 come out differently; the test names them. Ordinary captions are not touched.
//   - Which characters are letters or digits follows this Go release's Unicode tables (15.0). Letters added to Unicode
//     later count as symbols, and a newer Python may cut words around them differently. For the characters
//     of Unicode 14, compared one by one (ideographs and Hangul by samples), the ids are the Python programs'.
//   - Of a tokenizer.json the vocabulary, merges and special tokens are read; its other settings must be CLIP's and are
//     checked as far as they change ids (byte-pair model, word-end suffix).
package tokenizer
