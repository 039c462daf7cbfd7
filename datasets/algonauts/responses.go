package algonauts

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"

	"github.com/ventral-lab/ventral/internal/npy"
)

// Responses is a matrix of responses, images x vertices, mapped from its file. It may be read from many goroutines.
type Responses struct {
	Images, Vertices int

	data             []byte
	item             int
	order            binary.ByteOrder
	byImage, byCells int // steps, in elements, from image to image and from vertex to vertex
	release          func() error
}

// counter counts what is read through it.
type counter struct {
	f *os.File
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.f.Read(p)
	c.n += int64(n)
	return n, err
}

// openResponses maps an .npy file of two dimensions.
func openResponses(path string) (*Responses, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // a map outlives its file
	r, err := mapResponses(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

func mapResponses(f *os.File) (*Responses, error) {
	c := &counter{f: f}
	h, err := npy.ReadHeader(c)
	if err != nil {
		return nil, err
	}
	if len(h.Shape) != 2 || h.Shape[0] < 1 || h.Shape[1] < 1 {
		return nil, fmt.Errorf("shape %v, want images x vertices", h.Shape)
	}
	r := &Responses{Images: h.Shape[0], Vertices: h.Shape[1], order: binary.LittleEndian}
	switch h.Descr {
	case "<f2", ">f2":
		r.item = 2
	case "<f4", ">f4":
		r.item = 4
	case "<f8", ">f8":
		r.item = 8
	default:
		return nil, fmt.Errorf("elements of type %q, want floats", h.Descr)
	}
	if h.Descr[0] == '>' {
		r.order = binary.BigEndian
	}
	r.byImage, r.byCells = r.Vertices, 1
	if h.Fortran {
		r.byImage, r.byCells = 1, r.Images
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	rest := st.Size() - c.n
	if r.Images > math.MaxInt64/8/r.Vertices || int64(r.Images)*int64(r.Vertices)*int64(r.item) != rest {
		return nil, fmt.Errorf("%d bytes for %d x %d elements of %d bytes: the file is cut off or not what its header says", rest, r.Images, r.Vertices, r.item)
	}
	data, release, err := load(f, st.Size())
	if err != nil {
		return nil, err
	}
	r.data, r.release = data[c.n:], release
	return r, nil
}

func (r *Responses) close() error {
	r.data = nil
	return r.release()
}

// At is the response of vertex v to image i. It panics on an index outside the matrix.
func (r *Responses) At(i, v int) float32 {
	if i < 0 || i >= r.Images || v < 0 || v >= r.Vertices {
		panic(fmt.Sprintf("algonauts: response (%d, %d) of %d x %d", i, v, r.Images, r.Vertices))
	}
	b := r.data[(i*r.byImage+v*r.byCells)*r.item:]
	switch r.item {
	case 2:
		return npy.Float16(r.order.Uint16(b)).Float32()
	case 4:
		return math.Float32frombits(r.order.Uint32(b))
	}
	return float32(math.Float64frombits(r.order.Uint64(b)))
}

// Row is the responses of all vertices to image i.
func (r *Responses) Row(i int) []float32 {
	out := make([]float32, r.Vertices)
	for v := range out {
		out[v] = r.At(i, v)
	}
	return out
}

// Columns are the responses of some vertices to all images, images x len(vertices) row by row, in float64: what regressions take.
func (r *Responses) Columns(vertices []int) []float64 {
	out := make([]float64, r.Images*len(vertices))
	for i := range r.Images {
		for j, v := range vertices {
			out[i*len(vertices)+j] = float64(r.At(i, v))
		}
	}
	return out
}
