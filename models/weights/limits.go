package weights

import "time"

const (
	// maxIndex bounds model.safetensors.index.json and the hub's answers in bytes. An index costs about 100 bytes a
	// tensor; the largest published ones have some 100,000 tensors.
	maxIndex = 64 << 20

	// maxShards is the most files of one checkpoint. The largest published ones have about 200; each costs a file
	// descriptor and a memory map.
	maxShards = 4096

	// maxSide bounds config.json and its like in bytes. They have some kilobytes; those of classifiers, which name their
	// classes, some hundred.
	maxSide = 8 << 20

	// maxLayers is the most transformer blocks of a tower. The deepest CLIP towers have 56; the limit keeps a name such as
	// layers.999999999 from making as many rules.
	maxLayers = 1024

	// maxAttempts is how often in a row a download may fail without a single new byte. A connection that delivers
	// something starts the count again.
	maxAttempts = 5

	// stallAfter is how long a download may deliver nothing before its connection is given up and made anew. Hubs pause
	// for seconds while they wake a cold file, not for a minute.
	stallAfter = time.Minute

	// maxRedirects is the most redirects of one request: the hub uses one or two.
	maxRedirects = 10
)
