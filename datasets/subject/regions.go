package subject

import (
	"fmt"
	"math"
	"sort"

	"github.com/ventral-lab/ventral/datasets/algonauts"
)

// region is a patch of cortex.
type region struct {
	name   string
	class  string // of algonauts.Classes
	label  int64  // in that class
	stream int64  // label in the class streams
	share  float64
	// lon, lat is its middle on the sphere in degrees, from the occipital pole: lateral positive, up positive.
	lon, lat float64
	// field is the standard deviation of receptive fields in frames; lower and upper say which half of the visual field is covered.
	field        float64
	lower, upper bool
	group        string  // of features that drive it
	low, high    float64 // noise ceilings
}

// The labels of classes and streams are those of the challenge's mapping dictionaries.
var regions = []region{
	{"V1v", "prf-visualrois", 1, 1, 8, 2, -10, .06, false, true, "gabor", .4, .8},
	{"V1d", "prf-visualrois", 2, 1, 8, 2, 10, .06, true, false, "gabor", .4, .8},
	{"V2v", "prf-visualrois", 3, 1, 7, 8, -20, .10, false, true, "gabor", .35, .75},
	{"V2d", "prf-visualrois", 4, 1, 7, 8, 20, .10, true, false, "gabor", .35, .75},
	{"V3v", "prf-visualrois", 5, 1, 6, 15, -30, .15, false, true, "gabor", .3, .7},
	{"V3d", "prf-visualrois", 6, 1, 6, 15, 30, .15, true, false, "gabor", .3, .7},
	{"hV4", "prf-visualrois", 7, 2, 8, 30, -35, .22, true, true, "colour", .3, .7},
	{"EBA", "floc-bodies", 1, 6, 8, 60, 5, 0, true, true, "body", .3, .7},
	{"FBA-1", "floc-bodies", 2, 5, 4, 62, -45, 0, true, true, "body", .2, .6},
	{"FBA-2", "floc-bodies", 3, 5, 4, 78, -40, 0, true, true, "body", .2, .6},
	{"OFA", "floc-faces", 1, 3, 5, 45, -15, 0, true, true, "face", .2, .6},
	{"FFA-1", "floc-faces", 2, 5, 5, 55, -55, 0, true, true, "face", .3, .7},
	{"FFA-2", "floc-faces", 3, 5, 4, 85, -55, 0, true, true, "face", .3, .7},
	{"OPA", "floc-places", 1, 4, 6, 35, 40, 0, true, true, "place", .3, .7},
	{"PPA", "floc-places", 2, 5, 7, 15, -60, 0, true, true, "place", .3, .7},
	{"RSC", "floc-places", 3, 7, 4, -20, 40, 0, true, true, "place", .2, .6},
	{"OWFA", "floc-words", 1, 3, 4, 48, -28, 0, true, true, "word", .2, .6},
	{"VWFA-1", "floc-words", 2, 5, 4, 70, -65, 0, true, true, "word", .2, .6},
	{"VWFA-2", "floc-words", 3, 5, 3, 100, -48, 0, true, true, "word", .2, .6},
}

// Names of the labels of each class, as in the challenge's mapping_CLASS.npy.
var labelNames = map[string]map[int64]string{
	"prf-visualrois": {0: "Unknown", 1: "V1v", 2: "V1d", 3: "V2v", 4: "V2d", 5: "V3v", 6: "V3d", 7: "hV4"},
	"floc-bodies":    {0: "Unknown", 1: "EBA", 2: "FBA-1", 3: "FBA-2", 4: "mTL-bodies"},
	"floc-faces":     {0: "Unknown", 1: "OFA", 2: "FFA-1", 3: "FFA-2", 4: "mTL-faces", 5: "aTL-faces"},
	"floc-places":    {0: "Unknown", 1: "OPA", 2: "PPA", 3: "RSC"},
	"floc-words":     {0: "Unknown", 1: "OWFA", 2: "VWFA-1", 3: "VWFA-2", 4: "mfs-words", 5: "mTL-words"},
	"streams":        {0: "Unknown", 1: "early", 2: "midventral", 3: "midlateral", 4: "midparietal", 5: "ventral", 6: "lateral", 7: "parietal"},
}

// Vertex is one vertex and the truth about it.
type Vertex struct {
	Index  int    // among the 163,842 of the hemisphere
	Region string // "V1v", "PPA", ...
	Class  string // the region's class, one of algonauts.Classes
	Group  string // the features that drive it most
	// X, Y, Z is its place in millimetres on a sphere of radius 100 about (0, 0, 0): right, anterior, up.
	X, Y, Z float64
	// FieldX, FieldY, FieldSize is its receptive field in frames, y down; size 0 where it has the whole frame.
	FieldX, FieldY, FieldSize float64
	// Orientation it prefers, degrees, in the early areas.
	Orientation float64
	NCSNR       float64 // signal to noise ratio of one presentation, 0 for null and dead vertices
	Ceiling     float64 // share of the variance of Responses to the training pictures that the truth predicts
	Null        bool    // nothing but noise
	Dead        bool    // always 0

	region int
	u, v   float64 // place in its patch, about -1 to 1
}

// radius of the spheres in millimetres, as fsaverage's.
const radius = 100

// point is vertex i of the sphere: a Fibonacci lattice from pole to pole, the poles being anterior and posterior.
func point(i int, h algonauts.Hemisphere) (x, y, z float64) {
	const n = algonauts.FsaverageVertices
	golden := math.Pi * (3 - math.Sqrt(5))
	y = 1 - (2*float64(i)+1)/n
	r := math.Sqrt(1 - y*y)
	sin, cos := math.Sincos(math.Mod(float64(i)*golden, 2*math.Pi))
	x, z = r*cos, r*sin
	if h == algonauts.Left {
		x = -x
	}
	return x, y, z
}

// place lays the regions out on the sphere of a hemisphere: each takes the free vertices that are nearest to its middle.
func place(h algonauts.Hemisphere, total int) ([]Vertex, error) {
	sum := 0.0
	for _, r := range regions {
		sum += r.share
	}
	var xyz [algonauts.FsaverageVertices][3]float64
	for i := range xyz {
		xyz[i][0], xyz[i][1], xyz[i][2] = point(i, h)
	}
	taken := make([]bool, len(xyz))
	var out []Vertex
	for k, r := range regions {
		n := max(2, int(math.Round(float64(total)*r.share/sum)))
		lon, lat := r.lon*math.Pi/180, r.lat*math.Pi/180
		side := 1.0
		if h == algonauts.Left {
			side = -1
		}
		// The occipital pole points backwards; longitude turns outwards.
		c := [3]float64{side * math.Sin(lon) * math.Cos(lat), -math.Cos(lon) * math.Cos(lat), math.Sin(lat)}
		type candidate struct {
			i   int
			dot float64
		}
		var found []candidate
		for reach := 8.0; len(found) < n; reach *= 4 {
			// A cap of height 1-cos holds a share (1-cos)/2 of a sphere's vertices.
			limit := 1 - 2*reach*float64(n)/float64(len(xyz))
			found = found[:0]
			for i, p := range xyz {
				if dot := p[0]*c[0] + p[1]*c[1] + p[2]*c[2]; dot >= limit && !taken[i] {
					found = append(found, candidate{i, dot})
				}
			}
			if limit < -1 && len(found) < n {
				return nil, fmt.Errorf("subject: %d vertices a hemisphere do not fit", total)
			}
		}
		sort.Slice(found, func(a, b int) bool {
			if found[a].dot != found[b].dot {
				return found[a].dot > found[b].dot
			}
			return found[a].i < found[b].i
		})
		found = found[:n]
		// Tangents at the middle: u to the front along the surface, v up.
		up := [3]float64{-c[0] * c[2], -c[1] * c[2], 1 - c[2]*c[2]}
		norm := math.Sqrt(up[0]*up[0] + up[1]*up[1] + up[2]*up[2])
		front := [3]float64{(up[1]*c[2] - up[2]*c[1]) / norm, (up[2]*c[0] - up[0]*c[2]) / norm, (up[0]*c[1] - up[1]*c[0]) / norm}
		if h == algonauts.Right { // mirror images of each other
			front[0], front[1], front[2] = -front[0], -front[1], -front[2]
		}
		reach := math.Sqrt(max(1e-12, 1-found[n-1].dot*found[n-1].dot))
		for _, f := range found {
			taken[f.i] = true
			p := xyz[f.i]
			v := Vertex{Index: f.i, Region: r.name, Class: r.class, Group: r.group, X: p[0] * radius, Y: p[1] * radius, Z: p[2] * radius, region: k}
			v.u = (p[0]*front[0] + p[1]*front[1] + p[2]*front[2]) / reach
			v.v = (p[0]*up[0] + p[1]*up[1] + p[2]*up[2]) / norm / reach
			out = append(out, v)
		}
	}
	sort.Slice(out, func(a, b int) bool { return out[a].Index < out[b].Index })
	return out, nil
}

// retinotopy sets a vertex's receptive field: eccentricity grows to the front of the patch, the angle runs from the vertical meridian to the
// horizontal one (in V4, which has both quarters, from the upper to the lower vertical meridian).
func (v *Vertex) retinotopy(h algonauts.Hemisphere) {
	r := &regions[v.region]
	if r.field == 0 {
		v.FieldX, v.FieldY = 0.5, 0.5
		return
	}
	along, across := min(1, max(-1, v.u)), min(1, max(-1, v.v))
	eccentricity := 0.04 + 0.4*(along+1)/2
	angle := (across + 1) / 2 * math.Pi / 2 // from the vertical meridian
	down := 1.0
	switch {
	case r.upper && r.lower:
		angle *= 2
		down = -1
	case r.upper:
		down = -1
	}
	side := 1.0 // the right half of the frame
	if h == algonauts.Right {
		side = -1
	}
	v.FieldX = 0.5 + side*eccentricity*math.Sin(angle)
	v.FieldY = 0.5 + down*eccentricity*math.Cos(angle)
	v.FieldSize = r.field
}
