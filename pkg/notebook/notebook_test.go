package notebook

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/ventral-lab/ventral/pkg/figure"
)

// fake is a notebook that keeps what it is sent.
type fake struct {
	sent []bundle
	err  error
}

func (f *fake) notebook() bool { return true }
func (f *fake) send(b bundle, _ string) error {
	f.sent = append(f.sent, b)
	return f.err
}

// outside is no notebook.
type outside struct{}

func (outside) notebook() bool            { return false }
func (outside) send(bundle, string) error { return errors.New("there is no notebook") }

// place puts the test into a notebook or outside one, with results going to dir ("" = VENTRAL_OUT is not set).
func place(t *testing.T, f front, dir string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	oldOut, oldStdout := out, stdout
	out, stdout = f, func() io.Writer { return &b }
	t.Cleanup(func() { out, stdout = oldOut, oldStdout })
	t.Setenv(outVariable, dir)
	return &b
}

func line(t testing.TB, name string, n int) *figure.Figure {
	t.Helper()
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i], y[i] = float64(i), math.Sin(float64(i)/7)
	}
	f, err := figure.Lines(figure.LinesOptions{Meta: figure.Meta{Name: name, Title: "A sine", Caption: "made of mlp.c_fc * 2"}, Series: []figure.Series{{X: x, Y: y}}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// cloud is a figure whose SVG is larger than a notebook should hold.
func cloud(t testing.TB, n int) *figure.Figure {
	t.Helper()
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i], y[i] = math.Mod(float64(i)*0.618034, 1), math.Mod(float64(i)*0.754878, 1)
	}
	f, err := figure.Scatter(figure.ScatterOptions{Meta: figure.Meta{Name: "cloud"}, Points: []figure.PointSet{{X: x, Y: y}}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A figure in a notebook is a picture in three forms, small enough, with its caption below.
func TestShowInNotebook(t *testing.T) {
	n := &fake{}
	place(t, n, "")
	t.Chdir(t.TempDir())
	if err := Show(line(t, "sine", 50), cloud(t, 2000)); err != nil {
		t.Fatal(err)
	}
	if len(n.sent) != 3 {
		t.Fatalf("%d pieces of output", len(n.sent))
	}
	raster, ok := n.sent[0][protocol.MIMEImagePNG].([]byte)
	if !ok || !bytes.HasPrefix(raster, []byte("\x89PNG")) {
		t.Error("no PNG")
	}
	vector, ok := n.sent[0][protocol.MIMEImageSVG].(string)
	if !ok || xml.Unmarshal([]byte(vector), new(struct{})) != nil {
		t.Error("no SVG, or not well-formed")
	}
	if text := n.sent[0][protocol.MIMETextPlain]; text != "sine\nA sine\nmade of mlp.c_fc * 2" {
		t.Errorf("in words: %q", text)
	}
	if md := n.sent[1][protocol.MIMETextMarkdown]; md != `*made of mlp.c\_fc \* 2*` {
		t.Errorf("caption %q", md)
	}
	if _, ok := n.sent[2][protocol.MIMEImageSVG]; ok {
		t.Error("an SVG of 2000 symbols is in the notebook")
	}
	for i, b := range n.sent {
		if s := size(b); s > figureBudget+1024 {
			t.Errorf("output %d has %d bytes", i, s)
		}
	}
	if files, _ := os.ReadDir("."); len(files) != 0 {
		t.Errorf("%d files were written though VENTRAL_OUT is not set", len(files))
	}
}

// size is what a bundle adds to the notebook's file.
func size(b bundle) int {
	n := 0
	for _, v := range b {
		switch v := v.(type) {
		case []byte:
			n += base64.StdEncoding.EncodedLen(len(v))
		case string:
			n += len(v)
		}
	}
	return n
}

// A picture whose pixels do not compress is shown with fewer of them.
func TestBudgetLowersResolution(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 900, 500))
	s := uint32(1)
	for i := range m.Pix {
		s = s*1664525 + 1013904223 // any noise will do
		m.Pix[i] = uint8(s >> 24)
	}
	f, err := figure.Images(figure.ImagesOptions{Meta: figure.Meta{Name: "noise", Width: figure.DoubleColumn}, Pictures: [][]figure.Picture{{{Image: m}}}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := figureBundle(f)
	if err != nil {
		t.Fatal(err)
	}
	raster := b[protocol.MIMEImagePNG].([]byte)
	c, err := png.DecodeConfig(bytes.NewReader(raster))
	if err != nil {
		t.Fatal(err)
	}
	if c.Width > 793 { // 183 mm at 110 dpi
		t.Errorf("%d pixels wide, %d bytes", c.Width, len(raster))
	}
	if _, ok := b[protocol.MIMEImageSVG]; ok {
		t.Error("the SVG does not fit and is there")
	}
}

// Executed by a program, a notebook's figures are saved as well as shown.
func TestShowHeadless(t *testing.T) {
	n := &fake{}
	dir := t.TempDir()
	place(t, n, dir)
	if Interactive() {
		t.Error("interactive though VENTRAL_OUT is set")
	}
	if err := Show(line(t, "sine", 50)); err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{"png", "svg", "pdf", "csv", "json"} {
		if _, err := os.Stat(filepath.Join(dir, "figures", "sine."+ext)); err != nil {
			t.Error(err)
		}
	}
	if len(n.sent) != 2 {
		t.Errorf("%d pieces of output", len(n.sent))
	}
	t.Setenv(outVariable, "")
	if !Interactive() {
		t.Error("not interactive in a notebook without VENTRAL_OUT")
	}
}

// Outside a notebook, figures and pictures are files whose paths are printed.
func TestShowOutside(t *testing.T) {
	text := place(t, outside{}, "")
	t.Chdir(t.TempDir())
	if Interactive() {
		t.Error("interactive outside a notebook")
	}
	if err := Show(line(t, "sine", 50)); err != nil {
		t.Fatal(err)
	}
	m := image.NewGray(image.Rect(0, 0, 3, 2))
	m.SetGray(1, 1, color.Gray{Y: 9})
	if err := ShowImage(m, "three by two"); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^figure sine: out/figures/sine.png \(and 4 files beside it\)\npicture three by two: (out/figures/image-[0-9a-f]{8}.png)\n$`)
	got := want.FindStringSubmatch(filepath.ToSlash(text.String()))
	if got == nil {
		t.Fatalf("printed %q", text)
	}
	b, err := os.ReadFile(got[1])
	if err != nil {
		t.Fatal(err)
	}
	if p, err := png.Decode(bytes.NewReader(b)); err != nil || p.Bounds() != m.Bounds() {
		t.Errorf("the picture came back as %v (%v)", p, err)
	}
}

func TestShowErrors(t *testing.T) {
	place(t, &fake{err: errors.New("pipe closed")}, "")
	f := line(t, "sine", 5)
	for name, err := range map[string]error{
		"nil figure": Show(f, nil), "no pixels": ShowImage(image.NewGray(image.Rectangle{}), ""), "nil picture": ShowImage(nil, ""),
		"pipe": Show(f), "pipe for text": Markdown("x"), "pipe for a table": Table([]string{"a"}, nil, ""), "ragged table": Table([]string{"a"}, [][]string{{"1", "2"}}, "t"),
		"labels": Frames("f", []string{"a"}, nil), "nil frame": Frames("f", []string{"a"}, []*figure.Figure{nil}), "pipe for frames": Frames("f", []string{"a"}, []*figure.Figure{f}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	place(t, outside{}, file)
	if Show(f) == nil || ShowImage(image.NewGray(image.Rect(0, 0, 1, 1)), "") == nil || Frames("f", []string{"a"}, []*figure.Figure{f}) == nil {
		t.Error("wrote below a file")
	}
}

func TestTableForms(t *testing.T) {
	n := &fake{}
	place(t, n, "")
	header := []string{"module", "p", "n"}
	rows := [][]string{{"mlp.c_fc", "0.96 ± 0.01", "12"}, {"a|b <i>", "−0.5", "–"}}
	if err := Table(header, rows, "Lesions & more"); err != nil {
		t.Fatal(err)
	}
	b := n.sent[0]
	page := b[protocol.MIMETextHTML].(string)
	d := xml.NewDecoder(strings.NewReader(page))
	cells := 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok && (e.Name.Local == "td" || e.Name.Local == "th") {
			cells++
		}
	}
	if cells != 9 || !strings.Contains(page, "a|b &lt;i&gt;") || !strings.Contains(page, `<td style="text-align:right">−0.5</td>`) {
		t.Errorf("%d cells in %s", cells, page)
	}
	wantMarkdown := "**Lesions & more**\n\n| module | p | n |\n|:---|---:|---:|\n| mlp.c\\_fc | 0.96 ± 0.01 | 12 |\n| a\\|b \\<i\\> | −0.5 | – |\n"
	if b[protocol.MIMETextMarkdown] != wantMarkdown {
		t.Errorf("Markdown\n%s", b[protocol.MIMETextMarkdown])
	}
	wantPlain := "Lesions & more\n" +
		"module              p   n\n" +
		"─────────────────────────\n" +
		"mlp.c_fc  0.96 ± 0.01  12\n" +
		"a|b <i>          −0.5   –\n"
	if b[protocol.MIMETextPlain] != wantPlain {
		t.Errorf("plain\n%s", b[protocol.MIMETextPlain])
	}
}

// A slider holds all frames, no control without its script, and nothing that a label could break out of.
func TestFrames(t *testing.T) {
	n := &fake{}
	place(t, n, "")
	var figs []*figure.Figure
	labels := []string{"layer 0", `</script><b>"`, "layer 2"}
	for i := range labels {
		figs = append(figs, line(t, fmt.Sprintf("f%d", i), 40+10*i))
	}
	if err := Frames("Sines & <layers>", labels, figs); err != nil {
		t.Fatal(err)
	}
	page := n.sent[0][protocol.MIMETextHTML].(string)
	still, script, ok := strings.Cut(page, "<script>")
	if !ok || strings.Count(page, "</script>") != 1 {
		t.Fatalf("a label ends the script: %.300s", page)
	}
	if strings.Count(still, "<img") != 1 || strings.Contains(still, "<input") || !strings.Contains(still, "Sines &amp; &lt;layers&gt;") {
		t.Errorf("without its script the page is %.300s", still)
	}
	for i, f := range figs {
		b, err := f.PNG(screenDPI[0])
		if err != nil {
			t.Fatal(err)
		}
		where := script
		if i == 0 {
			where = still
		}
		if strings.Count(where, base64.StdEncoding.EncodeToString(b)) != 1 {
			t.Errorf("frame %d is not there once", i)
		}
	}
	for _, bad := range []string{"http:", "https:", "import(", "fetch("} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if size(n.sent[0]) > framesBudget {
		t.Errorf("%d bytes", size(n.sent[0]))
	}
}

// TestFramesSwitch: every figure of both lists is in the page once, and what stands behind the box is after the others.
func TestFramesSwitch(t *testing.T) {
	n := &fake{}
	place(t, n, "")
	labels := []string{"block 0", "block 1"}
	var figs, others []*figure.Figure
	for i := range labels {
		figs, others = append(figs, line(t, fmt.Sprintf("a%d", i), 40+10*i)), append(others, line(t, fmt.Sprintf("b%d", i), 70+10*i))
	}
	if err := FramesSwitch("Maps", labels, figs, "random </script>weights", others); err != nil {
		t.Fatal(err)
	}
	page := n.sent[0][protocol.MIMETextHTML].(string)
	still, _, _ := strings.Cut(page, "<script>")
	if strings.Count(page, "</script>") != 1 || strings.Contains(still, "<input") {
		t.Errorf("the name of the box ends the script, or the control is there without it: %.300s", page)
	}
	at := -1
	for i, f := range append(figs, others...) {
		b, err := f.PNG(screenDPI[0])
		if err != nil {
			t.Fatal(err)
		}
		where := strings.Index(page, base64.StdEncoding.EncodeToString(b))
		if where <= at {
			t.Errorf("figure %d is missing, or out of order", i)
		}
		at = where
	}
	if size(n.sent[0]) > framesBudget {
		t.Errorf("%d bytes", size(n.sent[0]))
	}
	if FramesSwitch("Maps", labels, figs, "random weights", others[:1]) == nil || FramesSwitch("Maps", labels, figs, "", others) == nil {
		t.Error("another number of figures behind the box, and a box without a name, are no errors")
	}
}

func TestFramesOutside(t *testing.T) {
	text := place(t, outside{}, t.TempDir())
	if err := Frames("Rate maps, layer by layer", []string{"0"}, []*figure.Figure{line(t, "f0", 10)}); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimSpace(strings.TrimPrefix(text.String(), "frames Rate maps, layer by layer: "))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(path) != "rate-maps-layer-by-layer.html" || !bytes.HasPrefix(b, []byte("<!DOCTYPE html>\n<meta charset=\"utf-8\">")) {
		t.Errorf("%s begins %.60s", path, b)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "f0.json")); err != nil {
		t.Errorf("with VENTRAL_OUT set the frames are not saved: %v", err)
	}
}

func TestMustAndCheck(t *testing.T) {
	var text bytes.Buffer
	code := -1
	oldExit, oldErr := exit, stderr
	exit, stderr = func(c int) { code = c }, func() io.Writer { return &text }
	defer func() { exit, stderr = oldExit, oldErr }()
	if got := Must(3, nil); got != 3 || code != -1 || text.Len() != 0 {
		t.Errorf("Must(3, nil) is %d, status %d, %q", got, code, &text)
	}
	Check(errors.Join(errors.New("figure lesion: no series"), errors.New("disk full")))
	if want := "This cell stopped:\n  figure lesion: no series\n  disk full\n"; code != 1 || text.String() != want {
		t.Errorf("status %d, %q", code, &text)
	}
}
