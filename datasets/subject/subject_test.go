package subject

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/algonauts"
	"github.com/ventral-lab/ventral/internal/npy"
	"github.com/ventral-lab/ventral/internal/rng"
)

var _ datasets.Set = (*Images)(nil)

// common is a subject that several tests look at.
var common = func() func(t *testing.T) *Subject {
	var s *Subject
	return func(t *testing.T) *Subject {
		t.Helper()
		if s == nil {
			var err error
			if s, err = New(Config{Seed: 3, Training: 600, Test: 200, Size: 48, Vertices: 120, Defects: 0.05}); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
}()

// correlation is Pearson's, between column j of two matrices of some columns each.
func correlation(x []float64, xc, xj int, y []float64, yc, yj int) float64 {
	n := float64(len(x) / xc)
	var sx, sy, sxx, syy, sxy float64
	for i := range len(x) / xc {
		a, b := x[i*xc+xj], y[i*yc+yj]
		sx, sy, sxx, syy, sxy = sx+a, sy+b, sxx+a*a, syy+b*b, sxy+a*b
	}
	if v := (sxx - sx*sx/n) * (syy - sy*sy/n); v > 1e-12 {
		return (sxy - sx*sy/n) / math.Sqrt(v)
	}
	return 0 // one of them never changes
}

func widen(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// The true signal predicts every vertex with a correlation of sqrt(ceiling), up to what so many pictures tell; null and dead vertices not at all.
func TestCeilings(t *testing.T) {
	s := common(t)
	for _, c := range []struct {
		h     algonauts.Hemisphere
		split string
	}{{algonauts.Left, algonauts.Training}, {algonauts.Right, algonauts.Training}, {algonauts.Left, algonauts.Test}, {algonauts.Right, algonauts.Test}} {
		h := c.h
		vertices, ceiling := s.Vertices(h), s.Ceiling(h, c.split)
		v := len(vertices)
		signal, y := s.Signal(h, c.split), widen(s.Responses(h, c.split))
		n := float64(len(y) / v)
		var sum, count, null, dead, variance, chance float64
		for j, x := range vertices {
			if x.Dead {
				dead++
				for i := range len(y) / v {
					if y[i*v+j] != 0 {
						t.Fatalf("%s: dead vertex %d answers", h, j)
					}
				}
				continue
			}
			square := 0.0
			for i := range len(y) / v {
				square += y[i*v+j] * y[i*v+j]
			}
			variance += square / n
			if x.Null {
				null++
				if x.Ceiling != 0 || x.NCSNR != 0 {
					t.Errorf("%s: null vertex %d has the ceiling %g", h, j, x.Ceiling)
				}
				continue
			}
			if want := x.NCSNR * x.NCSNR / (x.NCSNR*x.NCSNR + 1/float64(s.cfg.Repeats)); math.Abs(want-x.Ceiling) > 1e-12 {
				t.Errorf("%s: vertex %d: ceiling %g, ncsnr %g gives %g", h, j, x.Ceiling, x.NCSNR, want)
			}
			r, want := correlation(signal, v, j, y, v, j), math.Sqrt(ceiling[j])
			z := (r - want) / ((1 - want*want) / math.Sqrt(n))
			if math.Abs(z) > 5 {
				t.Errorf("%s: vertex %d of %s: correlation %.3f with the truth, ceiling %.3f", h, j, x.Region, r, want)
			}
			sum += z
			count++
			// The pictures' answers handed on by one: chance.
			chance += correlation(append(slices.Clone(signal[v:]), signal[:v]...), v, j, y, v, j)
		}
		if mean := sum / count; math.Abs(mean) > 4/math.Sqrt(count) {
			t.Errorf("%s: correlations are off by %.2f standard errors on average over %g vertices", h, mean, count)
		}
		if mean := chance / count; math.Abs(mean) > 3/math.Sqrt(n) {
			t.Errorf("%s: the answers to other pictures correlate by %.3f", h, mean)
		}
		if null < 1 || dead < 1 {
			t.Errorf("%s: %g null and %g dead vertices", h, null, dead)
		}
		if mean := variance / (count + null); c.split == algonauts.Training && math.Abs(mean-1) > 0.05 {
			t.Errorf("%s: responses have a mean square of %.3f, want 1", h, mean)
		}
	}
}

// fit is ridge regression of one column by conjugate gradients on the normal equations.
func fit(x []float64, k int, y []float64, lambda float64) []float64 {
	n := len(x) / k
	apply := func(w []float64) []float64 {
		out := make([]float64, k)
		for i := range n {
			row := x[i*k : (i+1)*k]
			p := 0.0
			for f, v := range row {
				p += v * w[f]
			}
			for f, v := range row {
				out[f] += p * v
			}
		}
		for f := range out {
			out[f] += lambda * w[f]
		}
		return out
	}
	w, r := make([]float64, k), make([]float64, k)
	for i := range n {
		for f := range k {
			r[f] += x[i*k+f] * y[i]
		}
	}
	p := slices.Clone(r)
	inner := func(a, b []float64) (s float64) {
		for i := range a {
			s += a[i] * b[i]
		}
		return s
	}
	for rr := inner(r, r); rr > 1e-12; {
		q := apply(p)
		alpha := rr / inner(p, q)
		for f := range w {
			w[f] += alpha * p[f]
			r[f] -= alpha * q[f]
		}
		next := inner(r, r)
		for f := range p {
			p[f] = r[f] + next/rr*p[f]
		}
		rr = next
	}
	return w
}

// What anybody can do: learn from the training split, predict the test split. With the true features the ceilings are reached, with the features of other
// pictures nothing is.
func TestFeaturesPredict(t *testing.T) {
	s := common(t)
	for _, group := range []string{"word", "place", "face"} {
		for _, shuffled := range []bool{false, true} {
			pick := func(split string) ([]float64, int) {
				all, features := s.Features(split)
				var cols []int
				for f, x := range features {
					if x.Group == group || x.Group == "statistics" {
						cols = append(cols, f)
					}
				}
				n := len(all) / len(features)
				order := make([]int, n)
				for i := range order {
					order[i] = i
				}
				if shuffled {
					order = rng.New(1, "shuffle").Perm(n)
				}
				var out []float64
				for _, i := range order {
					for _, f := range cols {
						out = append(out, all[i*len(features)+f])
					}
				}
				return out, len(cols)
			}
			x, k := pick(algonauts.Training)
			test, _ := pick(algonauts.Test)
			sum, want, count := 0.0, 0.0, 0.0
			for _, h := range algonauts.Hemispheres {
				vertices := s.Vertices(h)
				v := len(vertices)
				y, yTest := widen(s.Responses(h, algonauts.Training)), widen(s.Responses(h, algonauts.Test))
				ceiling := s.Ceiling(h, algonauts.Test)
				for j, vertex := range vertices {
					if vertex.Group != group || vertex.Ceiling == 0 {
						continue
					}
					column := make([]float64, len(y)/v)
					for i := range column {
						column[i] = y[i*v+j]
					}
					w := fit(x, k, column, 1)
					p := make([]float64, len(test)/k)
					for i := range p {
						for f := range k {
							p[i] += test[i*k+f] * w[f]
						}
					}
					sum += correlation(p, 1, 0, yTest, v, j)
					want += math.Sqrt(ceiling[j])
					count++
				}
			}
			mean := sum / count
			t.Logf("%s, shuffled %v: mean correlation %.3f, ceiling %.3f, %g vertices", group, shuffled, mean, want/count, count)
			// 200 test pictures: one correlation has a standard error of 0.07; vertices share pictures, so their mean is not much surer.
			if shuffled && math.Abs(mean) > 0.1 || !shuffled && math.Abs(mean-want/count) > 0.05 {
				t.Errorf("%s, shuffled %v: mean correlation %.3f, ceiling %.3f", group, shuffled, mean, want/count)
			}
		}
	}
}

func TestTrialsAverageToResponses(t *testing.T) {
	s := common(t)
	h := algonauts.Right
	vertices := s.Vertices(h)
	v := len(vertices)
	mean := make([]float64, s.cfg.Test*v)
	for k := range s.cfg.Repeats {
		trial, err := s.Trials(h, algonauts.Test, k)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range trial {
			mean[i] += float64(x) / float64(s.cfg.Repeats)
		}
	}
	y := s.Responses(h, algonauts.Test)
	for i, x := range mean {
		vertex := vertices[i%v]
		scale := math.Sqrt(vertex.Ceiling)
		if vertex.Null {
			scale = math.Sqrt(float64(s.cfg.Repeats))
		}
		if math.Abs(x*scale-float64(y[i])) > 1e-4 {
			t.Fatalf("picture %d, vertex %d: mean of trials %g, response %g", i/v, i%v, x*scale, y[i])
		}
	}
	if _, err := s.Trials(h, algonauts.Test, s.cfg.Repeats); err == nil {
		t.Error("a presentation beyond the last was given")
	}
}

// golden is the SHA-256 of the responses that TestSameBits simulates.
const golden = "3f3d7fa293064291b930cec0bcf51b4cb5ddcce1c6dcfd49500da37ae04cb7ba"

// Any number of threads, and any number of test pictures, gives the same bits.
func TestSameBits(t *testing.T) {
	c := Config{Seed: 9, Training: 40, Test: 10, Size: 32, Vertices: 60}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ya := a.Responses(algonauts.Left, algonauts.Training)
	runtime.GOMAXPROCS(4)
	c.Test = 20
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if yb := b.Responses(algonauts.Left, algonauts.Training); !slices.Equal(ya, yb) {
		t.Error("responses differ")
	}
	if ta, tb := a.Responses(algonauts.Left, algonauts.Test), b.Responses(algonauts.Left, algonauts.Test); !slices.Equal(ta, tb[:len(ta)]) {
		t.Error("responses to the first test pictures depend on how many there are")
	}
	c.Subject = 2
	other, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	// Results that were published depend on these bytes. Other processors fuse multiplications and may differ in the last bits.
	if runtime.GOARCH == "amd64" {
		var raw []byte
		for _, v := range ya {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(raw)); got != golden {
			t.Errorf("the responses have the sum %s, they had %s", got, golden)
		}
	}
	if slices.Equal(ya, other.Responses(algonauts.Left, algonauts.Training)) {
		t.Error("two subjects answer alike")
	}
	fa, _ := b.Features(algonauts.Training)
	fb, _ := other.Features(algonauts.Training)
	if !slices.Equal(fa, fb) {
		t.Error("two subjects see different pictures")
	}
}

// Left sees right, upper sees ventral, and patches are patches.
func TestAnatomy(t *testing.T) {
	s := common(t)
	for _, h := range algonauts.Hemispheres {
		seen := map[int]bool{}
		for _, v := range s.Vertices(h) {
			if seen[v.Index] || v.Index < 0 || v.Index >= algonauts.FsaverageVertices {
				t.Fatalf("vertex %d twice or outside", v.Index)
			}
			seen[v.Index] = true
			if r := math.Sqrt(v.X*v.X + v.Y*v.Y + v.Z*v.Z); math.Abs(r-radius) > 1e-9 {
				t.Errorf("vertex %d is %g mm from the middle", v.Index, r)
			}
			if early := v.Group == "gabor"; early && ((h == algonauts.Left) != (v.FieldX > 0.5) || strings.HasSuffix(v.Region, "v") != (v.FieldY < 0.5)) {
				t.Errorf("%s %s sees (%.2f, %.2f)", h, v.Region, v.FieldX, v.FieldY)
			}
			if v.Region == "V1d" && v.Y > 0 {
				t.Errorf("%s V1 lies in front", h)
			}
		}
	}
}

// A grating drives the filters of its orientation and scale most, wherever it is, and its energy does not depend on phase.
func TestGaborBank(t *testing.T) {
	const size = 96
	b := newBank(size)
	features := pixelFeatures()
	for scale, sc := range gaborScales {
		for o := range orientations {
			var first []float64
			for _, phase := range []float64{0, 1, 2.5} {
				rgb := make([]uint8, 3*size*size)
				sin, cos := math.Sincos(float64(o) * math.Pi / orientations)
				for y := range size {
					for x := range size {
						l := 127.5 + 100*math.Cos(2*math.Pi*(float64(x)*cos+float64(y)*sin)/(sc.wavelength*size)+phase)
						for c := range 3 {
							rgb[3*(y*size+x)+c] = uint8(l + 0.5)
						}
					}
				}
				v := b.pixels(nil, rgb)
				if len(v) != len(features) {
					t.Fatalf("%d features, %d names", len(v), len(features))
				}
				best := map[[2]float64]int{}
				for k, f := range features {
					if f.Group != "gabor" || f.Scale != scale || f.X < 0.3 || f.X > 0.7 || f.Y < 0.3 || f.Y > 0.7 {
						continue
					}
					p := [2]float64{f.X, f.Y}
					if at, ok := best[p]; !ok || v[k] > v[at] {
						best[p] = k
					}
				}
				var energies []float64
				for k, f := range features {
					if at, ok := best[[2]float64{f.X, f.Y}]; ok && at == k {
						if f.Orientation != float64(o*45) {
							t.Errorf("a grating of %d degrees drives %s most", o*45, f.Name)
						}
						energies = append(energies, v[k])
					}
				}
				if first == nil {
					first = energies
				}
				for i := range energies {
					if math.Abs(energies[i]/first[i]-1) > 0.03 {
						t.Errorf("energy %g at one phase, %g at another", first[i], energies[i])
					}
				}
			}
		}
	}
}

// Write, and the loader of the real thing reads the same numbers; written twice, the same bytes.
func TestWriteRoundTrip(t *testing.T) {
	s, err := New(Config{Seed: 5, Training: 24, Test: 6, Size: 24, Vertices: 60, Subject: 2})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := s.Write(dir, nil); err != nil {
		t.Fatal(err)
	}
	a, err := algonauts.Open(dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, split := range []string{algonauts.Training, algonauts.Test} {
		ours, theirs := s.Images(split), a.Images(split)
		if ours.Len() != theirs.Len() {
			t.Fatalf("%d pictures, %d were written", theirs.Len(), ours.Len())
		}
		for i := range ours.Len() {
			x, err1 := ours.At(i)
			y, err2 := theirs.At(i)
			if err1 != nil || err2 != nil || x.ID != y.ID || x.Labels["nsd"] != y.Labels["nsd"] || x.Labels["number"] != y.Labels["number"] {
				t.Fatalf("picture %d: %s, %s (%v, %v)", i, x.ID, y.ID, err1, err2)
			}
			for p := range 24 * 24 {
				r1, g1, b1, _ := x.Image.At(p%24, p/24).RGBA()
				r2, g2, b2, _ := y.Image.At(p%24, p/24).RGBA()
				if r1 != r2 || g1 != g2 || b1 != b2 {
					t.Fatalf("picture %d differs at pixel %d", i, p)
				}
			}
		}
		for _, h := range algonauts.Hemispheres {
			r, err := a.Responses(h, split)
			if err != nil {
				t.Fatal(err)
			}
			want := s.Responses(h, split)
			for i := range r.Images {
				if !slices.Equal(r.Row(i), want[i*r.Vertices:(i+1)*r.Vertices]) {
					t.Fatalf("%s: responses to picture %d differ", h, i)
				}
			}
		}
	}
	for _, h := range algonauts.Hemispheres {
		vertices := s.Vertices(h)
		for i, index := range a.Vertices(h) {
			v := vertices[i]
			if index != v.Index || float32(s.Ceiling(h, algonauts.Test)[i]) != float32(a.NoiseCeiling(h)[i]) {
				t.Fatalf("vertex %d: index %d, ceiling %g; written were %+v", i, index, a.NoiseCeiling(h)[i], v)
			}
			columns, err := a.Region(h, v.Region)
			if err != nil || !slices.Contains(columns, i) {
				t.Fatalf("vertex %d is not in %s: %v", i, v.Region, err)
			}
		}
		if n := len(a.Regions(h)); n < len(regions) {
			t.Errorf("%d regions, want at least %d", n, len(regions))
		}
	}
	truth, err := npy.OpenNPZ(filepath.Join(dir, "subj02", filepath.FromSlash(TruthFile)))
	if err != nil {
		t.Fatal(err)
	}
	defer truth.Close()
	x, err := truth.Read("training_features")
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := s.Features(algonauts.Training); !slices.Equal(x.Data.([]float64), want) {
		t.Error("the truth's features differ")
	}
	sums, err := os.ReadFile(filepath.Join(dir, "subj02", "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	again := t.TempDir()
	if err := s.Write(again, nil); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(again, "subj02", "SHA256SUMS")); string(b) != string(sums) {
		t.Error("written twice, other bytes")
	}
	// A changed picture and a changed array are found.
	name := filepath.Join(dir, "subj02", "training_split", "training_images", "train-0003_nsd-00002.png")
	if b, err := os.ReadFile(filepath.Join(dir, "subj02", "training_split", "training_images", "train-0004_nsd-00003.png")); err != nil || os.WriteFile(name, b, 0o644) != nil {
		t.Fatal(err)
	}
	if _, err := a.Images(algonauts.Training).At(2); err == nil || !strings.Contains(err.Error(), "SHA256SUMS") {
		t.Errorf("a picture that was exchanged: %v", err)
	}
	ceiling := filepath.Join(dir, "subj02", "test_split", "noise_ceiling", "lh_noise_ceiling.npy")
	b, err := os.ReadFile(ceiling)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(ceiling, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := algonauts.Open(dir, 2); err == nil || !strings.Contains(err.Error(), "lh_noise_ceiling") {
		t.Errorf("an array that was changed: %v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		c    Config
		want string
	}{{Config{Training: 1}, "at least 2"}, {Config{Test: -1}, "test = -1"}, {Config{Size: 4}, "8 to 2048"}, {Config{Repeats: 101}, "repeats"}, {Config{Defects: 2}, "share"}, {Config{Defects: math.NaN()}, "share"}} {
		if _, err := New(c.c); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v does not say %q", c.c, err, c.want)
		}
	}
	if _, err := Open(Config{}, "val"); err == nil {
		t.Error("split val was opened")
	}
}

func ExampleNew() {
	s, err := New(Config{Seed: 1, Training: 50, Test: 10, Size: 32, Vertices: 60})
	if err != nil {
		fmt.Println(err)
		return
	}
	y := s.Responses(algonauts.Left, algonauts.Training)
	v := s.Vertices(algonauts.Left)
	_, features := s.Features(algonauts.Training)
	fmt.Println(len(y)/len(v), "pictures,", len(v), "vertices,", len(features), "features; the first vertex is in", v[0].Region)
	// Output:
	// 50 pictures, 57 vertices, 514 features; the first vertex is in VWFA-2
}
