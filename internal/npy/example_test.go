package npy_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/ventral-lab/ventral/internal/npy"
)

// A file that numpy.save wrote, in Fortran order, comes out in C order.
func ExampleReadFile() {
	a, err := npy.ReadFile("testdata/rank4_fortran.npy")
	if err != nil {
		log.Fatal(err)
	}
	x, err := a.Float64s()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.DType(), a.Shape, x[:4])
	// Output: int32 [2 3 4 5] [0 1 2 3]
}

func ExampleWriteNPZ() {
	dir, err := os.MkdirTemp("", "npy")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	maps, err := npy.New([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(dir, "maps.npz")
	if err := npy.WriteNPZ(path, npy.Named{Name: "maps", Array: maps}); err != nil {
		log.Fatal(err)
	}
	all, err := npy.Load(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(all[0].Name, all[0].Shape, all[0].Data)
	// Output: maps [2 3] [1 2 3 4 5 6]
}
