package catalog

import (
	"fmt"
	"strings"

	"github.com/ventral-lab/ventral/datasets"
	"github.com/ventral-lab/ventral/datasets/circles"
	"github.com/ventral-lab/ventral/datasets/imagefolder"
	"github.com/ventral-lab/ventral/datasets/scenes"
)

// Param is one parameter of a set.
type Param struct {
	Name string
	Doc  string // one line: meaning, values, default
}

// Entry describes one kind of set, for help texts.
type Entry struct {
	Name    string  // "circles"; "folder:" for the one that takes a path
	Example string  // a spec that opens, PATH standing for a path
	Doc     string  // one line
	Params  []Param // in the order of the canonical spec
}

// kind is an entry with the parameters' setters. open makes setters over a fresh configuration, and the set from it; openPath does so for a set that
// lies at a path.
type kind struct {
	Entry
	open     func() (params []param, build func() (datasets.Set, error))
	openPath func(path string) (params []param, build func() (datasets.Set, error))
}

// The kinds of sets, in the order of Names. The folder has no parameters and is opened apart.
var kinds = []kind{
	describe("circles", "circles?n=3000&seed=1", "one filled figure at a known place: the stimuli of the spatial-cells document", openCircles),
	describe("scenes", "scenes?world=2&n=500&seed=1&size=64&split=test", "pictures of a small world whose every latent is known, with captions", openScenes),
	describe("probe", "probe?world=2&factor=object&n=300&seed=1", "plain scenes balanced over the classes of one factor, for evaluation", openProbe),
	describe("subject", "subject?seed=1&training=1000&split=training", "the pictures that a simulated subject sees; export --format algonauts writes its responses too", openSubject),
	{Entry: Entry{Name: "folder:", Example: "folder:PATH", Doc: "pictures below a folder; the first folder of a path is the class"}},
	describePath("voc:", "voc:PATH?split=val", "PASCAL VOC 2012 with the class of every pixel; PATH holds VOCdevkit or is VOC2012", openVOC),
	describePath("gtseg:", "gtseg:PATH", "ImageNet-Segmentation, figure against ground: gtsegs_ijcv.mat or its folder", openGTSeg),
	describePath("algonauts:", "algonauts:PATH?subject=1&split=training", "pictures of the Algonauts 2023 challenge, or of a subject exported in its layout", openAlgonauts),
	describePath("nsd:", "nsd:PATH", "the 73,000 pictures of the Natural Scenes Dataset: its root or nsd_stimuli.hdf5", openNSD),
}

func describe(name, example, doc string, open func() ([]param, func() (datasets.Set, error))) kind {
	k := kind{Entry: Entry{Name: name, Example: example, Doc: doc}, open: open}
	params, _ := open()
	for _, p := range params {
		k.Params = append(k.Params, p.Param)
	}
	return k
}

func describePath(name, example, doc string, open func(path string) ([]param, func() (datasets.Set, error))) kind {
	k := kind{Entry: Entry{Name: name, Example: example, Doc: doc}, openPath: open}
	params, _ := open("")
	for _, p := range params {
		k.Params = append(k.Params, p.Param)
	}
	return k
}

// Entries describes every kind of set.
func Entries() []Entry {
	out := make([]Entry, len(kinds))
	for i, k := range kinds {
		out[i] = k.Entry
		out[i].Params = append([]Param(nil), k.Params...)
	}
	return out
}

// Names are the names of the kinds of sets; those that end in a colon are followed by a path.
func Names() []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = k.Name
	}
	return out
}

// Help is a text with every kind of set and its parameters, for command lines.
func Help() string {
	var b strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&b, "%s\n    %s\n", k.Example, k.Doc)
		for _, p := range k.Params {
			fmt.Fprintf(&b, "    %-11s %s\n", p.Name, p.Doc)
		}
	}
	return b.String()
}

// Open opens the set that a spec names. An unknown name, parameter or value is an error that says what there is.
func Open(spec string) (datasets.Set, error) {
	if path, ok := strings.CutPrefix(spec, "folder:"); ok {
		return opened(spec)(imagefolder.Open(path))
	}
	name, query, asked := strings.Cut(spec, "?")
	for _, k := range kinds {
		var params []param
		var build func() (datasets.Set, error)
		switch path, found := strings.CutPrefix(spec, k.Name); {
		case k.openPath != nil && found:
			// The last question mark begins the parameters: paths may have others.
			asked = false
			if i := strings.LastIndexByte(path, '?'); i >= 0 {
				path, query, asked = path[:i], path[i+1:], true
			}
			params, build = k.openPath(path)
		case k.open != nil && k.Name == name:
			params, build = k.open()
		default:
			continue
		}
		if asked {
			if err := set(params, query); err != nil {
				return nil, fmt.Errorf("stimuli %q: %w", spec, err)
			}
		}
		s, err := build()
		if err != nil {
			return nil, fmt.Errorf("stimuli %q: %w", spec, err)
		}
		return s, nil
	}
	return nil, fmt.Errorf("stimuli %q: there is no set %q%s; there are %s", spec, name, nearest(name, Names()), strings.Join(examples(), ", "))
}

func opened(spec string) func(*imagefolder.Set, error) (datasets.Set, error) {
	return func(s *imagefolder.Set, err error) (datasets.Set, error) {
		if err != nil {
			return nil, fmt.Errorf("stimuli %q: %w", spec, err)
		}
		return s, nil
	}
}

func examples() []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = k.Example
	}
	return out
}

func openCircles() ([]param, func() (datasets.Set, error)) {
	var c circles.Config
	return []param{
			text("design", &c.Design, strings.Join(circles.Designs, " or ")+": every bin with every diameter; default random"),
			positive("n", &c.N, "number of stimuli, default 3000; not for design=grid"),
			seed(&c.Seed),
			positive("bin", &c.Bin, "pixels from grid point to grid point, default 8; design=grid"),
			positive("diameters", &c.Diameters, "diameters at each grid point, default 4; design=grid"),
			positive("frame", &c.Frame, "side of the picture in pixels, default 224"),
			length("min", &c.MinDiameter, "least diameter in pixels, default 20/224 of the frame"),
			length("max", &c.MaxDiameter, "largest diameter in pixels, default 80/224 of the frame"),
			text("shape", &c.Shape, strings.Join(circles.Shapes, ", ")+" or mixed; default circle"),
			text("colour", &c.Colour, "of the figure: "+strings.Join(circles.Colours(), ", ")+" or RRGGBB; default black"),
			text("background", &c.Background, "colour of the background, default white"),
			flag("masks", &c.Masks, "true: with pixel masks"),
		}, func() (datasets.Set, error) {
			s, err := circles.New(c)
			if err != nil {
				return nil, err
			}
			return s, nil
		}
}

// Both worlds of scenes open here; which one is a parameter, because their pictures are different sets for good.
func openScenes() ([]param, func() (datasets.Set, error)) {
	var c scenes.Config
	var world, mix string
	return []param{
			text("world", &world, "1: plain shapes and words; 2: objects, faces, flags, characters, places and words too; default 1"),
			positive("n", &c.N, "number of pictures, default 1000"),
			seed(&c.Seed),
			positive("size", &c.Size, "side of the picture in pixels, default 64"),
			text("split", &c.Split, strings.Join(scenes.Splits, ", ")+"; default train"),
			text("mix", &mix, "world 1: weights of "+strings.Join(scenes.Kinds(), ", ")+" pictures, and the share of plain ones, default "+scenes.DefaultMix.String()+
				"; world 2: weights of "+strings.Join(scenes.WorldKinds(), ", ")+", and the shares of plain figures and of spoiled pictures, default "+scenes.DefaultWorldMix.String()),
			flag("masks", &c.Masks, "true: with pixel masks"),
		}, func() (datasets.Set, error) {
			two, err := second(world)
			if err != nil {
				return nil, err
			}
			if two {
				w := scenes.WorldConfig{N: c.N, Seed: c.Seed, Size: c.Size, Split: c.Split, Masks: c.Masks}
				if mix != "" {
					if w.Mix, err = scenes.ParseWorldMix(mix); err != nil {
						return nil, err
					}
				}
				return set2(scenes.NewWorld(w))
			}
			if mix != "" {
				if c.Mix, err = scenes.ParseMix(mix); err != nil {
					return nil, err
				}
			}
			s, err := scenes.New(c)
			if err != nil {
				return nil, err
			}
			return s, nil
		}
}

func openProbe() ([]param, func() (datasets.Set, error)) {
	var c scenes.ProbeConfig
	var world, nuisance string
	return []param{
			text("world", &world, "1 or 2, as for scenes; default 1"),
			text("factor", &c.Factor, "world 1: "+strings.Join(scenes.Factors, ", ")+"; world 2: "+strings.Join(scenes.WorldFactors, ", ")),
			positive("n", &c.N, "number of pictures, default 300"),
			seed(&c.Seed),
			positive("size", &c.Size, "side of the picture in pixels, default 64"),
			text("split", &c.Split, "test: combinations that training may show, heldout: those it never shows; default test"),
			text("nuisance", &nuisance, "world 2: "+strings.Join(scenes.Nuisances, ", ")+" in every picture; default none"),
			flag("masks", &c.Masks, "true: with pixel masks"),
		}, func() (datasets.Set, error) {
			two, err := second(world)
			if err != nil {
				return nil, err
			}
			if two {
				return set2(scenes.NewWorldProbe(scenes.WorldProbeConfig{Factor: c.Factor, N: c.N, Seed: c.Seed, Size: c.Size, Split: c.Split, Nuisance: nuisance, Masks: c.Masks}))
			}
			if nuisance != "" {
				return nil, fmt.Errorf("nuisance = %q: only probes of world 2 can be spoiled", nuisance)
			}
			s, err := scenes.NewProbe(c)
			if err != nil {
				return nil, err
			}
			return s, nil
		}
}

// second tells whether a spec asks for the second world.
func second(world string) (bool, error) {
	switch world {
	case "", "1":
		return false, nil
	case "2":
		return true, nil
	}
	return false, fmt.Errorf("world = %q: it is 1 or 2", world)
}

func set2(s *scenes.World, err error) (datasets.Set, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}
