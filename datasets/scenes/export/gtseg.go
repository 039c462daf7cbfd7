package export

import (
	"bufio"
	"fmt"
	"path/filepath"

	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// maxGTSeg bounds the pictures of a file; ImageNet-Segmentation has 4,276.
const maxGTSeg = 100_000

// GTSeg writes dir/gtsegs_ijcv.mat: a struct value of the n x 1 cells img, gt and id (in the file: object references), where img holds pictures (uint8, in HDF5
// 3 x width x height: MATLAB's arrays run down the columns), gt a cell with one label picture (uint8, 1 = figure) and id the name. Figure is
// every pixel that some thing covers.
func GTSeg(set *scenes.World, dir string, done func()) error {
	n := set.Len()
	if n > maxGTSeg {
		return fmt.Errorf("export: gtseg: %d pictures: at most %d a file", n, maxGTSeg)
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return err
	}
	f, err := atomicfile.Create(filepath.Join(dir, "gtsegs_ijcv.mat"), tag)
	if err != nil {
		return err
	}
	defer f.Abort()
	w := bufio.NewWriterSize(f, 1<<20)
	side := uint64(set.Size())
	pixels := int(side * side)
	var failed error
	pass := 0
	err = writeHDF5(w, 4*n, func(h *hdf5) uint64 {
		pass++
		img, gt, id := make([]uint64, n), make([]uint64, n), make([]uint64, n)
		var refs []member
		add := func(k int, kind string, at uint64) uint64 {
			refs = append(refs, member{fmt.Sprintf("%s%06d", kind, k), at})
			return at
		}
		picture, label := make([]byte, 3*pixels), make([]byte, pixels)
		for k := range n {
			if pass == 2 && failed == nil {
				p, err := set.Render(k)
				if err != nil {
					failed = fmt.Errorf("export: picture %d: %w", k, err)
				} else {
					columnwise(picture, label, p)
				}
				if done != nil {
					done()
				}
			}
			img[k] = add(k, "img", h.dataset(typeUint8, "uint8", picture, 3, side, side))
			one := add(k, "seg", h.dataset(typeUint8, "uint8", label, side, side))
			gt[k] = add(k, "gt", h.references("cell", []uint64{one}, 1, 1))
			var name record
			for _, c := range identifier(set, k) {
				name.u16(uint16(c))
			}
			id[k] = add(k, "id", h.dataset(typeUint16, "char", name.b, uint64(len(name.b)/2), 1))
		}
		// MATLAB stores an n x 1 cell as 1 x n; the loaders of this file index [i][0] and so want n x 1 in HDF5.
		value := h.group([]member{
			{"img", h.references("cell", img, uint64(n), 1)},
			{"gt", h.references("cell", gt, uint64(n), 1)},
			{"id", h.references("cell", id, uint64(n), 1)},
		}, "struct")
		hidden := h.group(refs, "")
		return h.group([]member{{"value", value}, {"#refs#", hidden}}, "")
	})
	if failed != nil {
		return failed
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return fmt.Errorf("export: gtseg: %w", err)
	}
	return f.Commit()
}

// columnwise writes a picture and its figure as MATLAB lays out arrays: one channel after another, each down its columns.
func columnwise(picture, label []byte, p *scenes.Picture) {
	n := p.Size
	for y := range n {
		for x := range n {
			i := y*n + x
			for ch := range 3 {
				picture[(ch*n+x)*n+y] = p.RGB[3*i+ch]
			}
			label[x*n+y] = 0
			if p.Instance[i] > 0 {
				label[x*n+y] = 1
			}
		}
	}
}
