package weights

import (
	"regexp"
	"strconv"
	"strings"
)

// clipResNet are the CLIPs with OpenAI's modified ResNet, or that image tower alone. Canonical are OpenAI's names.
var clipResNet = family{
	architecture: "clip-resnet",
	detect: func(n names) (Layout, bool) {
		switch {
		case n.has("visual.layer1.0.conv1.weight") && n.has("visual.attnpool."),
			n.has("layer1.0.conv1.weight") && n.has("attnpool.positional_embedding"): // the image tower alone
			return OpenAI, true
		case n.has("stem.conv1.conv.weight") && n.has("stages.0.0.conv1_1x1.") && n.has("head.pos_embed"):
			return Timm, true
		}
		return "", false
	},
	toCanonical: func(from Layout, shapes map[string][]int) (Mapping, error) {
		if from == Timm {
			return timmToCLIPResNet(shapes), nil
		}
		return openAIToCanonical(shapes, "attnpool.positional_embedding", clipResNetName), nil
	},
}

var clipResNetName = regexp.MustCompile(`^visual\.(?:conv[123]\.weight|bn[123]\.` + normTensor +
	`|layer[1-4]\.` + blockNumber + `\.(?:conv[123]\.weight|bn[123]\.` + normTensor + `|downsample\.0\.weight|downsample\.1\.` + normTensor + `)` +
	`|attnpool\.(?:positional_embedding|[qkvc]_proj\.(?:weight|bias)))$`)

var (
	timmStem  = regexp.MustCompile(`^stem\.conv([123])\.(conv|bn)\.(.*)$`)
	timmStage = regexp.MustCompile(`^stages\.([0-3])\.(` + blockNumber + `)\.(conv[123]_1x1|conv[123]_kxk|shortcut\.conv)\.(conv|bn)\.(.*)$`)
	timmHead  = regexp.MustCompile(`^head\.(pos_embed|q|k|v|qkv|proj)(\.weight|\.bias|)$`)
)

// timmToCLIPResNet maps timm's resnet*_clip (a ByobNet). Its attention pool has q, k and v apart in the published
// checkpoints; pools that keep them as one are cut in three.
func timmToCLIPResNet(shapes map[string][]int) Mapping {
	m := Mapping{From: Timm, To: OpenAI}
	for _, name := range sortedNames(shapes) {
		if strings.HasSuffix(name, counterOfNorm) {
			m.Ignored = append(m.Ignored, name)
			continue
		}
		if x := timmHead.FindStringSubmatch(name); x != nil && x[1] == "qkv" {
			for i, part := range []string{"q", "k", "v"} {
				m.Rules = append(m.Rules, Rule{Name: "visual.attnpool." + part + "_proj" + x[2], From: []string{name}, Operation: Part, Index: i, Of: 3})
			}
			continue
		}
		if to := timmResNetName(name); clipResNetName.MatchString(to) {
			m.Rules = append(m.Rules, Rule{Name: to, From: []string{name}})
		}
	}
	return m
}

// timmResNetName is the canonical name of a tensor of timm's, or nothing that is one.
func timmResNetName(name string) string {
	if x := timmStem.FindStringSubmatch(name); x != nil {
		return "visual." + x[2] + x[1] + "." + x[3]
	}
	if x := timmStage.FindStringSubmatch(name); x != nil {
		s, _ := strconv.Atoi(x[1])
		module := map[string]string{
			"conv1_1x1.conv": "conv1", "conv1_1x1.bn": "bn1", "conv2_kxk.conv": "conv2", "conv2_kxk.bn": "bn2",
			"conv3_1x1.conv": "conv3", "conv3_1x1.bn": "bn3", "shortcut.conv.conv": "downsample.0", "shortcut.conv.bn": "downsample.1",
		}[x[3]+"."+x[4]]
		return "visual.layer" + strconv.Itoa(s+1) + "." + x[2] + "." + module + "." + x[5]
	}
	if x := timmHead.FindStringSubmatch(name); x != nil {
		part := map[string]string{"pos_embed": "positional_embedding", "q": "q_proj", "k": "k_proj", "v": "v_proj", "proj": "c_proj"}[x[1]]
		return "visual.attnpool." + part + x[2]
	}
	return ""
}
