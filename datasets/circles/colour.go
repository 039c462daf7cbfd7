package circles

import (
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
)

// palette holds the colours with a name.
var palette = map[string][3]uint8{
	"black": {0, 0, 0}, "white": {255, 255, 255}, "gray": {128, 128, 128}, "red": {255, 0, 0}, "green": {0, 160, 0},
	"blue": {0, 0, 255}, "yellow": {255, 255, 0}, "purple": {128, 0, 160}, "orange": {255, 140, 0}, "pink": {255, 150, 190},
}

// Colours are the names of colours, sorted. Any other colour can be written RRGGBB, in hexadecimal.
func Colours() []string {
	names := make([]string, 0, len(palette))
	for n := range palette {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// colour resolves a name or RRGGBB and returns its canonical spelling.
func colour(s, otherwise string) (string, [3]uint8, error) {
	if s == "" {
		s = otherwise
	}
	if c, ok := palette[s]; ok {
		return s, c, nil
	}
	var c [3]uint8
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 3 {
		return "", c, fmt.Errorf("circles: colour %q: it is one of %s, or RRGGBB in hexadecimal", s, strings.Join(Colours(), ", "))
	}
	copy(c[:], b)
	return strings.ToLower(s), c, nil
}

// luma is the Rec. 601 luma, 0..1.
func luma(c [3]uint8) float64 {
	return float64(299*int(c[0])+587*int(c[1])+114*int(c[2])) / 255000
}
