// Package dinov2 is the vision transformer of DINOv2 (Oquab et al. 2023), with and without register tokens (Darcet et al.
// 2024): ViT-S, B and L, and ViT-g with a gated feed-forward layer.
//
// Weights and sites have the names of the authors' code. The tokens are the class token, the registers, and the patches row
// by row: numbers 0, 1 to Registers, and from 1+Registers on. Positions are added to the class token and the patches before
// the registers are put between them.
//
// # Sites
//
// patch_embed.proj [channel, y, x], patch_embed, tokens (what enters block 0), blocks.N and the inner sites of a block
// (package vit lists them), norm (all tokens after the final layer norm, x_norm in the authors' code), head (the class
// token of norm, which the module of that name returns, and the network's output). The names of Hugging Face's modules,
// of transformers 4 and 5, and those of timm that differ are aliases; pooler_output is head. The attention output that
// AlignedCut reads from DINOv2 is blocks.N.ls1, behind LayerScale.
//
// # Invariants
//
//   - The canonical layout is that of the published .pth files: pos_embed [1, 1+n*n, C] with the class token's row first,
//     cls_token [1, 1, C], register_tokens [1, R, C], mask_token [1, C].
//   - How positions are resampled for another input size is part of the configuration, because the libraries disagree
//     (vit.Positions): with registers all use vit.Antialias; without, the authors' code uses vit.Offset, Hugging Face
//     vit.Plain and timm vit.Antialias. A checkpoint's layout decides, and a card says which.
//   - A picture whose sides are no multiples of the patch is refused, as the authors' code and timm refuse it; with
//     PartialPatches, which Hugging Face's layout sets, the rest is dropped.
//
// # Limits
//
// Dropout and stochastic depth of the training recipe are left to the training code. Older releases of transformers
// resampled the positions without registers by scale factor, like the authors; vit.Plain is what 4.57 does. Checkpoints of the training code with
// chunked blocks (blocks.CHUNK.N) or a prefix (teacher.backbone.) are not recognised. Heads cannot be read off shapes and
// are taken to be 64 channels wide, as in every published model.
package dinov2
