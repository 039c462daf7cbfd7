package spatial

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ventral-lab/ventral/models/vgg"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// anatomy is what the study uses of a network's sites: where maps are recorded, which modules are lesioned, where the
// graph may be cut into stages and where there are attention heads.
type anatomy struct {
	infos   []site.Info
	index   map[string]int
	output  string      // the site of the network's output
	record  []string    // one a block, see Sites
	modules []Module    // of the image network, in the order of the lesion figure
	cuts    []string    // what everything passes through, in order
	heads   []attention // one a block of a transformer
	streams []string    // the state between blocks, for lesions of single patches
}

// attention is one block with attention heads.
type attention struct {
	Block string
	Z     string // the heads' outputs side by side, [token, channel]
	Heads int
}

// blockModules are the modules of a residual block of CLIP in the order of the document's figure.
var blockModules = []string{"attn", "attn.out_proj", "ln_1", "mlp.c_fc", "mlp.c_proj", "ln_2"}

// transformerModules are those of any transformer's block, in the same order under their names in both libraries.
var transformerModules = []string{"attn", "attn.out_proj", "attn.proj", "ln_1", "norm1", "mlp.c_fc", "mlp.fc1", "mlp.w12", "mlp.c_proj", "mlp.fc2", "mlp.w3", "ln_2", "norm2"}

// residualModules are those of a bottleneck of a ResNet. Its last normalisation is what the block adds to its input.
var residualModules = []string{"conv1", "conv2", "conv3", "bn3", "downsample"}

// targetKinds are the modules among which the site of the targeted lesions is chosen, the first kind that the network has:
// what a block adds last to its input, or else a block's output.
var targetKinds = []string{"mlp.c_proj", "mlp.fc2", "mlp.w3", "bn3", "cell", "conv"}

var convolutionBlock = regexp.MustCompile(`^(?:.*\.)?(?:layer(\d+\.\d+)|(reduction_)?cell_((?:stem_)?\d+))$`)

// hasAxis tells whether a site has an axis.
func hasAxis(i site.Info, a site.Axis) bool { return slices.Contains(i.Axes, a) }

// positions is the number of positions of a site.
func positions(i site.Info) int { return i.Size() / max(i.Units(), 1) }

// anatomise reads the anatomy off a network's sites.
func anatomise(infos []site.Info, config any) (*anatomy, error) {
	if len(infos) == 0 {
		return nil, fmt.Errorf("spatial: the network has no sites: nothing of it can be recorded")
	}
	a := &anatomy{infos: infos, index: map[string]int{}, output: infos[len(infos)-1].Name}
	for i, info := range infos {
		a.index[info.Name] = i
	}
	if !hasAxis(infos[len(infos)-1], site.Channel) {
		return nil, fmt.Errorf("spatial: the network's output %s has the axes %v: a judge wants channels", a.output, infos[len(infos)-1].Axes)
	}
	switch {
	case a.transformer():
	case a.convolutional():
	default:
		a.sequential(config)
	}
	if len(a.record) == 0 {
		return nil, fmt.Errorf("spatial: the network has no site with channels besides its output: there are no units to record")
	}
	return a, nil
}

func (a *anatomy) has(name string) bool { _, ok := a.index[name]; return ok }

func (a *anatomy) info(name string) site.Info { return a.infos[a.index[name]] }

// first is the position of the first site of the block called p.
func (a *anatomy) first(p string) int {
	return slices.IndexFunc(a.infos, func(i site.Info) bool { return i.Name == p || strings.HasPrefix(i.Name, p+".") })
}

// add appends an image module.
func (a *anatomy) add(name, block, kind string) {
	a.modules = append(a.modules, Module{Site: name, Tower: "visual", Block: block, Kind: kind})
}

// around adds the modules before the first block and after the last one. skip are sites that hold the value of another.
func (a *anatomy) around(from, to int, skip func(site.Info) bool) {
	for _, i := range a.infos[from:to] {
		if hasAxis(i, site.Channel) && !skip(i) {
			a.add(i.Name, "", i.Name[strings.LastIndexByte(i.Name, '.')+1:])
		}
	}
}

// transformer recognises blocks P with an attention P.attn on tokens.
func (a *anatomy) transformer() bool {
	var blocks []string
	for _, i := range a.infos {
		if p, ok := strings.CutSuffix(i.Name, ".attn"); ok && hasAxis(i, site.Token) && a.has(p) && hasAxis(a.info(p), site.Token) {
			blocks = append(blocks, p)
		}
	}
	if len(blocks) == 0 {
		return false
	}
	start, end := a.first(blocks[0]), a.index[blocks[len(blocks)-1]]
	a.around(0, start, func(i site.Info) bool { return a.has(i.Name + ".proj") })
	if start > 0 {
		a.cuts = append(a.cuts, a.infos[start-1].Name)
		a.streams = append(a.streams, a.infos[start-1].Name)
	}
	for n, p := range blocks {
		a.record = append(a.record, p+".attn")
		for _, k := range transformerModules {
			if a.has(p + "." + k) {
				a.add(p+"."+k, strconv.Itoa(n), k)
			}
		}
		if n+1 < len(blocks) {
			a.cuts = append(a.cuts, p)
			a.streams = append(a.streams, p)
		}
		if z, probs := p+".attn.z", p+".attn.probs"; a.has(z) && a.has(probs) && hasAxis(a.info(probs), site.Head) {
			a.heads = append(a.heads, attention{Block: strconv.Itoa(n), Z: z, Heads: a.info(probs).Shape[0]})
		}
	}
	container := func(i site.Info) bool { return strings.HasPrefix(blocks[0], i.Name+".") }
	a.around(end+1, len(a.infos)-1, container)
	return true
}

// convolutional recognises the blocks of a ResNet (layer1.0) and the cells of a NASNet (cell_3).
func (a *anatomy) convolutional() bool {
	type block struct{ name, number string }
	var blocks []block
	cells := false
	for _, i := range a.infos {
		if m := convolutionBlock.FindStringSubmatch(i.Name); m != nil && hasAxis(i, site.Y) {
			blocks = append(blocks, block{i.Name, m[1] + m[2] + m[3]})
			cells = cells || m[3] != ""
		}
	}
	if len(blocks) == 0 {
		return false
	}
	start, end := a.first(blocks[0].name), a.index[blocks[len(blocks)-1].name]
	a.around(0, start, func(site.Info) bool { return false })
	if start > 0 {
		a.cuts = append(a.cuts, a.infos[start-1].Name)
	}
	for n, b := range blocks {
		a.record = append(a.record, b.name)
		a.streams = append(a.streams, b.name)
		for _, k := range residualModules {
			if a.has(b.name + "." + k) {
				a.add(b.name+"."+k, b.number, k)
			}
		}
		if cells {
			// A cell reads the two before it, so its output is no cut, but for the last one's.
			a.add(b.name, b.number, "cell")
		}
		if !cells || n+1 == len(blocks) {
			a.cuts = append(a.cuts, b.name)
		}
	}
	container := func(i site.Info) bool { return strings.HasPrefix(blocks[len(blocks)-1].name, i.Name+".") }
	a.around(end+1, len(a.infos)-1, container)
	return true
}

// sequential is for all other networks: a block is the last map of a size. Only a VGG is known to be a chain that can be
// cut anywhere.
func (a *anatomy) sequential(config any) {
	v, chain := config.(vgg.Config)
	kinds := map[string]vgg.Layer{}
	if chain {
		for _, l := range v.Layers() {
			kinds[l.Site] = l
		}
	}
	last := ""
	for n, i := range a.infos[:len(a.infos)-1] {
		if !hasAxis(i, site.Channel) {
			continue
		}
		l, known := kinds[i.Name]
		switch {
		case known && (l.Kind == vgg.Conv || l.Kind == vgg.Norm):
			a.add(i.Name, fmt.Sprintf("%d.%d", l.Block, l.Index), string(l.Kind))
		case !known:
			a.add(i.Name, "", i.Name)
		}
		next := a.infos[n+1]
		if hasAxis(i, site.Y) && (!hasAxis(next, site.Y) || positions(next) != positions(i)) {
			if last = i.Name; chain {
				a.cuts = append(a.cuts, last)
			}
			a.record, a.streams = append(a.record, last), append(a.streams, last)
		}
	}
	if last == "" {
		for _, m := range a.modules {
			a.record = append(a.record, m.Site)
		}
	}
}

// before is the last cut that is computed before a site, or "".
func (a *anatomy) before(name string) string {
	cut := ""
	for _, c := range a.cuts {
		if a.index[c] < a.index[name] {
			cut = c
		}
	}
	return cut
}

// residual is the block whose output is its input plus other things plus the value of the site, as its name tells; ""
// where there is none. The name is a guess that newRig checks.
func (a *anatomy) residual(name string) string {
	for _, k := range []string{".mlp.c_proj", ".mlp.fc2", ".mlp.w3", ".mlp", ".ls2"} {
		if p, ok := strings.CutSuffix(name, k); ok && a.has(p) && a.index[p] > a.index[name] && slices.Contains(a.cuts, p) {
			return p
		}
	}
	return ""
}

// usual is the default of Options.Token for a network: the class token where there are tokens, else the mean of a map.
func (a *anatomy) usual() string {
	if hasAxis(a.info(a.record[0]), site.Token) {
		return "class"
	}
	return "mean"
}

// unitsOf says how the units of a site are read off its value (":class", "" for all of it) and along which axes a lesion
// of one of them varies: a unit is a channel, at one token or the mean or maximum over positions, and is lesioned at all of
// them; with token "all" it is a channel at one position, and is lesioned there.
func (s *Study) unitsOf(name string) (reduction string, axes []site.Axis, err error) {
	i := s.anatomy.info(name)
	t := s.Options.Token
	switch {
	case positions(i) == 1 && len(i.Axes) == 1:
		return "", []site.Axis{site.Channel}, nil
	case t == "all":
		return "", i.Axes, nil
	case t == "class" && !hasAxis(i, site.Token):
		return "", nil, fmt.Errorf("spatial: %s has no tokens but %v: give token mean, max or all", name, i.Axes)
	case t == "class", t == "mean", t == "max", strings.HasPrefix(t, "token="):
		return ":" + t, []site.Axis{site.Channel}, nil
	}
	return "", nil, fmt.Errorf("spatial: token %q: want class, mean, max, token=I or all", t)
}
