package zoo

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

const openAILicence = "MIT (OpenAI's code, and the weights published with it)"

// clipViT and clipResNet are CLIPs by their image towers.
var (
	clipViT    = clipFamily("clip-vit", clipViTCards)
	clipResNet = clipFamily("clip-resnet", clipResNetCards)
)

func clipFamily(architecture string, cards []Card) family {
	return family{
		architecture: architecture,
		infer:        inferCLIP,
		decode:       decode[clip.Config],
		preprocess:   func(c models.Config) preprocess.Spec { return clipPreprocess(c.(clip.Config)) },
		cards:        cards,
	}
}

func clipPreprocess(c clip.Config) preprocess.Spec {
	if c.ImageSize == preprocess.CLIP224.Size {
		return preprocess.CLIP224
	}
	return preprocess.CLIP224.WithSize(c.ImageSize)
}

var clipViTCards = []Card{
	clipCard("vit-b-32", "timm/vit_base_patch32_clip_224.openai", clip.ViTB32(), "the model of the spatial-cells document",
		"ViT-B-32.pt", "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"),
	clipCard("vit-b-16", "timm/vit_base_patch16_clip_224.openai", clip.ViTB16(), "the CLIP of the AlignedCut document",
		"ViT-B-16.pt", "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"),
	clipCard("vit-l-14", "timm/vit_large_patch14_clip_224.openai", clip.ViTL14(), "",
		"ViT-L-14.pt", "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"),
	clipCard("vit-l-14-336", "timm/vit_large_patch14_clip_336.openai", clip.ViTL14At336(), "",
		"ViT-L-14-336px.pt", "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"),
}

var clipResNetCards = []Card{
	clipCard("rn50", "timm/resnet50_clip.openai", clip.RN50(), "",
		"RN50.pt", "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762"),
	clipCard("rn101", "timm/resnet101_clip.openai", clip.RN101(), "",
		"RN101.pt", "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599"),
	clipCard("rn50x4", "timm/resnet50x4_clip.openai", clip.RN50x4(), "the model of the multimodal-neurons document, whose units are the channels of visual.layer4.5.pre_relu",
		"RN50x4.pt", "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd"),
	clipCard("rn50x16", "timm/resnet50x16_clip.openai", clip.RN50x16(), "",
		"RN50x16.pt", "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa"),
	clipCard("rn50x64", "timm/resnet50x64_clip.openai", clip.RN50x64(), "",
		"RN50x64.pt", "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c"),
}

// clipCard is the card of one of OpenAI's models. original and hash are of the archive that OpenAI published; the address
// of every archive has its SHA-256 in it (open_clip's pretrained.py lists them).
func clipCard(name, repository string, c clip.Config, note, original, hash string) Card {
	architecture := "clip-vit"
	if c.ResNet() {
		architecture = "clip-resnet"
	}
	if note != "" {
		note += ". "
	}
	return Card{Name: "openai/clip-" + name, Architecture: architecture, Source: repository, File: "open_clip_model.safetensors",
		Licence: openAILicence, Preprocess: clipPreprocess(c), Config: c,
		Note: note + fmt.Sprintf("The file holds the weights of OpenAI's %s, a TorchScript archive with SHA-256 %s, which is another file; of this one no hash was published", original, hash)}
}

// inferCLIP reads a configuration off shapes and, for heads and activation, off the files beside the checkpoint.
func inferCLIP(shapes map[string][]int, layout weights.Layout, side json.RawMessage) (models.Config, []string, error) {
	c, err := clip.Infer(shapes, 0)
	if err != nil {
		return nil, nil, err
	}
	c.Antialias = layout == weights.Timm && !c.ResNet()
	found, err := readCLIPSide(readSide(side), layout, c)
	if err != nil {
		return nil, nil, err
	}
	warnings := found.apply(&c)
	return c, warnings, c.Validate()
}

// clipSide is what a file beside a checkpoint says of a CLIP that its tensors do not.
type clipSide struct {
	file             string // "" where no file says anything
	heads, textHeads int    // 0 where it does not say
	activation       string // "quick_gelu", "gelu" or "" where it does not say
	openAI           string // why the weights are taken to be OpenAI's; "" where they are not
}

// readCLIPSide reads the file of the checkpoint's own library, and the others' where that is missing.
func readCLIPSide(s sides, layout weights.Layout, c clip.Config) (found clipSide, err error) {
	readers := []func(sides, clip.Config) (clipSide, error){openCLIPSide, huggingFaceSide, timmSide}
	switch layout {
	case weights.HuggingFace:
		readers = []func(sides, clip.Config) (clipSide, error){huggingFaceSide, openCLIPSide, timmSide}
	case weights.Timm:
		readers = []func(sides, clip.Config) (clipSide, error){timmSide, openCLIPSide, huggingFaceSide}
	}
	for _, read := range readers {
		if found.file == "" {
			if found, err = read(s, c); err != nil {
				return found, err
			}
		}
	}
	found.openAI = fromOpenAI(s)
	return found, nil
}

// openCLIPSide reads open_clip's model_cfg; where it is silent its defaults hold (open_clip's CLIPVisionCfg, CLIPTextCfg).
func openCLIPSide(s sides, c clip.Config) (clipSide, error) {
	const at = "open_clip_config.model_cfg."
	if !s.has(strings.TrimSuffix(at, ".")) {
		return clipSide{}, nil
	}
	found := clipSide{file: "open_clip_config.json", textHeads: 8, activation: "gelu"}
	width := 64
	if n, ok := s.integer(at + "vision_cfg.head_width"); ok {
		width = n
	}
	if width < 1 {
		return found, fmt.Errorf("open_clip_config.json: head_width %d, want a positive number", width)
	}
	found.heads = channels(c) / width
	if n, ok := s.integer(at + "text_cfg.heads"); ok {
		found.textHeads = n
	}
	if quick, ok := s.flag(at + "quick_gelu"); ok && quick {
		found.activation = "quick_gelu"
	}
	return found, nil
}

// huggingFaceSide reads the configuration of transformers' CLIPModel, or of its CLIPVisionModel. Where it is silent the
// defaults of CLIPVisionConfig and CLIPTextConfig hold.
func huggingFaceSide(s sides, _ clip.Config) (clipSide, error) {
	kind, _ := s.text("config.model_type")
	if !strings.HasPrefix(kind, "clip") {
		return clipSide{}, nil
	}
	found := clipSide{file: "config.json", heads: 12, textHeads: 8, activation: "quick_gelu"}
	vision, text := "config.vision_config.", "config.text_config."
	if kind == "clip_vision_model" {
		vision = "config."
	}
	if n, ok := s.integer(vision + "num_attention_heads"); ok {
		found.heads = n
	}
	if n, ok := s.integer(text + "num_attention_heads"); ok {
		found.textHeads = n
	}
	for _, tower := range []string{vision, text} {
		act, ok := s.text(tower + "hidden_act")
		switch {
		case !ok:
		case act != "gelu" && act != "quick_gelu":
			return found, fmt.Errorf("%shidden_act is %q: only gelu and quick_gelu are computed", tower, act)
		case tower == vision:
			found.activation = act
		case act != found.activation:
			return found, fmt.Errorf("the image tower's hidden_act is %s and the text tower's %s: one for both is computed", found.activation, act)
		}
		if eps, ok := s.number(tower + "layer_norm_eps"); ok && eps != clip.LayerNormEps {
			return found, fmt.Errorf("%slayer_norm_eps is %g: only CLIP's %g is computed", tower, eps, clip.LayerNormEps)
		}
	}
	return found, nil
}

// timmSide reads timm's configuration, an image tower's: the activation is in the architecture's name, and heads are 64
// channels wide but in the huge, giant and gigantic ones (timm's vision_transformer.py).
func timmSide(s sides, c clip.Config) (clipSide, error) {
	name, _ := s.text("config.architecture")
	if !strings.Contains(name, "_clip") {
		return clipSide{}, nil
	}
	found := clipSide{file: "config.json", activation: "gelu"}
	if strings.Contains(name, "_quickgelu") {
		found.activation = "quick_gelu"
	}
	width := 64
	for part, w := range map[string]int{"_huge_": 80, "_giant_": 88, "_gigantic_": 104} {
		if strings.Contains(name, part) {
			width = w
		}
	}
	found.heads = channels(c) / width
	if n, ok := s.integer("config.model_args.num_heads"); ok {
		found.heads = n
	}
	return found, nil
}

// channels are those that the heads of the image tower share.
func channels(c clip.Config) int {
	if c.ResNet() {
		return c.Features()
	}
	return c.Width
}

// fromOpenAI tells why a checkpoint is taken to be OpenAI's: timm's tag or repository, the name that a Hugging Face
// configuration keeps, or where the weights lie has openai as its owner or as its pretrained tag.
func fromOpenAI(s sides) string {
	for _, path := range []string{"config.pretrained_cfg.tag", "config.pretrained_cfg.hf_hub_id", "config._name_or_path", "ref"} {
		if x, ok := s.text(path); ok && namesOpenAI(x) {
			return fmt.Sprintf("%s is %s", path, x)
		}
	}
	return ""
}

// namesOpenAI tells whether a tag is openai, a repository openai's, or a part of a repository's name or path ends in
// openai: "openai", "hf:openai/clip-vit-base-patch32", "timm/resnet50x4_clip.openai", "ViT-B-32-openai", or the cache's
// folder "models--openai--clip-vit-base-patch32". A tag such as openai_ft_in1k is of weights trained further, perhaps
// with another activation.
func namesOpenAI(name string) bool {
	name = strings.TrimPrefix(strings.ToLower(name), "hf:")
	if name == "openai" || strings.HasPrefix(name, "openai/") {
		return true
	}
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return strings.ContainsRune(`/\:@`, r) }) {
		part = strings.TrimSuffix(part, ".safetensors")
		if strings.HasSuffix(part, ".openai") || strings.HasSuffix(part, "-openai") || strings.HasPrefix(part, "models--openai--") {
			return true
		}
	}
	return false
}

// apply writes what was found into c and says what had to be assumed. OpenAI's weights were trained with quick-GELU, and
// files that say otherwise beside them are a known mistake (open_clip's RN50x4, timm's vit_base_patch32_clip_224): run
// with the other activation they still work, a little worse.
func (f clipSide) apply(c *clip.Config) (warnings []string) {
	if f.file == "" {
		what := "heads taken to be 64 channels wide"
		if c.HasText() || !c.ResNet() {
			what += ", activation quick-GELU as in OpenAI's models"
		}
		return []string{"no configuration beside the weights: " + what}
	}
	if f.heads > 0 {
		c.Heads = f.heads
	}
	if f.textHeads > 0 && c.HasText() {
		c.TextHeads = f.textHeads
	}
	if c.ResNet() && !c.HasText() {
		return nil // it has no GELU
	}
	if c.ExactGELU = f.activation == "gelu"; c.ExactGELU && f.openAI != "" {
		c.ExactGELU = false
		return []string{fmt.Sprintf("quick-GELU mismatch: %s says plain GELU, but the weights are OpenAI's (%s), which were trained with quick-GELU; quick-GELU is used", f.file, f.openAI)}
	}
	return nil
}

// Encoder embeds pictures and texts with both towers.
func (m *Model) Encoder(be *backend.Backend, batch int) (*clip.Encoder, error) {
	if m.Text == nil {
		return nil, fmt.Errorf("%s has no text tower: it cannot compare pictures with texts; use a CLIP with both towers", m.Name)
	}
	return clip.NewEncoder(be, *m.CLIP, m.Params, m.Tok, batch)
}
