package pickle

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/ventral-lab/ventral/internal/atomicfile"
	"github.com/ventral-lab/ventral/internal/npy"
)

// WriteLabels writes a file mapping_CLASS.npy, whole or not at all.
func WriteLabels(path string, labels map[int64]string) error {
	b, err := Encode(labels)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(path, b, "labels")
}

// Encode gives the bytes of such a file, entries in the order of their keys: what numpy.save makes of the dictionary, in
// pickle protocol 3, which every Python 3 and every NumPy reads. Keys must fit 32 bits.
func Encode(labels map[int64]string) ([]byte, error) {
	var b bytes.Buffer
	if err := (npy.Header{Descr: "|O"}).Write(&b); err != nil {
		return nil, err
	}
	text := func(s string) {
		b.WriteByte('X')
		b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
		b.WriteString(s)
	}
	b.WriteString("\x80\x03")
	b.WriteString("cnumpy.core.multiarray\n_reconstruct\n")    // _reconstruct(
	b.WriteString("cnumpy\nndarray\nK\x00\x85C\x01b\x87R")     //   ndarray, (0,), b'b')
	b.WriteString("(K\x01)cnumpy\ndtype\n")                    // .__setstate__((1, (), dtype(
	text("O8")                                                 //   'O8',
	b.WriteString("\x89\x88\x87R(K\x03")                       //   False, True) with the state (3,
	text("|")                                                  //   '|',
	b.WriteString("NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb") //   None, None, None, -1, -1, 63),
	b.WriteString("\x89](}(")                                  // False, [{
	keys := make([]int64, 0, len(labels))
	for k := range labels {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if k < math.MinInt32 || k > math.MaxInt32 || !utf8.ValidString(labels[k]) {
			return nil, fmt.Errorf("pickle: label %d, %.40q: keys fit 32 bits and names are UTF-8", k, labels[k])
		}
		b.WriteByte('J')
		b.Write(binary.LittleEndian.AppendUint32(nil, uint32(int32(k))))
		text(labels[k])
	}
	b.WriteString("uetb.") // }])
	return b.Bytes(), nil
}
