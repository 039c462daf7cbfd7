// Package weights finds, checks and presents the weights of networks.
//
// Open takes a file, a folder, or the name of a model on the Hugging Face hub and returns a Set: named tensors, read
// from memory-mapped safetensors files, and what the JSON files beside them say (Side). Fetch downloads one file of a hub
// repository into the cache that the Python libraries use, so that whatever one of them has fetched the other finds;
// Download brings everything that belongs to a repository's weights and checks the hashes. A Mapping presents a set under
// the names of another layout; Canonical recognises a checkpoint and gives it the names its architecture is written in,
// Export those of a library, Convert writes them to a file.
//
// Nothing of this holds a checkpoint in memory: tensors are read in pieces, straight to where they are wanted, and joined,
// cut or turned on the way.
//
// # References
//
//	path/model.safetensors            a file
//	path/model.safetensors.index.json a checkpoint in several files
//	path/                             a folder with either, or with open_clip_*.safetensors, or with one .safetensors file
//	hf:owner/name[@revision][:file]   a hub repository, from the cache if it is there
//	owner/name                        the same, where no such path exists
//
// The cache is found as the Python libraries find it: HF_HUB_CACHE, else HF_HOME/hub, else
// XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub. HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH and HF_HUB_OFFLINE
// have their meaning there.
//
// # Invariants
//
//   - A Set is complete: of a checkpoint in several files every tensor the index names is there, no other, and they
//     have the bytes the index promises.
//   - Float32 gives values of exactly the wanted shape or an error that names file, tensor, both shapes and the nearest names.
//   - Hash depends on names, dtypes, shapes and values only: not on file names, on how tensors are spread over files, on
//     metadata, or on byte order in the file.
//   - A mapping uses every tensor of its set or says which it leaves out. Mapping there and back gives the same bytes.
//   - What Convert wrote was read back and compared, and appeared whole or not at all.
//   - A downloaded file has the SHA-256 (large files) or Git object id (small ones) the hub announced, or it is not there.
//     It appears by rename; what was downloaded before a break is kept and continued.
//   - The token goes to the endpoint only, never to a host that it redirects to.
//
// # Limits
//
//   - PyTorch pickles (.pt, .bin, .pkl), HDF5 and NumPy archives are refused with the command that converts them. Reading
//     a pickle runs the program in it.
//   - Files served without a usable ETag are checked by size alone and never continued.
//   - A tensor that is turned needs the memory of one piece of it; one that is turned after it was joined or turned before
//     is made as a whole first. Where files cannot be mapped they are read into memory whole.
//   - A file must not change while a set reads from it: on a map that is cut short the system ends the process.
//   - Between processes downloads are locked by flock on Unix, with the lock files of the Python library. Elsewhere two
//     processes that fetch one file at the same time may fetch it twice.
//   - The hub's Xet protocol is not spoken; its ordinary download addresses are used.
package weights
