package ratemap

import (
	"math"
	"testing"
)

// TestVectors wants the same bits from eight units at a time as from one at a time, whatever the number of units and of
// stimuli in a bin. Where the processor or the build has no vectors both are the same code.
func TestVectors(t *testing.T) {
	if !vectors {
		t.Log("no vectors here: scalar code is compared with itself")
	}
	had := vectors
	defer func() { vectors = had }()
	for _, size := range []struct{ units, stimuli, side int }{{64, 300, 6}, {72, 500, 28}, {67, 40, 3}, {8, 9, 3}, {3, 50, 4}, {130, 2000, 10}} {
		g := Screen(size.side, size.side, 1, 1)
		r, bins := population(size.units, size.stimuli, g)
		r.Values[0], r.Values[1] = float32(math.NaN()), 1e30
		for _, stat := range []Statistic{BitsPerSample(), BitsPerEvent(), EtaSquared(), Sparseness()} {
			var want *NullResult
			for _, on := range []bool{false, had} {
				vectors = on
				got, err := Null(r, bins, g, stat, NullOptions{Shuffles: 20, Keep: true})
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = got
					continue
				}
				for k, v := range got.Values {
					if math.Float64bits(v) != math.Float64bits(want.Values[k]) {
						t.Fatalf("%s of %v, shuffle %d of unit %d: %v with vectors, %v without", stat.Name, size, k/size.units, k%size.units, v, want.Values[k])
					}
				}
				for u := range got.Observed {
					if math.Float64bits(got.Observed[u]) != math.Float64bits(want.Observed[u]) || got.P[u] != want.P[u] {
						t.Fatalf("%s of %v, unit %d: %v with vectors, %v without", stat.Name, size, u, got.Observed[u], want.Observed[u])
					}
				}
			}
		}
	}
}
