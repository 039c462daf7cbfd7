package train

import (
	"math"
	"testing"

	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/zoo"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// TestCardHolds measures the shipped network on pictures that its card was not measured on, and compares.
func TestCardHolds(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	m, err := zoo.Open("mini/clip-vit")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	card, err := mini.Describe("mini/clip-vit")
	if err != nil {
		t.Fatal(err)
	}
	a, err := newAsker(be, m.Config, m.Params, nil, m.Preprocess)
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	// What the spatial study needs of the network: see plain shapes, circles against nothing, and colours.
	need := map[string]float64{"shape4": 0.95, "circle": 0.98, "colour": 0.95}
	const n = 200
	found := 0
	for _, f := range card.Factors {
		bar, ok := need[f.Name]
		if !ok || f.Split != "test" {
			continue
		}
		found++
		if f.Accuracy < bar {
			t.Errorf("%s: the card says %.3f, the study needs %.2f", f.Name, f.Accuracy, bar)
		}
		q := Question{Measure: ZeroShot, Factor: f.Name, Split: f.Split, World: 1}
		e, err := q.draw(n, 99, m.Preprocess)
		if err != nil {
			t.Fatal(err)
		}
		right, err := a.answer(q, e)
		if err != nil {
			t.Fatal(err)
		}
		hits := n * share(right)
		// Four standard errors of a difference of two shares, of the card's pictures and of these.
		p := math.Min(f.Accuracy, 1-1.0/n)
		se := math.Sqrt(p * (1 - p) * (1.0/n + 1/float64(f.Pictures)))
		if math.Abs(hits/n-f.Accuracy) > 4*se {
			t.Errorf("%s: %.3f on %d other pictures, the card says %.3f", f.Name, hits/n, n, f.Accuracy)
		}
	}
	if found != len(need) {
		t.Errorf("the card has %d of the %d factors that matter", found, len(need))
	}
}
