package hdf5

const (
	// maxRank is the format's own bound on dimensions (H5S_MAX_RANK).
	maxRank = 32
	// maxMessages bounds the messages of one object header: a data set has about ten, a compact group one for each member.
	maxMessages = 1 << 16
	// maxHeaderBytes bounds one block of an object header.
	maxHeaderBytes = 1 << 22
	// maxMembers bounds a group: gtsegs_ijcv.mat has some twenty thousand hidden objects in "#refs#".
	maxMembers = 1 << 22
	// maxNodes bounds the nodes of one tree.
	maxNodes = 1 << 22
	// maxDepth bounds the levels of a tree and the groups on a path.
	maxDepth = 64
	// maxNameBytes bounds a name.
	maxNameBytes = 1 << 12
	// maxInflation is how much larger than the file the data may be: deflate gains at most a factor of 1032 (RFC 1951: 258 bytes
	// from two bits), and a data set that holds nothing but its fill value gets a mebibyte on top.
	maxInflation = 1032
	// maxFill is that mebibyte.
	maxFill = 1 << 20
	// maxChunkBytes is the format's own bound on a chunk.
	maxChunkBytes = 1<<32 - 1
	// maxUserBlock bounds the search for the signature at 0, 512, 1024, 2048, ...
	maxUserBlock = 1 << 24
)
