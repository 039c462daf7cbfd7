package table_test

import (
	"log"
	"os"

	"github.com/ventral-lab/ventral/internal/table"
)

func ExampleNewCSV() {
	w, err := table.NewCSV(os.Stdout, []table.Column{
		{Name: "id", Kind: table.String}, {Name: "map", Kind: table.Float32, Shape: []int{1, 2}}})
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Write([]any{[]string{"a", "b"}, []float32{1, 0.1, 2, -3}}); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// id,"map[0,0]","map[0,1]"
	// a,1,0.1
	// b,2,-3
}
