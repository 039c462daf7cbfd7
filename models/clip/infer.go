package clip

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Infer reads a configuration off the shapes of a checkpoint in OpenAI's layout: both towers, or the image tower alone.
// Heads are taken to be 64 channels wide, or headWidth where it is not 0 (the shapes do not tell).
func Infer(shapes map[string][]int, headWidth int) (Config, error) {
	if headWidth == 0 {
		headWidth = 64
	}
	var c Config
	dims := func(name string, rank int) []int {
		d := shapes[name]
		if len(d) != rank {
			return make([]int, rank)
		}
		return d
	}
	kind := "a vision transformer"
	channels := 0 // of the attention whose heads are counted
	if _, ok := shapes["visual.conv3.weight"]; ok {
		kind = "a ResNet"
		c.Width = dims("visual.conv3.weight", 4)[0]
		for s := range c.Stages {
			c.Stages[s] = count(shapes, "visual.layer"+strconv.Itoa(s+1)+".")
		}
		c.ImageSize = reduction * side(dims("visual.attnpool.positional_embedding", 2)[0])
		c.EmbedDim = dims("visual.attnpool.c_proj.weight", 2)[0]
		channels = c.Features()
	} else {
		conv := dims("visual.conv1.weight", 4)
		c.Width, c.Patch = conv[0], conv[2]
		c.Layers = count(shapes, "visual.transformer.resblocks.")
		c.ImageSize = c.Patch * side(dims("visual.positional_embedding", 2)[0])
		c.EmbedDim = dims("visual.proj", 2)[1]
		c.MLP = width(dims("visual.transformer.resblocks.0.mlp.c_fc.weight", 2), c.Width)
		channels = c.Width
	}
	c.Heads = max(channels/headWidth, 1)
	if _, ok := shapes["token_embedding.weight"]; ok {
		te := dims("token_embedding.weight", 2)
		c.Vocab, c.TextWidth = te[0], te[1]
		c.Context = dims("positional_embedding", 2)[0]
		c.TextLayers = count(shapes, "transformer.resblocks.")
		c.TextMLP = width(dims("transformer.resblocks.0.mlp.c_fc.weight", 2), c.TextWidth)
		c.TextHeads = max(c.TextWidth/headWidth, 1)
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("not a CLIP with %s in OpenAI's layout: %w", kind, err)
	}
	return c, nil
}

// width is the width of a feed-forward layer as a configuration holds it: 0 where it is four times the other.
func width(fc []int, channels int) int {
	if fc[0] == 4*channels {
		return 0
	}
	return fc[0]
}

// side is the side of the square grid that a table of n position vectors is for, one of them not of the grid.
func side(n int) int { return int(math.Round(math.Sqrt(float64(max(n-1, 0))))) }

// maxBlocks bounds the block numbers that are believed: the largest CLIP towers have 56.
const maxBlocks = 1000

// count is one more than the largest number behind prefix.
func count(shapes map[string][]int, prefix string) int {
	n := 0
	for name := range shapes {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, ".")
		if i, err := strconv.Atoi(number); err == nil && i < maxBlocks {
			n = max(n, i+1)
		}
	}
	return n
}
