// Package vgg is VGG (Simonyan and Zisserman 2015): 3x3 convolutions, rectified, in five blocks that each end in a 2x2
// maximum, and three fully connected layers. VGG-19's third pool is the layer of the V4 document.
//
// Sites and weights carry the names of torchvision's implementation, whose features are one Sequential: features.N is a
// convolution, a batch normalisation (in the _bn models), a rectification or a pool, counted from 0. Behind them come
// avgpool, classifier.0, .1, .3, .4 and .6. Layers gives the list of all of them with their kinds and sizes.
//
// Where a hook on a PyTorch module would see a value, the site of that name has it, with one exception that the reference
// has by accident:
//
//   - A convolution's site is before the rectification, with its bias. In torchvision the rectification overwrites its
//     input (inplace=True), so a hook on features.0 that keeps the tensor without copying it shows features.1 in the end.
//     Here features.0 stays what the convolution gave. The same holds for batch normalisation, classifier.0 and
//     classifier.3.
//   - A rectification (features.1, classifier.1) and a pool (features.4) is a site of its own.
//   - avgpool is the 7x7 map that the classifier reads; the classifier takes it in the order channel, row, column.
//     For pictures of 224 pixels it equals the last pool.
//   - Dropout does nothing outside training and is no site. classifier.6 are the logits, also called logits.
//
// Keras' and TF-slim's layers include the rectification: block1_conv1 and vgg_19/conv1/conv1_1 are features.1, not
// features.0. Keras' predictions are a softmax of classifier.6 and are no site.
//
// # Invariants
//
//   - Weights are named and shaped as in torchvision's checkpoints; timm's and Keras' are mapped at load.
//   - An input of h x w pixels leaves a map of floor(h/2^k) x floor(w/2^k) after k pools; any size with one pixel left
//     after the last is taken.
//   - avgpool averages rows floor(i·h/7) to ceil((i+1)·h/7) into row i, and columns likewise, for larger and smaller maps
//     than 7x7, as torch's AdaptiveAvgPool2d does.
//
// # Limits
//
// timm slides its first fully connected layer over maps larger than 7x7 and averages afterwards, torchvision averages
// first; they agree for maps of 7x7 and smaller. Config.Sliding chooses timm's way, in which classifier.0 to classifier.4
// have the axes channel, y, x, of one place for maps of 7x7. Keras' models with their top take 224 pixels only. Dropout is left out while training, too.
package vgg
