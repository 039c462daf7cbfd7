package catalog

import (
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/datasets/scenes"
	"github.com/ventral-lab/ventral/datasets/subject"
	"github.com/ventral-lab/ventral/internal/rng"
)

func TestCanonicalSpecs(t *testing.T) {
	for _, c := range []struct{ spec, want string }{
		{"circles", "circles?n=3000&seed=0"},
		{"circles?seed=1", "circles?n=3000&seed=1"},
		{"circles?min=20&max=80&seed=1&frame=224&design=random", "circles?n=3000&seed=1"},
		{"circles?max=60.0&n=5&colour=FF8800", "circles?n=5&seed=0&max=60&colour=ff8800"},
		{"circles?design=grid&bin=16&diameters=4", "circles?design=grid&bin=16"},
		{"scenes", "scenes?n=1000&seed=0&size=64&split=train"},
		{"scenes?split=test&n=500", "scenes?n=500&seed=0&size=64&split=test"},
		{"scenes?mix=50,15,20,8,7,0.45&masks=false", "scenes?n=1000&seed=0&size=64&split=train"},
		{"scenes?mix=1,0,0,0,0,.5&masks=true", "scenes?n=1000&seed=0&size=64&split=train&mix=1,0,0,0,0,0.5&masks=true"},
		{"scenes?world=1&n=5", "scenes?n=5&seed=0&size=64&split=train"},
		{"scenes?n=5&world=2", "scenes?world=2&n=5&seed=0&size=64&split=train"},
		{"scenes?world=2&mix=32,8,23,8,6,5,4,9,2,3,.5,.25", "scenes?world=2&n=1000&seed=0&size=64&split=train"},
		{"scenes?mix=1,0,0,0,0,0,0,0,0,0,0,0.5&world=2&masks=true", "scenes?world=2&n=1000&seed=0&size=64&split=train&mix=1,0,0,0,0,0,0,0,0,0,0,0.5&masks=true"},
		{"probe?factor=object&world=2&nuisance=blur", "probe?world=2&factor=object&n=300&seed=0&size=64&split=test&nuisance=blur"},
		{"subject", "subject?subject=1&seed=0&training=1000&test=200&size=64&split=training"},
		{"subject?split=test&repeats=3&test=5&vertices=50&seed=7", "subject?subject=1&seed=7&training=1000&test=5&size=64&vertices=50&split=test"},
		{"voc:../voc/testdata", "voc:../voc/testdata?split=val"},
		{"voc:../voc/testdata/VOCdevkit/?masks=true&split=train", "voc:../voc/testdata/VOCdevkit?split=train&masks=true"},
		{"gtseg:../gtseg/testdata/", "gtseg:../gtseg/testdata"},
		{"nsd:../nsd/testdata", "nsd:../nsd/testdata"},
		{"probe?factor=shape", "probe?factor=shape&n=300&seed=0&size=64&split=test"},
		{"probe?split=heldout&factor=ink&n=20&seed=18446744073709551615", "probe?factor=ink&n=20&seed=18446744073709551615&size=64&split=heldout"},
	} {
		s, err := Open(c.spec)
		if err != nil {
			t.Errorf("%s: %v", c.spec, err)
			continue
		}
		if s.Spec() != c.want {
			t.Errorf("%s: canonical spec %s, want %s", c.spec, s.Spec(), c.want)
		}
	}
}

func TestErrorsSayWhatThereIs(t *testing.T) {
	for _, c := range []struct{ spec, want string }{
		{"", "circles?n=3000"},
		{"circle?n=3", `did you mean "circles"`},
		{"Scenes", `did you mean "scenes"`},
		{"folder/pictures", "folder:PATH"},
		{"folders", `did you mean "folder:"`},
		{"quokka", "there are circles?"},
		{"circles?", "name=value"},
		{"circles?n", "name=value"},
		{"circles?n=", "name=value"},
		{"circles?n=5&&seed=1", "name=value"},
		{"circles?sed=5", `did you mean "seed"`},
		{"circles?color=red", `did you mean "colour"`},
		{"circles?wobble=5", "there are design, n, seed"},
		{"circles?n=5&n=6", "twice"},
		{"circles?n=0", "whole number above 0"},
		{"circles?n=-1", "whole number above 0"},
		{"circles?n=1e3", "whole number above 0"},
		{"circles?n=99999999999999999999", "whole number above 0"},
		{"circles?seed=-1", "2^64"},
		{"circles?min=NaN", "number above 0"},
		{"circles?max=Inf", "number above 0"},
		{"circles?masks=yes", "true nor false"},
		{"circles?design=grid&n=5", "leave out n"},
		{"circles?shape=blob", "circle, square"},
		{"scenes?split=dev", "train, val"},
		{"scenes?mix=1,2", "six numbers"},
		{"scenes?mix=0,0,0,0,0,0", "sum to 0"},
		{"scenes?size=1", "size = 1"},
		{"scenes?world=3", "it is 1 or 2"},
		{"scenes?world=2&mix=1,2", "12 numbers"},
		{"scenes?world=2&split=heldout&mix=0,0,0,0,1,0,0,0,0,0,0,0", "no weight"},
		{"probe?world=2&factor=shade", "attack-read"},
		{"probe?world=2&factor=attack&split=heldout", "no held-out"},
		{"probe?world=2&factor=object&nuisance=rain", "noise, blur"},
		{"probe?factor=shape&nuisance=blur", "only probes of world 2"},
		{"probe", "shape4"},
		{"probe?factor=shade", "shape4"},
		{"probe?factor=count&split=heldout", "no held-out"},
		{"folder:", "folder:PATH"},
		{"voc:", "voc:PATH"},
		{"voc:/no/such/folder?split=val", "no/such/folder"},
		{"voc:../voc/testdata?split=dev", "dev"},
		{"voc:../voc/testdata?spilt=val", `did you mean "split"`},
		{"gtseg:", "gtseg:PATH"},
		{"gtseg:../gtseg/testdata?split=val", `no parameter "split"`},
		{"algonauts:../voc/testdata", "no folder subj01"},
		{"algonauts:x?subject=0", "above 0"},
		{"algonauts:x?split=val", "training or test"},
		{"nsd:../voc/testdata", "nsd_stimuli.hdf5"},
		{"vocs:x", `did you mean "voc:"`},
		{"subject?split=val", "training or test"},
		{"subject?size=4", "8 to 2048"},
		{"folder:/no/such/folder", "no/such/folder"},
	} {
		_, err := Open(c.spec)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v does not say %q", c.spec, err, c.want)
		} else if !strings.Contains(err.Error(), fmt.Sprintf("%q", c.spec)) {
			t.Errorf("the error does not repeat %q: %v", c.spec, err)
		}
	}
}

// randomSpec draws parameters in random order, values from what each may be.
func randomSpec(r *rand.Rand) string {
	pick := func(v ...string) string { return v[r.IntN(len(v))] }
	number := func(hi int) string { return fmt.Sprint(1 + r.IntN(hi)) }
	real := func(lo, hi float64) string { return fmt.Sprint(lo + r.Float64()*(hi-lo)) }
	var name string
	var all []string
	add := func(p float64, k, v string) {
		if r.Float64() < p {
			all = append(all, k+"="+v)
		}
	}
	switch r.IntN(7) {
	case 6:
		name = "subject"
		add(.5, "subject", number(8))
		add(.5, "seed", fmt.Sprint(r.Uint64()))
		add(.5, "training", fmt.Sprint(2+r.IntN(50)))
		add(.5, "test", number(50))
		add(.5, "size", fmt.Sprint(8+r.IntN(60)))
		add(.5, "vertices", number(500))
		add(.5, "repeats", number(5))
		add(.5, "split", pick("training", "test"))
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return name + "?" + strings.Join(append(all, "seed=1")[:max(1, len(all))], "&")
	case 4:
		name = "scenes"
		add(1, "world", "2")
		add(.5, "n", number(50))
		add(.5, "seed", fmt.Sprint(r.Uint64()))
		add(.5, "size", fmt.Sprint(8+r.IntN(60)))
		add(.5, "split", pick(scenes.Splits...))
		mix := make([]string, 12)
		for i := range mix {
			mix[i] = real(0, 1)
		}
		add(.5, "mix", strings.Join(mix, ","))
	case 5:
		name = "probe"
		add(1, "world", "2")
		factor := pick(scenes.WorldFactors...)
		add(1, "factor", factor)
		add(.5, "n", number(50))
		add(.5, "seed", fmt.Sprint(r.Uint64()))
		add(.5, "nuisance", pick(scenes.Nuisances...))
		if factor == "object-line" || factor == "word" {
			add(.5, "split", pick("test", "heldout"))
		}
	case 0:
		name = "circles"
		add(.5, "n", number(50))
		add(.5, "seed", fmt.Sprint(r.Uint64()))
		if r.IntN(2) == 0 { // together: the default of one may lie beyond the other
			add(1, "min", real(1, 20))
			add(1, "max", real(20, 200))
		}
	case 1:
		name = "circles"
		add(1, "design", "grid")
		add(.5, "bin", pick("1", "2", "4", "8"))
		add(.5, "diameters", number(5))
	case 2:
		name = "scenes"
		add(.5, "n", number(50))
		add(.5, "seed", fmt.Sprint(r.Uint64()))
		add(.5, "size", fmt.Sprint(8+r.IntN(60)))
		add(.5, "split", pick(scenes.Splits...))
		add(.5, "mix", strings.Join([]string{real(0, 3), "1", pick("0", "2"), real(0, 1e-3), real(0, 1e9), real(0, 1)}, ","))
	case 3:
		name = "probe"
		factor := pick(scenes.Factors...)
		add(1, "factor", factor)
		add(.5, "n", number(50))
		add(.5, "seed", fmt.Sprint(r.Uint64()))
		add(.5, "size", fmt.Sprint(8+r.IntN(60)))
		if factor == "shape" || factor == "word" {
			add(.5, "split", pick("test", "heldout"))
		}
	}
	if name == "circles" {
		add(.5, "frame", fmt.Sprint(8*(1+r.IntN(9))))
		add(.5, "shape", pick(append([]string{"mixed"}, circles.Shapes...)...))
		add(.5, "colour", pick(append([]string{"12abEF"}, circles.Colours()...)...))
		add(.5, "background", pick("white", "000080"))
	}
	add(.3, "masks", pick("true", "false"))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if len(all) == 0 {
		return name
	}
	return name + "?" + strings.Join(all, "&")
}

// Open(s.Spec()) is s: same spec, same length, same stimuli.
func TestRoundTrip(t *testing.T) {
	r := rng.New(1, "catalog test")
	for range 400 {
		spec := randomSpec(r)
		a, err := Open(spec)
		if err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		b, err := Open(a.Spec())
		if err != nil {
			t.Fatalf("%s: its canonical spec %s: %v", spec, a.Spec(), err)
		}
		if a.Spec() != b.Spec() || a.Len() != b.Len() || !reflect.DeepEqual(a.Columns(), b.Columns()) {
			t.Fatalf("%s: %s (%d) became %s (%d)", spec, a.Spec(), a.Len(), b.Spec(), b.Len())
		}
		i := r.IntN(a.Len())
		x, err := a.At(i)
		if err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		y, err := b.At(i)
		if err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		if x.ID != y.ID || x.Caption != y.Caption || !reflect.DeepEqual(x.Image, y.Image) || !reflect.DeepEqual(x.Masks, y.Masks) || fmt.Sprint(x.Labels) != fmt.Sprint(y.Labels) {
			t.Fatalf("%s: stimulus %d of %s is another", spec, i, a.Spec())
		}
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c=d&e") // taken literally
	if err := os.MkdirAll(filepath.Join(dir, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "x", "1.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open("folder:" + dir + "/")
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(s.Spec())
	if err != nil || again.Len() != 1 || again.Spec() != s.Spec() {
		t.Errorf("%s: %v", s.Spec(), err)
	}
}

// Sets that lie in files come back by their canonical spec, the parameters being what follows the last question mark.
func TestPaths(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c=d&e")
	s, err := subject.New(subject.Config{Training: 5, Test: 2, Size: 16, Vertices: 40, Subject: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(dir, nil); err != nil {
		t.Fatal(err)
	}
	for spec, n := range map[string]int{"algonauts:" + dir + "?subject=3": 5, "algonauts:" + dir + "/?split=test&subject=3": 2,
		"voc:../voc/testdata?split=trainval&masks=true": 3, "gtseg:../gtseg/testdata/gtsegs_ijcv.mat": 3, "nsd:../nsd/testdata": 4, "subject?training=5&size=16": 5} {
		a, err := Open(spec)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		b, err := Open(a.Spec())
		if err != nil || b.Spec() != a.Spec() || a.Len() != n || b.Len() != n {
			t.Errorf("%s: %s (%d): %v", spec, a.Spec(), a.Len(), err)
			continue
		}
		seen := map[string]bool{}
		for i := range n {
			x, err1 := a.At(i)
			y, err2 := b.At(i)
			if err1 != nil || err2 != nil || seen[x.ID] || x.ID != y.ID || !reflect.DeepEqual(x.Image, y.Image) || !reflect.DeepEqual(x.Masks, y.Masks) || fmt.Sprint(x.Labels) != fmt.Sprint(y.Labels) {
				t.Errorf("%s: stimulus %d, %s: %v, %v", spec, i, x.ID, err1, err2)
			}
			seen[x.ID] = true
			for _, c := range a.Columns() {
				want := map[datasets.Kind]string{datasets.Float: "float64", datasets.Int: "int64", datasets.String: "string", datasets.Bool: "bool"}[c.Kind]
				if got := fmt.Sprintf("%T", x.Labels[c.Name]); got != want {
					t.Errorf("%s: label %s is %s, want %s", spec, c.Name, got, want)
				}
			}
		}
	}
}

// Every set and parameter of the help text can be opened and used.
func TestEntries(t *testing.T) {
	if got := Names(); !reflect.DeepEqual(got, []string{"circles", "scenes", "probe", "subject", "folder:", "voc:", "gtseg:", "algonauts:", "nsd:"}) {
		t.Errorf("names %v", got)
	}
	help := Help()
	for _, e := range Entries() {
		if e.Doc == "" || !strings.Contains(help, e.Example) {
			t.Errorf("%s is not in the help text", e.Name)
		}
		if !strings.HasSuffix(e.Name, ":") {
			if _, err := Open(e.Example); err != nil {
				t.Errorf("example %s: %v", e.Example, err)
			}
		}
		for _, p := range e.Params {
			if _, err := Open(e.Name + "?" + p.Name + "="); p.Doc == "" || err == nil || strings.Contains(err.Error(), "no parameter") {
				t.Errorf("%s: parameter %s: %v", e.Name, p.Name, err)
			}
		}
	}
	Entries()[0].Params[0].Name = "changed"
	if Entries()[0].Params[0].Name == "changed" {
		t.Error("the catalog can be changed from outside")
	}
}

// Whatever opens has a canonical spec that opens the same set; whatever does not is an error, never a panic.
func FuzzOpen(f *testing.F) {
	for _, e := range Entries() {
		f.Add(e.Example)
	}
	f.Add("scenes?mix=1,0,0,0,0,1")
	f.Fuzz(func(t *testing.T, spec string) {
		for _, name := range Names() {
			if strings.HasSuffix(name, ":") && strings.HasPrefix(spec, name) {
				return // would read files of this machine
			}
		}
		s, err := Open(spec)
		if err != nil {
			return
		}
		again, err := Open(s.Spec())
		if err != nil {
			t.Fatalf("%q opens, its canonical spec %q does not: %v", spec, s.Spec(), err)
		}
		if again.Spec() != s.Spec() || again.Len() != s.Len() || s.Len() < 1 {
			t.Fatalf("%q: %q (%d) became %q (%d)", spec, s.Spec(), s.Len(), again.Spec(), again.Len())
		}
	})
}

func ExampleOpen() {
	s, err := Open("scenes?split=test&n=500")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Spec(), s.Len())
	_, err = Open("circles?sed=1")
	fmt.Println(err)
	// Output:
	// scenes?n=500&seed=0&size=64&split=test 500
	// stimuli "circles?sed=1": there is no parameter "sed", did you mean "seed"; there are design, n, seed, bin, diameters, frame, min, max, shape, colour, background, masks
}
