// Package preprocess turns a picture into the tensor a vision model was trained on.
//
// A model's preprocessing is part of the model: the same weights behind another resize, crop or colour rule are a
// different network, and a fraction of a point worse. A Spec therefore states everything that decides the result
// (the order of conversion and resize, the filter, the rounding of the crop, the constants), has a hash that a
// recording keeps, and gives the same bits as the Python libraries the model was published with.
//
// The steps are: the short side goes to Resize pixels (or to floor(Size/CropPct)) and the long side to
// floor(Resize*long/short), by Pillow's resize; the middle Size x Size pixels are cut out; what is not RGB yet
// becomes RGB; a value v of channel c becomes (v/255 - Mean[c]) / Std[c], in float32, one operation at a time as
// torch does it. Networks from Caffe, such as Keras' VGGs, take v without the division (White 255) and the channels in
// the order B, G, R (BGR); constants are given for R, G, B all the same, and so is every picture. Libraries differ in when they convert to RGB (Order), in which way they round the corner of the
// crop (CropRounding) and in whether they crop at all (Squash).
//
// # Invariants
//
//   - Apply is RGB followed by the normalisation of 256 levels a channel: what RGB shows is what the network sees.
//   - Two specs with the same Hash give the same tensor for every picture. The name is not part of the hash.
//   - A Spec is a plain value: it prints, compares and goes through JSON without loss. All methods are safe for
//     concurrent use.
//
// # Limits
//
//   - Pictures of any size from 1x1 are taken; only the pixels of the crop are computed, so a 20000x10 picture costs
//     no more than a square one (Python resizes all of its 448000x224 pixels). A 1x1 picture gives one colour.
//   - Hugging Face divides by 255 through a multiplication with 1/255, so its floats differ from Apply's in the last
//     bit. The 8-bit pictures are equal.
//   - Pillow reads 16-bit grey by clipping to 255, which turns nearly every such picture white. Grey16 "clip" does
//     the same; the default reads the high byte.
//   - A grey or RGB PNG with a transparent key colour (tRNS) has an alpha channel here and none in Pillow, which
//     matters to the order resize-first alone.
package preprocess
