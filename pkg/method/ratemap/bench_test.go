package ratemap

import (
	"testing"

	"github.com/ventral-lab/ventral/internal/rng"
)

// population makes responses of the size of one layer: noise, rectified, over uniformly drawn positions.
func population(units, stimuli int, g Grid) (*Responses, []int) {
	r := rng.New(1, "ratemap/bench")
	v := make([]float32, units*stimuli)
	for i := range v {
		v[i] = float32(max(r.NormFloat64()+.5, 0))
	}
	bins := make([]int, stimuli)
	for i := range bins {
		bins[i] = r.IntN(g.Len())
	}
	resp, err := FromStimuli(v, stimuli, units)
	if err != nil {
		panic(err)
	}
	resp.Conversion = ReLU
	return resp, bins
}

func BenchmarkNull(b *testing.B) {
	g := Screen(28, 28, 224, 224)
	r, bins := population(768, 3000, g)
	for _, stat := range []Statistic{BitsPerSample(), EtaSquared()} {
		b.Run(stat.Name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Null(r, bins, g, stat, NullOptions{Shuffles: 1000}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMaps(b *testing.B) {
	g := Screen(28, 28, 224, 224)
	r, bins := population(768, 3000, g)
	for b.Loop() {
		if _, err := Maps(r, bins, g); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSkaggs(b *testing.B) {
	g := Screen(28, 28, 224, 224)
	r, bins := population(768, 3000, g)
	set, err := Maps(r, bins, g)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		set.Scores(func(m Map) float64 { return Skaggs(m).BitsPerSample })
	}
}

// smoothMaps makes maps: the hardest case for the search of the central field, which then is large.
func smoothMaps(b *testing.B) *Set {
	g := Screen(28, 28, 224, 224)
	r, bins := population(768, 3000, g)
	set, err := Maps(r, bins, g)
	if err != nil {
		b.Fatal(err)
	}
	return set.FillNearest().Smooth(1.5)
}

func BenchmarkGridScore(b *testing.B) {
	set := smoothMaps(b)
	for b.Loop() {
		set.Scores(func(m Map) float64 { return GridScore(m).Score })
	}
}

func BenchmarkOpexeboGridScore(b *testing.B) {
	set := smoothMaps(b)
	for b.Loop() {
		set.Scores(func(m Map) float64 { return OpexeboGridScore(m).Score })
	}
}

func BenchmarkDeepMindGridScore(b *testing.B) {
	set, rings := smoothMaps(b), DefaultDeepMindRings()
	for b.Loop() {
		set.Scores(func(m Map) float64 {
			g, _ := DeepMindGridScore(m, rings)
			return g.Score60
		})
	}
}

func BenchmarkBorderScore(b *testing.B) {
	set := smoothMaps(b)
	for b.Loop() {
		set.Scores(func(m Map) float64 { return BorderScore(m, FindFields(m, .3, 9), AllWalls).Score })
	}
}
