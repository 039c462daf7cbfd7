// Package voc reads PASCAL VOC 2012's segmentations (Everingham et al., IJCV 111, 2015): pictures with the class of every pixel.
//
//	s, err := voc.Open("VOCdevkit/VOC2012", voc.Options{Split: "val"})
//	g, err := s.Segmentation(0)   // classes and objects, palette indices
//
// The folder is VOC2012 itself or one that holds VOCdevkit/VOC2012 or VOC2012: JPEGImages/ID.jpg, SegmentationClass/ID.png,
// SegmentationObject/ID.png, ImageSets/Segmentation/{train,val,trainval}.txt.
//
// The label pictures are PNGs with a palette. The labels are the palette's indices: 0 background, 1 to 20 the classes (Classes), 255 void, the border
// between objects, which counts for nothing. The colours only make them visible.
//
// # Invariants
//
//   - Open reads the list and looks for every picture and label picture of it: a missing file, an ID that comes twice and an empty list are
//     errors. A folder with a file SHA256SUMS is checked against it, the lists when it is opened and a picture when it is read.
//   - A label picture without a palette is an error: one that was converted to colours or grey may have lost the indices.
//   - A label above the number of classes that is not 255, and a label picture of another size than its picture, are errors.
//
// # Limits
//
//   - A file classes.txt in the folder (one name a line, for 1, 2, ...), which VOC has not, names other classes: exports of scenes have one.
//   - Boxes (Annotations) and the classification and action tasks are not read.
package voc
