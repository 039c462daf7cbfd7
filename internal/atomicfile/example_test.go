package atomicfile_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/ventral-lab/ventral/internal/atomicfile"
)

// A writer that gives up halfway leaves the old file as it was.
func ExampleCreate() {
	dir, err := os.MkdirTemp("", "atomicfile")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "scores.csv")
	if err := atomicfile.WriteFile(path, []byte("unit,score\n"), ""); err != nil {
		log.Fatal(err)
	}
	f, err := atomicfile.Create(path, "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(f, "half of ")
	f.Abort()
	b, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q, %d file\n", b, len(entries))
	// Output: "unit,score\n", 1 file
}
