// Package clip is CLIP (Radford et al. 2021): an image tower and a text tower that meet in one embedding space. The image
// tower is a vision transformer or OpenAI's modified ResNet; it can be had without a text.
//
// Sites and weights carry the names of OpenAI's implementation; Aliases gives those of Hugging Face, timm and open_clip.
//
// # Sites of the vision transformer and of the text
//
// visual.conv1, visual.ln_pre, visual.transformer.resblocks.N.{ln_1, attn, ln_2, mlp.c_fc, mlp.gelu, mlp.c_proj},
// visual.ln_post, visual, and the same without "visual." for the text tower, with token_embedding, ln_final and
// text_projection. Where a hook on a PyTorch module would see a value, the site of that name has it:
//
//   - attn is the attention module's output after the output projection with its bias, before the residual sum;
//     attn.out_proj is the same value (a hook there never fires in PyTorch, which calls the function behind the module).
//   - attn.z are the concatenated head outputs before that projection, attn.probs the attention weights.
//   - mlp.c_fc is before, mlp.gelu after the activation, mlp.c_proj (and mlp) before the residual sum.
//   - a block's own name is its output; visual.transformer is the last block's.
//   - visual.conv1 is [channel, y, x]; tokens are [class, patches row by row].
//   - visual and text_projection are the embeddings, not normalised.
//
// # Sites of the ResNet
//
// The stem is visual.{conv1, bn1, relu1, conv2, bn2, relu2, conv3, bn3, relu3, avgpool}. A bottleneck visual.layerS.B has
// conv1, bn1, relu1, conv2, bn2, relu2, avgpool where it halves the map, conv3, bn3, in the first block of a stage
// downsample.-1 (the pooled input, where it halves), downsample.0 and downsample, then pre_relu and its own name. All are
// [channel, y, x].
//
//   - convN is the convolution, bnN after batch normalisation, reluN after the activation. A hook in PyTorch that keeps the
//     tensor it is given at bnN has a later value in the end, because the sum and the activations write in place.
//   - pre_relu is the sum of bn3 and the shortcut. No module has it; it is what the multimodal-neurons document records
//     (visual.layer4.5.pre_relu of RN50x4, image_block_4/5/Add_6:0 in the graph its authors published), and it has signs.
//   - a block's own name is its output after the last ReLU (relu3 is an alias); visual.layerS is the last block's.
//   - visual.attnpool.tokens are [mean, positions row by row] with their position vectors, attnpool.probs the weights
//     [head, key] of the mean's query, attnpool.z the concatenated head outputs, attnpool (and visual) the embedding. The
//     projections q_proj, k_proj and v_proj are modules whose hooks never fire and have no sites.
//
// # Invariants
//
//   - Weights are named and shaped as in OpenAI's checkpoints; other layouts are mapped at load.
//   - A pre-layer-norm block is x += attn(ln_1 x); x += c_proj(act(c_fc(ln_2 x))).
//   - Batch normalisation runs folded, as stored, or with the batch's statistics while training, at the same sites.
//   - A Config is comparable, and two that are equal have the same weights and the same sites.
//
// # Limits
//
//   - A picture of another size than the trained one resamples the position vectors. A vision transformer's are resampled
//     as Hugging Face's CLIP does (bicubic, a = -0.75, no antialiasing), or with antialiasing, as timm and open_clip do,
//     where the configuration says so. A ResNet's are resampled as timm does (bicubic, antialiasing): OpenAI's code and
//     open_clip refuse such pictures.
//   - Layer norm and batch normalisation have CLIP's epsilon of 1e-5. One activation serves both towers.
//   - Not here: open_clip's other image towers (timm's, CoCa), its other texts (Hugging Face's), and class-token-free pooling.
package clip
