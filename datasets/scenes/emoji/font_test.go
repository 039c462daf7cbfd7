package emoji

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// b builds tables.
type b struct{ bytes.Buffer }

func (w *b) u8(v ...int) *b {
	for _, x := range v {
		w.WriteByte(byte(x))
	}
	return w
}

func (w *b) u16(v ...int) *b {
	for _, x := range v {
		binary.Write(w, binary.BigEndian, uint16(x))
	}
	return w
}

func (w *b) u32(v ...int) *b {
	for _, x := range v {
		binary.Write(w, binary.BigEndian, uint32(x))
	}
	return w
}

func (w *b) raw(s string) *b {
	w.WriteString(s)
	return w
}

// picture is what stands for the PNG of a glyph: the reader never looks inside.
func picture(glyph int) string { return fmt.Sprintf("picture of glyph %d", glyph) }

// image is a glyph's entry in CBDT.
func image(format, glyph int) string {
	w := &b{}
	switch format {
	case 17:
		w.u8(1, 2, 3, 4, 5)
	case 18:
		w.u8(1, 2, 3, 4, 5, 6, 7, 8)
	}
	return w.u32(len(picture(glyph))).raw(picture(glyph)).String()
}

// strike builds CBLC and CBDT for glyphs 1 to 4 with one index and image format.
func strike(index, format int) (cblc, cbdt string) {
	data := (&b{}).u16(3, 0)
	var at []int
	for g := 1; g <= 4; g++ {
		at = append(at, data.Len()-4)
		data.raw(image(format, g))
	}
	at = append(at, data.Len()-4)
	size := at[1] - at[0]
	sub := (&b{}).u16(index, format).u32(4)
	switch index {
	case 1:
		sub.u32(at...)
	case 2:
		sub.u32(size).u8(0, 0, 0, 0, 0, 0, 0, 0)
	case 3:
		sub.u16(at...)
	case 4:
		sub.u32(4)
		for g := 1; g <= 4; g++ {
			sub.u16(g, at[g-1])
		}
		sub.u16(0, at[4])
	case 5:
		sub.u32(size).u8(0, 0, 0, 0, 0, 0, 0, 0).u32(4).u16(1, 2, 3, 4)
	}
	head := (&b{}).u16(3, 0).u32(1)
	head.u32(8+48, 8+sub.Len(), 1, 0).raw(string(make([]byte, 24))).u16(1, 4).u8(136, 128, 32, 1)
	head.u16(1, 4).u32(8).raw(sub.String())
	return head.String(), data.String()
}

// cmap12 maps A to D to glyphs 1 to 4.
func cmap12() string {
	return (&b{}).u16(0, 2, 3, 1).u32(20).u16(3, 10).u32(24).u16(4, 4).u16(12, 0).u32(16+24, 0, 2, 'A', 'B', 1, 'C', 'D', 3).String()
}

// gsub joins glyphs 1 2 to 3, and 1 2 3 to 4; extended wraps the lookup in type 7; ranges uses the second form of coverage.
func gsub(extended, ranges bool) string {
	lig := &b{}
	lig.u16(1, 8+26, 1, 8) // format, coverage, one set at 8
	lig.u16(2, 6, 12)      // set: two ligatures
	lig.u16(3, 2, 2)       // 1 2 -> 3
	lig.u16(4, 3, 2, 3)    // 1 2 3 -> 4
	lig.u16(0, 0, 0)
	if ranges {
		lig.u16(2, 1, 1, 1, 0)
	} else {
		lig.u16(1, 1, 1)
	}
	w := (&b{}).u16(1, 0, 0, 0, 10).u16(1, 4)
	if extended {
		return w.u16(7, 0, 1, 8).u16(1, 4).u32(8).raw(lig.String()).String()
	}
	return w.u16(4, 0, 1, 8).raw(lig.String()).String()
}

type table1 struct{ name, data string }

func font(tables ...table1) []byte {
	w := (&b{}).raw("\x00\x01\x00\x00").u16(len(tables), 0, 0, 0)
	at := 12 + 16*len(tables)
	for _, t := range tables {
		w.raw(t.name).u32(0, at, len(t.data))
		at += len(t.data)
	}
	for _, t := range tables {
		w.raw(t.data)
	}
	return w.Bytes()
}

func whole(index, format int, extended, ranges bool) []byte {
	cblc, cbdt := strike(index, format)
	return font(table1{"CBDT", cbdt}, table1{"CBLC", cblc}, table1{"GSUB", gsub(extended, ranges)}, table1{"cmap", cmap12()})
}

// Every index format and image format gives the pictures that were put in; sequences go through the ligatures.
func TestFormats(t *testing.T) {
	for index := 1; index <= 5; index++ {
		for format := 17; format <= 19; format++ {
			f, err := Parse(whole(index, format, format == 18, index%2 == 0))
			if err != nil {
				t.Fatalf("index format %d, image format %d: %v", index, format, err)
			}
			for text, glyph := range map[string]int{"A": 1, "B": 2, "C": 3, "D\ufe0f": 4, "AB": 3, "ABC": 4} {
				if p, err := f.PNG(text); err != nil || string(p) != picture(glyph) {
					t.Errorf("index format %d, image format %d: %q is %q, %v", index, format, text, p, err)
				}
			}
			for _, text := range []string{"", "E", "BA", "AA", "ABCD", "\ufe0f"} {
				if p, err := f.PNG(text); !errors.Is(err, ErrMissing) {
					t.Errorf("index format %d: %q is %q, %v", index, text, p, err)
				}
			}
		}
	}
}

func TestErrors(t *testing.T) {
	cblc, cbdt := strike(1, 17)
	for name, data := range map[string][]byte{
		"empty":      nil,
		"text":       []byte("not a font at all, only some text"),
		"no cmap":    font(table1{"CBDT", cbdt}, table1{"CBLC", cblc}),
		"no bitmaps": font(table1{"cmap", cmap12()}),
		"no strike":  font(table1{"CBDT", cbdt}, table1{"CBLC", (&b{}).u16(3, 0).u32(0).String()}, table1{"cmap", cmap12()}),
		"old cmap":   font(table1{"CBDT", cbdt}, table1{"CBLC", cblc}, table1{"cmap", (&b{}).u16(0, 1, 3, 1).u32(12).u16(4, 4).String()}),
		"many groups": font(table1{"CBDT", cbdt}, table1{"CBLC", cblc},
			table1{"cmap", (&b{}).u16(0, 1, 3, 10).u32(12).u16(12, 0).u32(16, 0, 0x7fffffff).String()}),
		"many subtables": font(table1{"CBDT", cbdt}, table1{"CBLC", (&b{}).u16(3, 0).u32(1, 56, 8, 0x7fffffff, 0).raw(string(make([]byte, 40))).String()}, table1{"cmap", cmap12()}),
	} {
		if _, err := Parse(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Parse(make([]byte, maxFont+1)); err == nil {
		t.Error("a font of 64 MB is read")
	}
	// Image formats without PNG, and images longer than the table.
	c, d := strike(1, 9)
	f, err := Parse(font(table1{"CBDT", d}, table1{"CBLC", c}, table1{"cmap", cmap12()}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.PNG("A"); err == nil || errors.Is(err, ErrMissing) {
		t.Errorf("image format 9: %v", err)
	}
	f, err = Parse(font(table1{"CBDT", cbdt[:9]}, table1{"CBLC", cblc}, table1{"cmap", cmap12()}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.PNG("D"); err == nil {
		t.Error("an image beyond the end of CBDT")
	}
}

// read asks a font for everything it might have; it must not panic.
func read(data []byte) {
	f, err := Parse(data)
	if err != nil {
		return
	}
	for _, text := range []string{"A", "B", "C", "D", "AB", "ABC", "ABCD", "\U0001f1e6\U0001f1f7", "\U0010ffff"} {
		p, err := f.PNG(text)
		if err == nil && len(p) > len(data) {
			panic("a picture longer than the font")
		}
	}
}

// A font cut off anywhere, or with any byte changed, is an error or another font, never a panic.
func TestDamagedFonts(t *testing.T) {
	for index := 1; index <= 5; index++ {
		data := whole(index, 17, index == 3, index == 4)
		for n := range data {
			read(data[:n])
			for _, v := range []byte{0, 1, 0x7f, 0xff} {
				bad := append([]byte(nil), data...)
				bad[n] = v
				read(bad)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for index := 1; index <= 5; index++ {
		f.Add(whole(index, 16+index%3+1, index == 2, index == 4))
	}
	f.Fuzz(func(t *testing.T, data []byte) { read(data) })
}

// The committed corpus is what the builder makes: it does not go stale unseen.
func TestCorpus(t *testing.T) {
	for index := 1; index <= 5; index++ {
		want := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", whole(index, 17, index == 3, index == 4))
		path := filepath.Join("testdata", "fuzz", "FuzzParse", fmt.Sprintf("index%d", index))
		if os.Getenv("UPDATE_CORPUS") != "" {
			os.MkdirAll(filepath.Dir(path), 0o755)
			os.WriteFile(path, []byte(want), 0o644)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is not what the builder makes (UPDATE_CORPUS=1 writes it): %v", path, err)
		}
	}
}

func ExampleFont_PNG() {
	f, err := Parse(whole(1, 17, false, false)) // a font of four glyphs, A to D, in which AB is a ligature
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := f.PNG("AB")
	fmt.Printf("%s, %v\n", p, err)
	_, err = f.PNG("E")
	fmt.Println(err)
	// Output:
	// picture of glyph 3, <nil>
	// emoji: U+0045: no bitmap in the font
}
