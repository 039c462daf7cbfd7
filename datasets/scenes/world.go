package scenes

import (
	"math"
	"sort"

	"github.com/ventral-lab/ventral/internal/raster"
)

// The shapes, in the order of Shapes.
const (
	circle = iota
	square
	triangle
	rectangle
	star
	cross
	ring
	heart
	nShapes
)

var shapeNames = [nShapes]string{"circle", "square", "triangle", "rectangle", "star", "cross", "ring", "heart"}

var shapePlurals = [nShapes]string{"circles", "squares", "triangles", "rectangles", "stars", "crosses", "rings", "hearts"}

// shapeWeights favour the three shapes of the spatial-cells document, which the shipped models are judged by.
var shapeWeights = []float64{20, 16, 16, 10, 10, 9, 9, 10}

// The colours, in the order of Colours.
const (
	black = iota
	white
	gray
	red
	green
	blue
	yellow
	purple
	orange
	pink
	nColours
	unnamed = -1 // a background whose colour has no name here
)

var colourNames = [nColours]string{"black", "white", "gray", "red", "green", "blue", "yellow", "purple", "orange", "pink"}

// palette gives, for each colour, the ranges of hue (degrees), saturation and value from which its instances are
// drawn. The ranges are disjoint and leave gaps between neighbours in hue, so that a name is never in doubt.
var palette = [nColours]struct{ h0, h1, s0, s1, v0, v1 float64 }{
	black:  {0, 360, 0, 0.3, 0, 0.13},
	white:  {0, 360, 0, 0.03, 0.93, 1},
	gray:   {0, 360, 0, 0.05, 0.40, 0.62},
	red:    {352, 366, 0.82, 1, 0.72, 1},
	green:  {102, 144, 0.6, 1, 0.45, 0.88},
	blue:   {212, 240, 0.65, 1, 0.6, 1},
	yellow: {51, 60, 0.8, 1, 0.92, 1},
	purple: {270, 289, 0.55, 0.95, 0.5, 0.82},
	orange: {23, 34, 0.86, 1, 0.92, 1},
	pink:   {326, 344, 0.3, 0.5, 0.95, 1},
}

// The textures, in the order of Textures.
const (
	solid = iota
	striped
	dotted
	checkered
	outline
	nTextures
)

var textureNames = [nTextures]string{"solid", "striped", "dotted", "checkered", "outline"}

var textureAdjectives = [nTextures]string{"", "striped", "dotted", "checkered", "outlined"}

// The backgrounds, in the order of Backgrounds.
const (
	bgWhite    = iota // exactly white
	bgLight           // nearly white
	bgPlain           // one colour
	bgGradient        // from one colour to another
	bgNoisy           // one colour under noise
	bgBlobs           // blurred discs of several colours
	nBackgrounds
)

var backgroundNames = [nBackgrounds]string{"white", "light", "plain", "gradient", "noisy", "blobs"}

// The kinds of picture, in the order of Kinds.
const (
	kindSingle = iota
	kindSeveral
	kindWord
	kindWordShape
	kindEmpty
	nKinds
)

var kindNames = [nKinds]string{"single", "several", "word", "word+shape", "empty"}

var sizeNames = [3]string{"small", "medium", "large"}

// Radii of a figure in units of the frame, and the borders between small, medium and large.
const (
	minRadius   = 0.04
	maxRadius   = 0.40
	mediumFrom  = 0.10
	largeFrom   = 0.20
	minTextured = 0.12 // below this a texture has too few periods to be seen
)

func sizeOf(r float64) int {
	switch {
	case r < mediumFrom:
		return 0
	case r < largeFrom:
		return 1
	}
	return 2
}

var countWords = [4]string{"no", "one", "two", "three"}

// rowNames and columnNames make the nine names of a position; the middle one is "center".
var rowNames = [3]string{"top", "middle", "bottom"}

var columnNames = [3]string{"left", "center", "right"}

// positionName is the phrase for the ninth of the frame in which a centre lies.
func positionName(x, y float64) string {
	c, r := third(x), third(y)
	switch {
	case c == 1 && r == 1:
		return "in the center"
	case c == 1:
		return "at the " + rowNames[r]
	case r == 1:
		return "on the " + columnNames[c]
	}
	return "in the " + rowNames[r] + " " + columnNames[c]
}

func third(v float64) int {
	switch {
	case v < 1.0/3:
		return 0
	case v < 2.0/3:
		return 1
	}
	return 2
}

var relationNames = [4]string{"left of", "right of", "above", "below"}

// nouns are the common words that are written in pictures, besides the names of the shapes and colours.
var nouns = []string{
	"apple", "banana", "bread", "cake", "candy", "cheese", "coffee", "cookie", "corn", "egg", "fish", "grape", "honey",
	"juice", "lemon", "milk", "onion", "pasta", "pizza", "rice", "salad", "soup", "sugar", "water", "bear", "bee",
	"bird", "cat", "cow", "dog", "duck", "fox", "frog", "goat", "horse", "lion", "monkey", "mouse", "pig", "rabbit",
	"shark", "sheep", "snake", "tiger", "turtle", "wolf", "zebra", "arm", "eye", "face", "foot", "hand", "head", "nose",
	"baby", "boy", "girl", "king", "queen", "bag", "ball", "bed", "bell", "book", "bottle", "bowl", "box", "bus",
	"camera", "candle", "car", "chair", "clock", "coat", "cup", "desk", "door", "drum", "fork", "guitar", "hat",
	"house", "key", "knife", "lamp", "phone", "piano", "plane", "ship", "shirt", "shoe", "spoon", "table", "train",
	"truck", "window", "beach", "cloud", "fire", "flower", "forest", "garden", "lake", "moon", "mountain", "river",
	"road", "snow", "sun", "tree",
}

// words is nouns, then the colours, then the shapes.
var words = append(append(append([]string(nil), nouns...), colourNames[:]...), shapeNames[:]...)

// heldOutShape[c] is the shape that never appears in colour c in the train, val and test splits. Every colour is held
// out once; black and the three shapes of the document stay together, because that is what they are judged by.
var heldOutShape = [nColours]int{
	black: star, white: ring, gray: ring, red: star, green: triangle, blue: rectangle, yellow: cross,
	purple: circle, orange: square, pink: heart,
}

func heldOutPair(shape, colour int) bool {
	return colour >= 0 && colour < nColours && heldOutShape[colour] == shape
}

// heldOutInk[w] is the ink in which word w is never written in those splits: (3w + ink) = 0 (mod 11), which
// gives every ink to about every eleventh word and no ink to the rest.
func heldOutInk(word, ink int) bool { return (3*word+ink)%11 == 0 }

// Shapes are the names of the shapes.
func Shapes() []string { return append([]string(nil), shapeNames[:]...) }

// Colours are the names of the colours.
func Colours() []string { return append([]string(nil), colourNames[:]...) }

// Textures are the names of the textures.
func Textures() []string { return append([]string(nil), textureNames[:]...) }

// Backgrounds are the names of the kinds of background.
func Backgrounds() []string { return append([]string(nil), backgroundNames[:]...) }

// Kinds are the names of the kinds of picture.
func Kinds() []string { return append([]string(nil), kindNames[:]...) }

// Words are the words that are written in pictures: common nouns, then the colours, then the shapes.
func Words() []string { return append([]string(nil), words...) }

// HeldOut tells whether a shape in a colour never occurs in the splits train, val and test. Names that are not in Shapes
// and Colours are not held out.
func HeldOut(shape, colour string) bool {
	return heldOutPair(index(shapeNames[:], shape), index(colourNames[:], colour))
}

// HeldOutInk tells whether a word in an ink never occurs in the splits train, val and test.
func HeldOutInk(word, ink string) bool {
	w, c := index(words, word), index(colourNames[:], ink)
	return w >= 0 && c >= 0 && heldOutInk(w, c)
}

// Vocabulary is every word that a caption can contain, sorted: what a word-level tokenizer needs.
func Vocabulary() []string {
	set := map[string]bool{}
	add := func(list ...string) {
		for _, w := range list {
			set[w] = true
		}
	}
	add(words...)
	add(shapePlurals[:]...)
	add(textureAdjectives[1:]...)
	add(sizeNames[:]...)
	add(countWords[2:]...)
	add(rowNames[:]...)
	add(columnNames[:]...)
	add("a", "an", "the", "of", "in", "on", "at", "and", "with", "left", "right", "above", "below", "picture", "image",
		"drawing", "photo", "background", "gradient", "noisy", "blurry", "empty", "blank", "plain", "nothing", "it",
		"word", "text", "sign", "that", "says", "written", "letters", "big", "tiny", "bold", "light", "noise", "shape")
	delete(set, "")
	out := make([]string, 0, len(set))
	for w := range set {
		out = append(out, w)
	}
	sort.Strings(out)
	return out
}

func index(list []string, s string) int {
	for i, v := range list {
		if v == s {
			return i
		}
	}
	return -1
}

// The unit outlines have area pi, the area of the disc of radius 1, so that a figure's radius says how much of the frame
// it covers whatever its shape: area alone never tells the shapes apart. Origin at the centroid, y down.
var unitOutline = func() [nShapes][]raster.Point {
	var u [nShapes][]raster.Point
	u[square] = []raster.Point{{X: -1, Y: -1}, {X: 1, Y: -1}, {X: 1, Y: 1}, {X: -1, Y: 1}}
	u[triangle] = regular(3, 1)
	star5 := make([]raster.Point, 10)
	for i := range star5 {
		// Inner to outer radius of the pentagram: (3 - sqrt 5) / 2.
		r := 1.0
		if i%2 == 1 {
			r = 0.42
		}
		s, c := sincos(float64(i) * math.Pi / 5)
		star5[i] = raster.Point{X: float64(r * s), Y: -float64(r * c)}
	}
	u[star] = star5
	const a = 1.0 / 3
	u[cross] = []raster.Point{{X: -a, Y: -1}, {X: a, Y: -1}, {X: a, Y: -a}, {X: 1, Y: -a}, {X: 1, Y: a}, {X: a, Y: a},
		{X: a, Y: 1}, {X: -a, Y: 1}, {X: -a, Y: a}, {X: -1, Y: a}, {X: -1, Y: -a}, {X: -a, Y: -a}}
	const n = 44
	h := make([]raster.Point, n)
	for i := range h {
		// The common heart curve x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t.
		t := 2 * math.Pi * float64(i) / n
		s, c := sincos(t)
		_, c2 := sincos(2 * t)
		_, c3 := sincos(3 * t)
		_, c4 := sincos(4 * t)
		h[i] = raster.Point{X: float64(16 * float64(s*float64(s*s))), Y: -(float64(13*c) - float64(5*c2) - float64(2*c3) - c4)}
	}
	u[heart] = h
	for i, p := range u {
		if p != nil {
			u[i] = normalise(p)
		}
	}
	return u
}()

func regular(n int, r float64) []raster.Point {
	p := make([]raster.Point, n)
	for i := range p {
		s, c := sincos(2 * math.Pi * float64(i) / float64(n))
		p[i] = raster.Point{X: float64(r * s), Y: -float64(r * c)}
	}
	return p
}

// normalise scales a polygon to area pi and moves its centroid to the origin.
func normalise(p []raster.Point) []raster.Point {
	var a, cx, cy float64
	for i, v := range p {
		w := p[(i+1)%len(p)]
		d := float64(v.X*w.Y) - float64(w.X*v.Y)
		a += d / 2
		cx += float64((v.X + w.X) * d)
		cy += float64((v.Y + w.Y) * d)
	}
	cx, cy = cx/(6*a), cy/(6*a)
	s := math.Sqrt(math.Pi / math.Abs(a))
	out := make([]raster.Point, len(p))
	for i, v := range p {
		out[i] = raster.Point{X: grid(float64((v.X - cx) * s)), Y: grid(float64((v.Y - cy) * s))}
	}
	return out
}

// sincos is math.Sincos rounded to 2^-30, so that a last bit that differs between platforms does not.
func sincos(a float64) (s, c float64) {
	s, c = math.Sincos(a)
	return grid(s), grid(c)
}

func grid(v float64) float64 { return math.Round(v*(1<<30)) / (1 << 30) }

// reach is the radius of the circle round a figure of radius 1 and the given aspect.
func reach(shape int, aspect float64) float64 {
	switch shape {
	case circle:
		return 1
	case ring:
		return ringOuter(aspect)
	case rectangle:
		w, h := rectangleSides(aspect)
		return math.Sqrt(float64(w*w)+float64(h*h)) / 2
	}
	m := 0.0
	for _, p := range unitOutline[shape] {
		m = max(m, float64(p.X*p.X)+float64(p.Y*p.Y))
	}
	return math.Sqrt(m)
}

// ringOuter is the outer radius of a ring of area pi whose hole is hole times as wide as the ring.
func ringOuter(hole float64) float64 { return 1 / math.Sqrt(1-float64(hole*hole)) }

// rectangleSides are the sides of a rectangle of area pi that is aspect times as wide as high.
func rectangleSides(aspect float64) (w, h float64) {
	return math.Sqrt(math.Pi * aspect), math.Sqrt(math.Pi / aspect)
}
