package scenes

// Latents is everything a picture of the second world was drawn from. Lengths and places are in units of the frame (its side is 1),
// x to the right, y down, from the upper left corner; angles are in degrees, clockwise.
type Latents struct {
	// Kind is one of WorldKinds: what sort of picture it is.
	Kind string
	// Background is white, light, plain, gradient, noisy or blobs, or a place: indoor, street, nature, sea, sky.
	Background string
	// BackgroundColour is its colour, where it is one colour with a name.
	BackgroundColour string
	// Items are the things in the picture, from back to front. Captions, masks and labels number them alike.
	Items []Item
	// Relation says where Items[0] lies from Items[1]: left of, right of, above, below or behind; empty for other layouts.
	Relation string
	// Nuisance is what was done to the picture as a whole.
	Nuisance Nuisance
	// HeldOut tells whether the picture has a combination that the splits train, val and test never show.
	HeldOut bool
	// Caption is what somebody might say of it.
	Caption string
}

// Item is one thing in a picture.
type Item struct {
	// Category is object, face, flag, map, character, shape or word.
	Category string
	// Name is the class within the category: the object, the expression (face), the region (flag, map), the character, the shape, the word in lower case.
	Name string
	// Group is the kind of object: animal, food, plant, sky, vehicle, thing, building, body; empty for what is no object.
	Group string
	// Style is the way of being shown: art, silhouette, line or word; shapes are art.
	Style string
	// Variant tells drawings of one class apart: 0, 1, ... for those of the font, -1 for icons and for faces drawn from strokes.
	Variant int
	// Colour is the name of its one colour; empty for things in colours of their own.
	Colour string
	// RGB is that colour; the mean of the paints for things in colours of their own.
	RGB [3]uint8
	// Texture is solid, striped, dotted, checkered or outline for shapes and silhouettes; empty else.
	Texture string
	// Expression of a face or a character; empty else.
	Expression string
	// Zoom is the magnification of a map: 1 shows the whole world in its width; 0 for what is no map.
	Zoom float64
	// X and Y are the middle of its box before turning (of a shape: its centroid).
	X, Y float64
	// Scale is the longer side of its box before turning (words: the width; shapes: the diameter of the disc of the same area).
	Scale float64
	// Width and Height are the sides of its box before turning.
	Width, Height float64
	// Rotation is its turn, 0 to 360.
	Rotation float64
	// Flip tells that left and right are exchanged.
	Flip bool
	// Saturation of art: 1 as it is, 0 gray.
	Saturation float64
	// Font and Case (lower, upper, title) of a word.
	Font, Case string
	// Plate tells that a word or line drawing stands on a plate of its own, of colour PlateRGB.
	Plate    bool
	PlateRGB [3]uint8
}

// Nuisance is what a camera and the light do to a picture. Zero values mean nothing was done.
type Nuisance struct {
	Noise      float64 // standard deviation of noise in 8-bit levels, 0..20
	Blur       float64 // standard deviation of a Gaussian blur in frames, 0..0.03
	Contrast   float64 // factor of the contrast about middle gray, less 1: -0.6..0.4
	Brightness float64 // added to every level, in 8-bit levels, -60..60
	Shadow     float64 // share of the light that is taken where the shadow is deepest, 0..0.7
	ShadowX    float64 // direction of the shadow's side, a unit vector ...
	ShadowY    float64
	ShadowAt   float64 // ... and where along it the border of the shadow lies, in frames from the middle
}

// The kinds of picture of the second world, in the order of WorldKinds.
const (
	wkObject = iota
	wkObjects
	wkWord
	wkObjectWord
	wkFace
	wkRegion
	wkCharacter
	wkFigure
	wkFigures
	wkEmpty
	nWorldKinds
)

var worldKindNames = [nWorldKinds]string{"object", "objects", "word", "object+word", "face", "region", "character", "figure", "figures", "empty"}

// WorldKinds are the names of the kinds of picture of the second world. Figures are the shapes of the first world.
func WorldKinds() []string { return append([]string(nil), worldKindNames[:]...) }

// The categories of items.
const (
	catObject = iota
	catFace
	catFlag
	catMap
	catCharacter
	catWord
	catShape // in Latents alone: shapes are drawn by the first world
	nCategories
)

var categoryNames = [nCategories]string{"object", "face", "flag", "map", "character", "word", "shape"}

// The ways of being shown.
const (
	styleArt = iota
	styleSilhouette
	styleLine
	styleWord
	nStyles
)

var styleNames = [nStyles]string{"art", "silhouette", "line", "word"}

// Styles are the names of the ways in which a thing is shown.
func Styles() []string { return append([]string(nil), styleNames[:]...) }

// The places.
const (
	indoor = iota
	street
	nature
	sea
	sky
	nPlaces
	nowhere = -1
)

var placeNames = [nPlaces]string{"indoor", "street", "nature", "sea", "sky"}

// Places are the names of the backgrounds that are places.
func Places() []string { return append([]string(nil), placeNames[:]...) }
