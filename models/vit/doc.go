// Package vit is what the vision transformers DINOv2 and MAE share: a pre-layer-norm block, the cutting into patches, and
// the resampling of position tables. Names are those of timm and of both original implementations, which are built from
// timm's parts.
//
// A block is (Dosovitskiy et al. 2021, equations 2 and 3, with the LayerScale of Touvron et al. 2021)
//
//	x += ls1 * proj(attention(qkv(norm1(x))))
//	x += ls2 * mlp(norm2(x))
//
// where mlp is fc2(act(fc1(x))) or, gated, w3(silu(x1) * x2) with x1 and x2 the halves of w12(x) (Shazeer 2020).
//
// # Sites
//
// Where a forward hook on a PyTorch module of that name would see a value, the site has it:
//
//   - PREFIX.norm1 and norm2 are the normalised values.
//   - attn.qkv are the queries, keys and values of all heads before attention, thirds of the channel axis, each head by
//     head. attn.probs are the attention weights, attn.z the heads' outputs side by side before the output projection.
//   - attn.proj and attn are after the output projection with its bias, before LayerScale and the residual sum.
//   - ls1 and ls2 are after LayerScale, before the residual sum. Blocks without LayerScale have no such sites.
//   - mlp.fc1 is before, mlp.act after the activation; mlp.fc2 and mlp are before LayerScale and the residual sum.
//   - Gated: mlp.w12 is [x1 | x2], mlp.act is silu(x1), which is what timm's module of that name gives, mlp.gated is
//     silu(x1) * x2, the hidden units that w3 reads; mlp.w3 and mlp are the result.
//   - PREFIX alone is the block's output.
//   - patch_embed.proj is the convolution's output as [channel, y, x], patch_embed the same as [token, channel].
//
// # Invariants
//
//   - Weights are named and shaped as in timm, linear layers [out, in]; timm's gated fc1 and fc2 are w12 and w3 here, as in
//     DINOv2's own code, with the same order of halves.
//   - A position table is [1, 1 + side*side, channel], the class token's row first; Resample never changes that row.
//
// # Limits
//
// Attention has biases and no mask, and heads divide the width. Position tables of rectangular pictures are not known to
// any published model and not accepted.
package vit
