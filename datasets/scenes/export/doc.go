// Package export writes stimulus sets as files, in the layouts that other programs read, and draws contact sheets.
//
//	Sheet        one picture with many stimuli, to look at
//	ImageFolder  CLASS/ID.png, the layout of torchvision's ImageFolder and of datasets/imagefolder
//	VOC          VOCdevkit/VOC2012, as PASCAL VOC 2012: JPEGs, palette PNGs of classes and instances, boxes, lists
//	GTSeg        gtsegs_ijcv.mat, as the ImageNet-Segmentation of Guillaumin, Küttel and Ferrari (IJCV 110, 2014): a MATLAB 7.3 file
//
// A loader that runs on such a folder runs on the real data set, and can be wrong in a visible way here: every pixel's class
// is known.
//
// # Invariants
//
//   - Every file is whole or not there. An export that was cut off is finished by running it again.
//   - The same set gives the same bytes, for any number of processors.
//   - The segmentation files hold palette indices: 0 is the ground, 255 void. A void pixel is one whose right or lower neighbour is
//     another thing, or another part of the ground.
//   - VOC may be called for several splits and the same folder: the lists of the others stay.
//
// # Limits
//
//   - JPEG at quality 95 with halved chroma: the pixels of JPEGImages are near the set's, not equal to them.
//   - VOC has at most 254 classes, and readers that know only the twenty of PASCAL want Groups, which has fourteen.
//   - GTSeg writes contiguous, uncompressed datasets: three bytes a pixel and one for its label.
package export
