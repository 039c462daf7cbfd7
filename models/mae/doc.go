// Package mae is the masked autoencoder (He et al. 2022): a vision transformer that saw a quarter of the patches while it
// learned, and a small decoder that paints the others.
//
// Two networks read the same weights. The one that is recorded from, Config.Network, is the encoder on all patches in
// their order: nothing masked, nothing shuffled. Pretraining is the whole autoencoder under given noise. Weights and
// sites have the names of the authors' code; a checkpoint without a decoder has Config.DecoderLayers 0.
//
// # Sites
//
// Encoder: patch_embed.proj [channel, y, x], patch_embed, tokens (class token and patches with their positions, what enters
// block 0), blocks.N and the inner sites of a block (package vit lists them), norm (all tokens behind the final layer
// norm, the latent), head (the class token of norm, as timm's headless model returns it). Under a mask the encoder's
// tokens are the class token and the kept patches in the order of their noise.
//
// Decoder: decoder_embed (class token and kept patches), decoder_tokens (what enters decoder_blocks.0: all patches in their
// place, mask tokens where one is missing, positions added), decoder_blocks.N, decoder_norm, decoder_pred (with the class
// token's row), pred (without it). Hugging Face's module names, of transformers 4 and 5, are aliases. Its module "output"
// gives a block's output, with the residual sum; the feed-forward layer's own is output.dense.
//
// # Masking
//
// Every patch has a noise; patches are ranked by it, equal noise by place. The first int(N*(1-MaskRatio)) are kept, in
// that order, and the mask is 1 for the others. Ranks come from comparing all pairs, which is exact, needs no sort and is
// small beside the network for the up to a thousand patches there are; kept patches are picked, and put back, by
// products with the matrix that has a 1 where a patch has a rank. torch leaves the order of equal noise open.
//
// Patch vectors are (row, column, channel), channel fastest. The loss is the mean over removed patches of the mean squared
// error of a patch, of pixels or, with NormPixels, of pixels normalised by their patch's mean and variance with N-1.
//
// # Invariants
//
//   - pos_embed and decoder_pos_embed are stored, not computed: a checkpoint whose decoder_pos_embed is all zeros, as
//     transformers 4.57 makes new models, is used as it is. Both were constants in training: a training loop leaves them
//     (see Fixed).
//   - The epsilon of the layer norms belongs to the configuration: 1e-6 in the authors' code and timm, 1e-12 in Hugging
//     Face's configurations.
//
// # Other input sizes
//
// The authors' code refuses them, and resamples pos_embed by plain bicubic interpolation when a checkpoint is fine-tuned
// at another size; Hugging Face does the same at run time if asked to (vit.Plain, and the rest of a picture that is no
// whole number of patches is dropped); timm with antialiasing (vit.Antialias). The layout decides, Config.Positions says
// which. The decoder's table is resampled by Hugging Face only, along the list of patches as if it were one row, and so
// it is here; for another shape than the trained one the result is of little use.
//
// # Limits
//
// Names of an encoder alone in timm's layout are those of any plain vision transformer without a head, such as the first
// DINO's, which computes the same. Heads cannot be read off shapes: the encoder's are taken to be 64 channels wide (80 at
// width 1280), the decoder's 32. Noise that is not a number ranks at random.
package mae
