package stats_test

import (
	"fmt"

	"github.com/ventral-lab/ventral/pkg/method/stats"
)

func ExampleQValues() {
	p := []float64{.001, .008, .039, .041, .6}
	for i, q := range stats.QValues(p) {
		fmt.Printf("p = %.3f  q = %.3f\n", p[i], q)
	}
	// Output:
	// p = 0.001  q = 0.005
	// p = 0.008  q = 0.020
	// p = 0.039  q = 0.051
	// p = 0.041  q = 0.051
	// p = 0.600  q = 0.600
}

func ExampleWilson() {
	fmt.Println(stats.Wilson(881, 1000, .95))
	fmt.Println(stats.Wilson(10, 10, .95))
	// Output:
	// 0.881 [0.859, 0.9]
	// 1 [0.722, 1]
}

// The same eight stimuli, with and without a lesion.
func ExamplePairedDifference() {
	intact := []float64{.81, .77, .90, .64, .72, .85, .79, .88}
	lesion := []float64{.70, .71, .82, .60, .55, .80, .71, .79}
	fmt.Println(stats.PairedDifference(intact, lesion, stats.Options{Seed: 1}))
	test := stats.PairedPermutation(intact, lesion, 0, 0, "")
	fmt.Printf("p = %.4f of %d sign patterns\n", test.P, test.Flips)
	// Output:
	// 0.085 [0.065, 0.121]
	// p = 0.0078 of 256 sign patterns
}

func ExampleQuantiles() {
	fmt.Println(stats.Quantiles([]float64{7, 1, 3, 5}, 0, .25, .5, 1))
	// Output: [1 2.5 4 7]
}

func ExampleBox() {
	b := stats.Box([]float64{2, 3, 4, 5, 6, 30})
	fmt.Printf("%.2f %.2f %.2f %.2f %.2f, beyond: %v\n", b.Low, b.Q1, b.Median, b.Q3, b.High, b.Outliers)
	// Output: 2.00 3.25 4.50 5.75 6.00, beyond: [30]
}
