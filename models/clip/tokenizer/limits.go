package tokenizer

const (
	// maxFile is the most text read from one vocabulary file after decompression. CLIP's merges unpack to 3.2 MB and its
	// tokenizer.json is 2.2 MB; the largest vocabularies in use are some 10 MB. It stops a compressed bomb.
	maxFile = 64 << 20

	// maxVocabulary is the most tokens of a vocabulary: ten times what any byte-pair text model uses.
	maxVocabulary = 1 << 21

	// maxTokenBytes is the longest token. The longest of CLIP's has 16 characters; the limit keeps a file of long tokens
	// from costing quadratic time while merges are joined.
	maxTokenBytes = 1 << 10

	// cacheWords is how many words a tokenizer remembers by default, twice over (two generations). The captions of a
	// large data set have some 10^5 distinct words, but the first ten thousand make up nearly all text.
	cacheWords = 1 << 14

	// cacheWordBytes is the longest word remembered. Longer ones are not words and would let odd text fill the memory.
	cacheWordBytes = 64
)
