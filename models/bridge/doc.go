// Package bridge says what one unit is called in several libraries.
//
// Papers name units by the library they were found in: filter 804 of TF-slim's Cell_0, block3_pool of Keras' VGG-19. The
// same place is cell_0 in timm and features.18 in torchvision. Names lists a site's names; Locate takes a channel of a
// NASNet cell, whose output is a concatenation, apart into the piece it lies in and its number there; a site of VGG has a
// receptive field. Describe puts all of it together for one unit.
//
// The four filters of NASNet-A-Large that the V4 document shows, of the first cell with pieces p, c0 to c4 of 168 channels:
//
//	444 = c1, 108    567 = c2, 63    783 = c3, 111    804 = c3, 132
//
// c3 is twice a 3x3 mean of p, channel by channel. p of the first cell of a stage is a factorised reduction: its first half
// comes from path_1, every second pixel of the cell before the last, and its second half from path_2, the pixels between
// them. So 783 and 804 read path_2, without a nonlinearity between.
//
// # Invariants
//
//   - Every name leads to one site of an architecture, and the site's names lead back to it.
//   - Channel numbers are those of the site's own axis, whatever the order of axes in a library's arrays.
//
// # Limits
//
// A place is the same in all libraries, a filter only where the weights are. Keras' and TF-slim's VGGs were trained in
// Caffe, torchvision's anew: their filters have other numbers and other meanings, and Name.Filters is false. timm's and
// Cadene's NASNet were converted from TF-slim's, and Keras says so of its own; that was not checked here.
//
// Keras' and TF-slim's layers of VGG include the rectification, so they name torchvision's ReLU modules. A convolution
// before it has no name there; Names gives the layer's, and says so.
package bridge
