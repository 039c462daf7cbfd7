package preprocess

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ventral-lab/ventral/internal/imageio"
)

func readJSON(t testing.TB, path string, to any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatal(path, err)
	}
}

func open(t testing.TB, name string) image.Image {
	t.Helper()
	im, err := imageio.DecodeFile("testdata/src/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func sum(t testing.TB, s Spec, im image.Image) string {
	t.Helper()
	b := make([]uint8, 3*s.Size*s.Size)
	if err := s.HWC(b, im); err != nil {
		t.Fatal(err)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// testSpecs are the specs of testdata/gen_cases.py, the presets among them.
func testSpecs() map[string]Spec {
	m := map[string]Spec{}
	for _, s := range append(Presets(), Plain(64)) {
		m[s.Name] = s
	}
	m["squash"] = Spec{Name: "squash", Size: 48, Interpolation: "lanczos", Order: RGBFirst, CropRounding: HalfEven, Squash: true, Mean: HalfMean, Std: HalfStd}
	m["box"] = Spec{Name: "box", Size: 40, Resize: 45, Interpolation: "box", Order: RGBFirstWhite, CropRounding: HalfEven, Mean: HalfMean, Std: HalfStd}
	m["nearest"] = Spec{Name: "nearest", Size: 40, Resize: 43, Interpolation: "nearest", Order: ResizeFirst, CropRounding: Floor, Mean: HalfMean, Std: HalfStd}
	return m
}

type caseFile struct {
	Specs map[string]struct {
		Size, Target                       int
		Interpolation, Order, CropRounding string
		Squash                             bool
	}
	Levels map[string]string
	Cases  [][3]string
}

// TestEqualsPillow: every spec on every kind of picture gives Pillow's bytes.
func TestEqualsPillow(t *testing.T) {
	var f caseFile
	readJSON(t, "testdata/cases.json", &f)
	specs := testSpecs()
	if len(f.Cases) < 140 {
		t.Fatalf("only %d cases", len(f.Cases))
	}
	for name, r := range f.Specs {
		s, ok := specs[name]
		if !ok || s.Size != r.Size || s.target() != r.Target || s.Interpolation != r.Interpolation || s.Order != r.Order || s.Squash != r.Squash {
			t.Errorf("spec %s is %+v: the reference used %+v", name, s, r)
		}
	}
	for _, c := range f.Cases {
		s := specs[c[1]]
		s.Grey16 = Clip // Pillow's reading of 16-bit grey
		if sum(t, s, open(t, c[0])) != c[2] {
			t.Errorf("%s on %s differs from Pillow", c[1], c[0])
		}
	}
}

// TestEqualsTorchvision holds the cases made by torchvision, open_clip and timm themselves.
func TestEqualsTorchvision(t *testing.T) {
	var f struct {
		Cases map[string]struct {
			Source, Pipeline, SHA256 string
			Mean, Std                float64
			LevelSum                 int `json:"level_sum"`
		}
	}
	readJSON(t, "testdata/golden.json", &f)
	if len(f.Cases) != 10 {
		t.Fatalf("%d cases, want 10", len(f.Cases))
	}
	first, large := CLIP224, CLIP224.WithSize(288)
	first.Order = RGBFirst
	specs := map[string]Spec{"clip224": CLIP224, "clip224_rgbfirst": first, "clip288": large, "imagenet224": ImageNet224, "nasnet331": NASNet331}
	for name, c := range f.Cases {
		s, ok := specs[c.Pipeline]
		if !ok {
			t.Fatalf("no spec for pipeline %q", c.Pipeline)
		}
		im := open(t, c.Source)
		if sum(t, s, im) != c.SHA256 {
			t.Errorf("%s: the picture differs from the reference", name)
		}
		x := make([]float32, 3*s.Size*s.Size)
		if err := s.Apply(x, im); err != nil {
			t.Fatal(err)
		}
		var m, q float64
		for _, v := range x {
			m += float64(v)
		}
		m /= float64(len(x))
		for _, v := range x {
			q += (float64(v) - m) * (float64(v) - m)
		}
		q = math.Sqrt(q / float64(len(x)-1))
		if math.Abs(m-c.Mean) > 1e-6 || math.Abs(q-c.Std) > 1e-6 {
			t.Errorf("%s: mean %.8f, standard deviation %.8f: want %.8f, %.8f", name, m, q, c.Mean, c.Std)
		}
	}
}

// TestLevels: the 256 normalised values of each channel are torch's, bit for bit.
func TestLevels(t *testing.T) {
	var f caseFile
	readJSON(t, "testdata/cases.json", &f)
	for name, want := range f.Levels {
		lut := testSpecs()[name].levels()
		h := sha256.New()
		if err := binary.Write(h, binary.LittleEndian, lut); err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(h.Sum(nil)) != want {
			t.Errorf("%s: normalised levels differ in bits", name)
		}
	}
	if len(f.Levels) != 4 {
		t.Errorf("%d sets of levels", len(f.Levels))
	}
}

func TestApplyIsRGBNormalised(t *testing.T) {
	for _, s := range testSpecs() {
		im := open(t, "rgba.png")
		x := make([]float32, 3*s.Size*s.Size)
		if err := s.Apply(x, im); err != nil {
			t.Fatal(err)
		}
		seen, err := s.RGB(im)
		if err != nil {
			t.Fatal(err)
		}
		back, err := s.Picture(x)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(seen.Pix, back.Pix) {
			t.Errorf("%s: Picture(Apply) is not RGB", s.Name)
		}
		lo, hi := s.Range()
		for i, v := range x {
			if c := i / (s.Size * s.Size); v < lo[c] || v > hi[c] {
				t.Fatalf("%s: value %v of channel %d is outside of [%v, %v]", s.Name, v, c, lo[c], hi[c])
			}
		}
		if err := s.Denormalise(x); err != nil {
			t.Fatal(err)
		}
		n := s.Size * s.Size
		for i := range n {
			for c := range 3 {
				if d := math.Abs(float64(x[c*n+i])*255 - float64(seen.Pix[4*i+c])); d > 1e-4 {
					t.Fatalf("%s: denormalised value %d is %g levels off", s.Name, i, d)
				}
			}
		}
	}
}

// TestGrey16: by default 16-bit grey is the picture of its high bytes.
func TestGrey16(t *testing.T) {
	im := open(t, "grey16.png").(*image.Gray16)
	g := image.NewGray(im.Rect)
	for i := range g.Pix {
		g.Pix[i] = im.Pix[2*i]
	}
	for _, order := range []string{ResizeFirst, RGBFirst, RGBFirstWhite} {
		s := CLIP224
		s.Order = order
		if sum(t, s, im) != sum(t, s, g) {
			t.Errorf("%s: 16-bit grey is not read by its high byte", order)
		}
	}
}

func TestGeometry(t *testing.T) {
	pct := CLIP224
	pct.CropPct = 0.875
	for _, c := range []struct {
		s            Spec
		w, h, rw, rh int
		corner       image.Point
	}{
		{CLIP224, 345, 251, 307, 224, image.Pt(42, 0)},   // 41.5 goes to the even number
		{HFCLIP224, 345, 251, 307, 224, image.Pt(41, 0)}, // and down
		{CLIP224, 224, 225, 224, 225, image.Pt(0, 0)},    // 0.5 goes to 0
		{CLIP224, 20000, 10, 448000, 224, image.Pt(223888, 0)},
		{CLIP224, 1, 1, 224, 224, image.Pt(0, 0)},
		{ImageNet224, 500, 375, 341, 256, image.Pt(58, 16)}, // 58.5
		{pct, 512, 512, 256, 256, image.Pt(16, 16)},
		{NASNet331, 100, 60, 605, 363, image.Pt(137, 16)},
		{testSpecs()["squash"], 70, 300, 48, 48, image.Pt(0, 0)},
	} {
		rw, rh, crop := c.s.Geometry(c.w, c.h)
		if rw != c.rw || rh != c.rh || crop.Min != c.corner || crop.Size() != image.Pt(c.s.Size, c.s.Size) {
			t.Errorf("%s %dx%d: %dx%d at %v, want %dx%d at %v", c.s.Name, c.w, c.h, rw, rh, crop, c.rw, c.rh, c.corner)
		}
	}
}

func TestOnePixel(t *testing.T) {
	im := image.NewRGBA(image.Rect(5, 5, 6, 6))
	im.SetRGBA(5, 5, color.RGBA{200, 30, 77, 255})
	for _, s := range testSpecs() {
		p, err := s.RGB(im)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(p.Pix); i += 4 {
			if [4]uint8(p.Pix[i:]) != [4]uint8{200, 30, 77, 255} {
				t.Fatalf("%s: a pixel of %v", s.Name, p.Pix[i:i+4])
			}
		}
	}
}

// TestHash: the hash follows what the spec does and nothing else, and JSON keeps all of it.
func TestHash(t *testing.T) {
	seen := map[string]string{}
	for name, s := range testSpecs() {
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
		if other, ok := seen[s.Hash()]; ok {
			t.Errorf("%s and %s have one hash", name, other)
		}
		seen[s.Hash()] = name
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Spec
		if err := json.Unmarshal(b, &back); err != nil || back != s || back.Hash() != s.Hash() {
			t.Errorf("%s does not survive JSON: %s (%v)", name, b, err)
		}
	}
	if h := CLIP224.Hash(); h != "f3179c80fdc66c494634ad4cecba1b0c78af2c635cdb55ec8ae5f4b244eee2dc" {
		t.Errorf("the hash of CLIP224 is %s: recordings that were made with it no longer match", h)
	}
	same := CLIP224
	same.Name, same.Grey16, same.Resize = "another name", HighByte, 224
	if same.Hash() != CLIP224.Hash() {
		t.Error("a name or a default written out changes the hash")
	}
	pct := ImageNet224
	pct.Resize, pct.CropPct = 0, 0.875
	if pct.Hash() != ImageNet224.Hash() {
		t.Error("256 and 224/.875 are one resize")
	}
	for i, change := range []func(*Spec){
		func(s *Spec) { s.Size-- }, func(s *Spec) { s.Resize = 256 }, func(s *Spec) { s.Interpolation = "bilinear" }, func(s *Spec) { s.Order = RGBFirst },
		func(s *Spec) { s.CropRounding = Floor }, func(s *Spec) { s.Grey16 = Clip }, func(s *Spec) { s.Squash = true }, func(s *Spec) { s.Mean[2] = math.Nextafter(s.Mean[2], 1) },
		func(s *Spec) { s.Std[0] = 0.3 },
	} {
		s := CLIP224
		change(&s)
		if s.Hash() == CLIP224.Hash() {
			t.Errorf("change %d does not change the hash", i)
		}
	}
}

func TestErrors(t *testing.T) {
	im := image.NewGray(image.Rect(0, 0, 4, 4))
	for says, change := range map[string]func(*Spec){
		"size 0":        func(s *Spec) { s.Size = 0 },
		"size 5000":     func(s *Spec) { s.Size = 5000 },
		"crop_pct 1.5":  func(s *Spec) { s.CropPct = 1.5 },
		"crop_pct NaN":  func(s *Spec) { s.CropPct = math.NaN() },
		"both resize":   func(s *Spec) { s.CropPct, s.Resize = 0.9, 256 },
		"crop of 224":   func(s *Spec) { s.Resize = 200 },
		"interpolation": func(s *Spec) { s.Interpolation = "cubic" },
		"order":         func(s *Spec) { s.Order = "" },
		"crop_rounding": func(s *Spec) { s.CropRounding = "up" },
		"grey16":        func(s *Spec) { s.Grey16 = "low-byte" },
		"mean":          func(s *Spec) { s.Mean[1] = math.Inf(1) },
		"std":           func(s *Spec) { s.Std[1] = 0 },
	} {
		s := CLIP224
		change(&s)
		for _, err := range []error{s.Validate(), s.Apply(nil, im), second(s.RGB(im))} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", says, err)
			}
		}
	}
	if err := CLIP224.Apply(make([]float32, 10), im); err == nil || !strings.Contains(err.Error(), "150528") {
		t.Errorf("a short destination: %v", err)
	}
	x := make([]float32, 3*224*224)
	if err := CLIP224.Apply(x, image.NewGray(image.Rect(0, 0, 0, 5))); err == nil || !strings.Contains(err.Error(), "no pixels") {
		t.Errorf("an empty picture: %v", err)
	}
	if err := CLIP224.Apply(x, nil); err == nil {
		t.Error("no picture is accepted")
	}
	if _, err := CLIP224.Picture(x[:9]); err == nil {
		t.Error("Picture takes nine values")
	}
	if err := CLIP224.Denormalise(x[:10]); err == nil {
		t.Error("Denormalise takes ten values")
	}
	if _, err := Named("clip"); err == nil || !strings.Contains(err.Error(), "clip224") {
		t.Errorf("an unknown preset: %v", err)
	}
	if s, err := Named("plain64"); err != nil || s != Plain(64) {
		t.Errorf("plain64: %v %v", s, err)
	}
}

func second(_ *image.RGBA, err error) error { return err }

// TestConcurrent: shared scratch memory does not mix pictures up.
func TestConcurrent(t *testing.T) {
	names := []string{"odd_345x251.png", "tall_230x500.png", "rgba.png", "palette.png", "grey16.png", "noise_251x341.png"}
	want := map[string]string{}
	for _, n := range names {
		want[n] = sum(t, CLIP224, open(t, n))
	}
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 6 {
				n := names[(g+i)%len(names)]
				if sum(t, CLIP224, open(t, n)) != want[n] {
					t.Errorf("%s comes out differently beside others", n)
				}
			}
		}()
	}
	wg.Wait()
}

// TestSubImage: a part of a picture is preprocessed like the same pixels alone.
func TestSubImage(t *testing.T) {
	all := photoLike()
	r := image.Rect(33, 21, 260, 190)
	part := all.SubImage(r)
	alone := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
	for y := range r.Dy() {
		for x := range r.Dx() {
			alone.SetRGBA(x, y, all.RGBAAt(r.Min.X+x, r.Min.Y+y))
		}
	}
	for _, s := range testSpecs() {
		if sum(t, s, part) != sum(t, s, alone) {
			t.Errorf("%s: a sub-image differs from a copy of it", s.Name)
		}
	}
}

func ExampleSpec_Apply() {
	im := image.NewGray(image.Rect(0, 0, 640, 480))
	for i := range im.Pix {
		im.Pix[i] = 128
	}
	x := make([]float32, 3*224*224)
	if err := CLIP224.Apply(x, im); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f %.4f %.4f\n", x[0], x[224*224], x[2*224*224])
	fmt.Println(CLIP224)
	// Output:
	// 0.0763 0.1689 0.3399
	// clip224: short side to 224 bicubic, crop 224 (half-even), resize-first, mean [0.48145466 0.4578275 0.40821073], std [0.26862954 0.26130258 0.27577711]
}
