package scenes

import "github.com/ventral-lab/ventral/datasets/scenes/atlas"

// grammar of a noun.
const (
	counted = iota // a cat, two cats
	mass           // broccoli
	plural         // glasses
	unique         // the sun
)

// noun is what captions need to know of an object beyond its name.
type noun struct {
	grammar int
	plural  string   // where it is not made by adding s
	also    []string // other phrases for it, with their article
}

// nounOf holds the objects that are not simply counted, and the other names that people use.
var nounOf = map[string]noun{
	"cat": {also: []string{"a kitty", "a kitten"}}, "dog": {also: []string{"a puppy"}}, "mouse": {plural: "mice", also: []string{"a little mouse"}},
	"rabbit": {also: []string{"a bunny"}}, "cow": {also: []string{"a farm cow"}}, "pig": {also: []string{"a piggy"}}, "monkey": {also: []string{"an ape"}},
	"chick": {also: []string{"a baby chicken"}}, "rooster": {also: []string{"a cock"}}, "horse": {also: []string{"a pony"}},
	"sheep": {plural: "sheep", also: []string{"a lamb"}}, "fish": {plural: "fish", also: []string{"a tropical fish"}}, "butterfly": {plural: "butterflies"},
	"ladybug": {also: []string{"a beetle"}}, "turtle": {also: []string{"a tortoise"}}, "octopus": {plural: "octopuses"},
	"fox": {plural: "foxes"}, "bee": {also: []string{"a honey bee"}}, "flamingo": {also: []string{"a pink bird"}}, "duck": {also: []string{"a mallard"}},

	"cherry": {plural: "cherries"}, "strawberry": {plural: "strawberries"}, "melon": {also: []string{"a slice of watermelon", "a watermelon"}},
	"grapes": {grammar: plural, also: []string{"a bunch of grapes"}}, "broccoli": {grammar: mass}, "corn": {grammar: mass, also: []string{"a corn cob"}},
	"bread": {grammar: mass, also: []string{"a loaf of bread"}}, "cheese": {grammar: mass, also: []string{"a piece of cheese"}},
	"egg": {also: []string{"a fried egg"}}, "burger": {also: []string{"a hamburger"}}, "fries": {grammar: plural, also: []string{"french fries"}},
	"pizza": {also: []string{"a slice of pizza"}}, "sushi": {grammar: mass}, "candy": {grammar: mass, also: []string{"a sweet"}},
	"popcorn": {grammar: mass}, "coffee": {grammar: mass, also: []string{"a cup of coffee"}}, "beer": {grammar: mass, also: []string{"a mug of beer"}},
	"wine": {grammar: mass, also: []string{"a glass of wine"}},

	"palm": {also: []string{"a palm tree"}}, "cactus": {plural: "cacti"}, "flower": {also: []string{"a blossom"}},
	"sun": {grammar: unique, also: []string{"a sun"}}, "moon": {grammar: unique, also: []string{"a moon"}},
	"fire": {grammar: mass, also: []string{"a flame"}}, "snowman": {plural: "snowmen"},

	"car": {also: []string{"an automobile"}}, "bus": {plural: "buses"}, "truck": {also: []string{"a lorry"}}, "bicycle": {also: []string{"a bike"}},
	"train": {also: []string{"a locomotive"}}, "plane": {also: []string{"an airplane", "an aircraft"}}, "rocket": {also: []string{"a spaceship"}},
	"ship": {also: []string{"a boat"}}, "sailboat": {also: []string{"a sailing boat"}}, "helicopter": {also: []string{"a chopper"}},

	"phone": {also: []string{"a telephone"}}, "laptop": {also: []string{"a computer"}}, "clock": {also: []string{"an alarm clock"}},
	"watch": {plural: "watches", also: []string{"a wrist watch"}}, "lamp": {also: []string{"a light bulb"}}, "lock": {also: []string{"a padlock"}},
	"scissors": {grammar: plural, also: []string{"a pair of scissors"}}, "football": {also: []string{"a soccer ball"}}, "trophy": {plural: "trophies", also: []string{"a golden cup"}},
	"hat": {also: []string{"a top hat"}}, "shoe": {also: []string{"a sneaker"}}, "shirt": {also: []string{"a t shirt"}},
	"glasses": {grammar: plural, also: []string{"a pair of glasses"}}, "bag": {also: []string{"a handbag"}}, "gift": {also: []string{"a present"}},
	"house": {also: []string{"a home"}}, "foot": {plural: "feet"}, "robot": {also: []string{"an android"}}, "guitar": {also: []string{"an electric guitar"}},
}

// groupNouns are the words for a kind of thing, where there is a good one.
var groupNouns = map[string]string{"animal": "an animal", "food": "something to eat", "plant": "a plant", "vehicle": "a vehicle", "building": "a building", "thing": "an object"}

// thing is a nameable object, with its sprites.
type thing struct {
	name, group string
	noun        noun
	cells       atlas.Sprites
}

var things = loadThings("object", atlas.Objects)

var faces = loadThings("face", atlas.Faces)

var flags = loadThings("flag", atlas.Flags)

func loadThings(kind string, list []atlas.Entry) []thing {
	out := make([]thing, len(list))
	for i, e := range list {
		cells, ok := atlas.Find(kind, e.Name)
		if !ok {
			panic("scenes: the atlas has no " + kind + " " + e.Name)
		}
		out[i] = thing{e.Name, e.Group, nounOf[e.Name], cells}
		if n := &out[i].noun; n.plural == "" {
			n.plural = e.Name + "s"
		}
	}
	return out
}

func names(list []thing) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = t.name
	}
	return out
}

// ThingNames are the names of the nameable objects of the second world, in the order of their classes.
func ThingNames() []string { return names(things) }

// Expressions are the names of the expressions of faces, in the order of their classes.
func Expressions() []string { return names(faces) }

// Regions are the names of the regions, in the order of their classes.
func Regions() []string { return names(flags) }

// Characters are the names of the cartoon characters, in the order of their classes.
func Characters() []string {
	out := make([]string, nCharacters)
	for i := range out {
		out[i] = characters[i].name
	}
	return out
}

// faceWords are other words for an expression, in front of "face".
var faceWords = [][]string{
	{"smiling", "cheerful", "joyful"}, {"unhappy", "sorrowful"}, {"mad", "furious"}, {"shocked", "amazed", "astonished"}, {"frightened", "afraid"},
	{"weeping", "tearful"}, {"giggling"}, {"sleepy", "tired"}, {"playful"}, {"romantic"}, {"enamored"}, {"ill", "unwell"},
}

// region is what is known of a region besides its flag: its adjective, its continent, and where it lies (degrees east and
// north, about the middle of the country).
type region struct {
	adjective, continent string
	lon, lat             float64
}

var regions = []region{
	{"argentine", "south america", -64, -34}, {"australian", "oceania", 134, -25}, {"brazilian", "south america", -53, -10}, {"british", "europe", -2, 54},
	{"canadian", "north america", -106, 57}, {"chilean", "south america", -71, -31}, {"chinese", "asia", 104, 35}, {"egyptian", "africa", 30, 27},
	{"french", "europe", 2, 47}, {"greek", "europe", 22, 39}, {"indian", "asia", 79, 22}, {"italian", "europe", 12, 43},
	{"japanese", "asia", 138, 37}, {"kenyan", "africa", 38, 0.5}, {"mexican", "north america", -102, 24}, {"nigerian", "africa", 8, 9.5},
	{"peruvian", "south america", -75, -10}, {"russian", "asia", 95, 61}, {"spanish", "europe", -4, 40}, {"swedish", "europe", 16, 62},
	{"turkish", "asia", 35, 39}, {"ukrainian", "europe", 31, 49}, {"american", "north america", -98, 39}, {"vietnamese", "asia", 107, 16},
}

// The words that are written in the pictures of the second world: the objects, then colours, shapes, expressions, regions and characters. The
// first len(things) of them are the objects, in their order.
var (
	allWords    = joinNames(names(things), colourNames[:], shapeNames[:], names(faces), names(flags), Characters())
	colourWord0 = len(things)
	shapeWord0  = colourWord0 + nColours
	faceWord0   = shapeWord0 + nShapes
	regionWord0 = faceWord0 + len(faces)
	figureWord0 = regionWord0 + len(flags) // the characters
)

func joinNames(lists ...[]string) []string {
	var out []string
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// WrittenWords are the words that are written in the pictures of the second world: the names of objects, colours, shapes,
// expressions, regions and characters, in this order.
func WrittenWords() []string { return append([]string(nil), allWords...) }

// The combinations that the splits train, val and test never show.

// heldOutPlace is the place where an object never is.
func heldOutPlace(object int) int { return (object*3 + 1) % nPlaces }

// heldOutThingInk is the colour in which an object is never drawn as silhouette, icon or line drawing.
func heldOutThingInk(object int) int { return (object*3 + 2) % nColours }

// heldOutStyle is the style in which an object is never drawn, or -1: silhouettes of every eighth object, line drawings of
// every other eighth.
func heldOutStyle(object int) int {
	switch object % 8 {
	case 1:
		return styleSilhouette
	case 5:
		return styleLine
	}
	return -1
}

// heldOutWordInk tells whether a word is never written in an ink; the rule is that of heldOutInk, over allWords.
func heldOutWordInk(word, ink int) bool { return heldOutInk(word, ink) }

// HeldOutPlace is the place where the splits train, val and test of the second world never show an object; empty for what is no object.
func HeldOutPlace(object string) string {
	if i := index(names(things), object); i >= 0 {
		return placeNames[heldOutPlace(i)]
	}
	return ""
}

// HeldOutColour is the colour in which those splits never show an object as silhouette, icon or line drawing; empty for what is no object.
func HeldOutColour(object string) string {
	if i := index(names(things), object); i >= 0 {
		return colourNames[heldOutThingInk(i)]
	}
	return ""
}

// HeldOutStyle is the style in which those splits never show an object: silhouette, line, or empty where there is none.
func HeldOutStyle(object string) string {
	if i := index(names(things), object); i >= 0 && heldOutStyle(i) >= 0 {
		return styleNames[heldOutStyle(i)]
	}
	return ""
}

// HeldOutWordInk tells whether those splits never write a word of WrittenWords in a colour.
func HeldOutWordInk(word, ink string) bool {
	w, c := index(allWords, word), index(colourNames[:], ink)
	return w >= 0 && c >= 0 && heldOutWordInk(w, c)
}
