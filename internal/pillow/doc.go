// Package pillow resizes pictures as the Python library Pillow does, bit for bit.
//
// Every published vision model was trained and scored behind Pillow's resize (through torchvision, open_clip,
// timm or Hugging Face), and its result is not what the formula of the filter says: for 8-bit channels the
// weights are rounded to 22 fractional bits, the rows are resampled first, the result is rounded and clipped to
// 8 bits, and only then are the columns resampled (or, since Pillow 13, the other way round for a picture whose height
// shrinks by more than twice as many pixels as its width). A float implementation without that rounding differs in one
// value out of five and by up to 27 levels at overshoots. This package states the same arithmetic again in Go
// (definitions: Pillow's documentation of its filters, and the reference pictures in testdata, which Pillow 13
// made), together with the rules by which Pillow treats a picture's mode:
//
//   - palette and one-bit pictures are resized by nearest neighbour, whatever filter was asked for;
//   - RGBA is premultiplied, resized and divided again;
//   - CMYK is resized as four channels and converted afterwards;
//   - 16-bit grey is resampled in floats and rounded to 16 bits after each pass.
//
// Weights are plain doubles and only the crop that the caller asks for is computed: the pixels of a crop of a
// resized picture do not depend on what lies outside of it. A 20000x10 picture whose short side goes to 224 is
// therefore as cheap as any other.
//
// # Invariants
//
//   - Resize of a picture is a pure function of its pixels, the size, the filter and the crop; it is safe for
//     concurrent use and gives the same bits on every platform.
//   - Resize(w, h, f, crop) equals Resize(w, h, f, everything) cut to crop.
//   - A picture that already has the size asked for comes back with the same pixels.
//
// # Limits
//
//   - Lanczos weights go through the sine of the mathematics library; two libraries may disagree in the last bit
//     of a double, which the rounding to 22 bits hides in all but about one of ten million weights.
//   - Pillow before 13 resamples the rows first whatever the shape. Portraits more than twice as tall as wide, when
//     reduced, come out of it with differences of a level or a few; this package follows Pillow 13.
//   - Pillow's Hamming filter, its reducing_gap and box arguments and its modes I, F, LAB, HSV and YCbCr, are not here.
//   - An image.RGBA that is not opaque holds premultiplied colours already; what the transparent pixels once hid
//     is gone, so only formats that keep it (PNG gives image.NRGBA) can be equal to Pillow there.
package pillow
