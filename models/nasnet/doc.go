// Package nasnet is NASNet-A (Zoph, Vasudevan, Shlens and Le, CVPR 2018), the network of cells that were found by search:
// NASNet-A-Large (6 @ 4032) is the one whose units predict V4.
//
// A picture passes the convolution conv0, two stem cells, which are reduction cells, and three stages of normal cells with
// a reduction cell between each. Every cell reads the outputs of the two before it. It begins with h, a ReLU, 1x1
// convolution and batch normalisation of the nearer, and p, the same of the farther one, or a factorised reduction where
// that is twice as large. A normal cell gives six pieces of F channels side by side, and no ReLU behind them:
//
//	piece_p   p
//	piece_c0  sep5(h) + sep3(p)      comb_iter_0_left + comb_iter_0_right
//	piece_c1  sep5(p) + sep3(p)      comb_iter_1_left + comb_iter_1_right
//	piece_c2  mean3(h) + p           comb_iter_2_left + comb_iter_2_right
//	piece_c3  mean3(p) + mean3(p)    comb_iter_3_left + comb_iter_3_right
//	piece_c4  sep3(h) + h            comb_iter_4_left + comb_iter_4_right
//
// so that channel f of cell_0 is channel f mod F of piece f div F. A reduction cell gives four, c1 to c4; its c0, the site
// comb_iter_0, is read by c3 and c4 only. sepK is ReLU, depthwise KxK, pointwise 1x1 and batch normalisation, twice.
//
// # Sites
//
// Sites carry timm's module paths, and a forward hook on the module of that name sees the site's value:
//
//   - conv0.conv, conv0; NAME.conv_1x1.act, .conv and NAME.conv_1x1 itself for each cell NAME of cell_stem_0, cell_stem_1,
//     cell_0, ..., reduction_cell_0, reduction_cell_1, likewise conv_prev_1x1, or act, path_1.avgpool, path_1,
//     path_2.avgpool, path_2 and final_path_bn of a factorised reduction;
//   - NAME.comb_iter_K_left and _right, and inside a separable branch act_1, separable_1.depthwise_conv2d, separable_1,
//     bn_sep_1, act_2, separable_2.depthwise_conv2d, separable_2;
//   - NAME, the concatenation; act, global_pool, last_linear.
//
// Where two modules give the same value, one is the site and the other an alias: conv0.bn, conv_1x1.bn, bn_sep_2,
// pointwise_conv2d, path_1.conv. h and p are aliases of the two projected inputs. What has no module in timm has a site,
// too: the pieces piece_p, piece_c0, ..., the sum comb_iter_0 of a reduction cell, and the branches that are the identity
// (comb_iter_2_right and comb_iter_4_right of a normal cell, comb_iter_3_left of a reduction cell), so that an edit can
// cut one of them alone: an edit of p changes all that reads p, one of piece_p the cell's output only. In timm the second
// ReLU works in place: a hook on bn_sep_1 that does not copy sees act_2.
//
// # Average pools
//
// The weights were trained in TensorFlow, where a window that hangs over the border is averaged over what is inside. timm
// does so at stride 1 but counts padded zeros in the four pools of stride 2, in the stem cells and the reduction cells.
// Config.Pool says which; TensorFlow's is the default.
//
// # Training
//
// With Params.SetTraining batch normalisation uses the batch's statistics throughout, and gradients reach every weight.
// The regularisers of the original training are not here: scheduled drop-path, the auxiliary classifier behind cell_11
// and dropout before the last layer.
//
// # Invariants
//
//   - Weights are named and shaped as in timm's state dict, which is also that of Cadene's pretrained-models.pytorch.
//   - Padding is TensorFlow's SAME for any size of picture: an odd row or column goes to the bottom or right. conv0 is not
//     padded. Cadene's code pads the stem evenly, which is the same for odd sizes and another network for even ones.
//   - Values agree with timm's on the reference cases, at odd, even and mixed sizes, to 2e-5 of each tensor's peak.
//
// # Limits
//
// NASNet-A-Mobile (Config.Mobile) has Cadene's names and the number of parameters that Keras states, but no reference case:
// timm does not have it. timm's module path_2.pad, the shifted picture at full size, is no site. Keras' checkpoints (.h5)
// are not read. Pictures are at least 3 pixels a side; below about 32 the last cells see a single pixel.
//
// A graph of the whole large network takes XLA 10 CPU-seconds to compile, half of it on one core, 8.5 s on two; one up to
// cell_0 takes 3.7, and the gradient of cell_0 7.6. A picture of 331 pixels then takes 0.7 CPU-seconds, its cell_0 0.11, and
// the gradient of cell_0 0.35; the weights and buffers take 1.1 GB. PyTorch takes 1.15, 0.2 and 0.41 in its usual order
// of axes on the same core, and 0.83, 0.11 and 0.26 with the channels last. Depthwise convolutions are sums of shifted
// products: native ones would compile in half the time and run five to forty times slower.
package nasnet
