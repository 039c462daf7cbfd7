package vgg

import "fmt"

// Field is a receptive field: what a unit can see of the picture.
type Field struct {
	Size   int `json:"size"`   // side of the square of pixels that can change the unit
	Stride int `json:"stride"` // pixels between the squares of neighbouring units
	Offset int `json:"offset"` // first pixel of the square of the unit at place 0; negative where it hangs over the border
}

// Pixels are the first pixel that a unit at place i of an axis sees, and the one behind the last: [Stride·i+Offset,
// Stride·i+Offset+Size). They are not clipped to the picture.
func (f Field) Pixels(i int) (from, to int) {
	return f.Stride*i + f.Offset, f.Stride*i + f.Offset + f.Size
}

// ReceptiveField is the receptive field of a site of the features: each layer of kernel k, stride s and padding p widens
// it by (k-1) strides and moves it by -p strides (Araujo, Norris and Sim 2019, Computing Receptive Fields of Convolutional
// Neural Networks, equations 2 and 3). avgpool and the classifier, whose units see the whole picture or depend on its size,
// are an error.
func (c Config) ReceptiveField(site string) (Field, error) {
	f := Field{Size: 1, Stride: 1}
	for _, l := range c.Layers() {
		kernel, stride, pad := l.Kind.window()
		f.Size += (kernel - 1) * f.Stride
		f.Offset -= pad * f.Stride
		f.Stride *= stride
		if l.Site == site {
			return f, nil
		}
	}
	return Field{}, fmt.Errorf("vgg: site %q is none of the features: only those have a receptive field that does not depend on the picture's size", site)
}

// window is the kernel, stride and padding of a kind of layer.
func (k Kind) window() (kernel, stride, pad int) {
	switch k {
	case Conv:
		return 3, 1, 1
	case Pool:
		return 2, 2, 0
	}
	return 1, 1, 0
}
