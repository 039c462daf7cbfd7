// Package clip is CLIP (Radford et al. 2021): an image tower and a text tower that meet in one embedding space.
//
// This version holds the vision transformer. Sites and weights carry the names of OpenAI's implementation:
// visual.conv1, visual.ln_pre, visual.transformer.resblocks.N.{ln_1, attn, ln_2, mlp.c_fc, mlp.gelu, mlp.c_proj},
// visual.ln_post, visual, and the same without "visual." for the text tower, with token_embedding, ln_final and
// text_projection.
//
// Where a hook on a PyTorch module would see a value, the site of that name has it:
//
//   - attn is the attention module's output after the output projection with its bias, before the residual sum;
//     attn.out_proj is the same value (a hook there never fires in PyTorch, which calls the function behind the module).
//   - attn.z are the concatenated head outputs before that projection, attn.probs the attention weights.
//   - mlp.c_fc is before, mlp.gelu after the activation, mlp.c_proj (and mlp) before the residual sum.
//   - a block's own name is its output; visual.transformer is the last block's.
//   - visual.conv1 is [channel, y, x]; tokens are [class, patches row by row].
//   - visual and text_projection are the embeddings, not normalised.
//
// # Invariants
//
//   - Weights are named and shaped as in OpenAI's checkpoints; Hugging Face's are mapped at load.
//   - A pre-layer-norm block is x += attn(ln_1 x); x += c_proj(act(c_fc(ln_2 x))).
//
// # Limits
//
// The ResNet towers are not here yet. Another input size than the trained one resamples the position grid as Hugging
// Face's CLIP does (bicubic, a = -0.75, no antialiasing).
package clip
