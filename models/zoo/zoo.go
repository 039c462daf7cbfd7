// Package zoo opens models by name.
//
//	mini/clip-vit                     a small network that ships with this module
//	openai/clip-vit-b-32              a published one, from a local folder or the Hugging Face cache
//	random:openai/clip-vit-b-32?seed=1  the architecture with its authors' initial weights
//	file:PATH                         a checkpoint on disk, its architecture read off its tensors
//
// # Invariants
//
//   - A model's weights hash depends on the values alone, not on the file or layout they came in.
//   - Cards say what is known of a model: source, licence, preprocessing and what was verified.
package zoo

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/clip/tokenizer"
	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/weights"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Card is what is known of a model.
type Card struct {
	Name         string          `json:"name"`
	Architecture string          `json:"architecture"`
	Parameters   int             `json:"parameters"`
	Source       string          `json:"source"`
	File         string          `json:"file,omitempty"`
	Licence      string          `json:"licence"`
	Preprocess   preprocess.Spec `json:"preprocess"`
	Config       clip.Config     `json:"config"`
	Note         string          `json:"note,omitempty"`
	Shipped      bool            `json:"shipped"`
}

// Model is an open model: its image tower as the network that is recorded from and, for a CLIP, its text tower.
type Model struct {
	*models.Model
	Card Card
	CLIP *clip.Config  // nil where the model is no CLIP
	Text *models.Model // the text tower: token ids, as float32 [batch, context], to text embeddings
	Tok  *tokenizer.Tokenizer
}

// Cards lists the models that Open knows by name, sorted.
func Cards() []Card {
	cards := []Card{
		{Name: "openai/clip-vit-b-32", Architecture: "clip-vit", Source: "timm/vit_base_patch32_clip_224.openai", File: "open_clip_model.safetensors",
			Licence: "code MIT (OpenAI); weights published by OpenAI with the code", Preprocess: preprocess.CLIP224, Config: clip.ViTB32(),
			Note: "the model of the spatial-cells document"},
		{Name: "openai/clip-vit-b-16", Architecture: "clip-vit", Source: "timm/vit_base_patch16_clip_224.openai", File: "open_clip_model.safetensors",
			Licence: "code MIT (OpenAI); weights published by OpenAI with the code", Preprocess: preprocess.CLIP224, Config: clip.ViTB16()},
	}
	for _, name := range mini.Names() {
		if c, err := miniCard(name); err == nil {
			cards = append(cards, c)
		}
	}
	for i := range cards {
		cards[i].Parameters = cards[i].Config.Parameters()
	}
	sort.Slice(cards, func(i, j int) bool { return cards[i].Name < cards[j].Name })
	return cards
}

// Find returns the card of a name; the error lists the nearest names.
func Find(name string) (Card, error) {
	var names []string
	for _, c := range Cards() {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return Card{}, fmt.Errorf("no model %q; there are %s, random:NAME?seed=N and file:PATH", name, strings.Join(site.Nearest(name, names, 4), ", "))
}

// Open opens a model by name (see the package comment). The caller closes it.
func Open(name string) (*Model, error) {
	switch {
	case strings.HasPrefix(name, "random:"):
		return openRandom(strings.TrimPrefix(name, "random:"))
	case strings.HasPrefix(name, "file:"):
		return openFile(strings.TrimPrefix(name, "file:"))
	}
	card, err := Find(name)
	if err != nil {
		return nil, err
	}
	if card.Shipped {
		set, err := mini.Open(name)
		if err != nil {
			return nil, err
		}
		defer set.Close()
		return load(card, set)
	}
	set, err := weights.Open(card.Source, weights.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer set.Close()
	return load(card, set)
}

func load(card Card, set *weights.Set) (*Model, error) {
	canonical, _, err := weights.Canonical(set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", card.Name, err)
	}
	params, err := clip.Load(canonical, card.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", card.Name, err)
	}
	return build(card, params, canonical.Hash())
}

func build(card Card, params *program.Params, hash string) (*Model, error) {
	card.Parameters = card.Config.Parameters()
	tok := tokenizer.Default()
	if card.Config.Vocab != tok.Vocabulary().Len() {
		var err error
		if tok, err = tokenizer.Small(card.Config.Vocab); err != nil {
			return nil, fmt.Errorf("%s: %w", card.Name, err)
		}
	}
	cfg := card.Config
	return &Model{
		Model: &models.Model{Name: card.Name, Architecture: card.Architecture, WeightsHash: hash,
			Network: clip.ImageTower{Config: cfg}, Preprocess: card.Preprocess, Params: params},
		Text: &models.Model{Name: card.Name + " text", Architecture: card.Architecture, WeightsHash: hash,
			Network: clip.TextTower{Config: cfg}, Params: params},
		Card: card, CLIP: &cfg, Tok: tok,
	}, nil
}

// Untrained is the same architecture with the weights that its authors' code starts from.
func (m *Model) Untrained(seed uint64) (*Model, error) {
	card := m.Card
	card.Name = fmt.Sprintf("random:%s?seed=%d", m.Card.Name, seed)
	card.Shipped = false
	params, err := card.Config.Random(seed)
	if err != nil {
		return nil, err
	}
	return build(card, params, fmt.Sprintf("random-%s-%d", configHash(card.Config), seed))
}

func configHash(c clip.Config) string {
	b, err := json.Marshal(c)
	if err != nil {
		return "?"
	}
	return string(b)
}

// Encoder embeds pictures and texts with both towers.
func (m *Model) Encoder(be *backend.Backend, batch int) (*clip.Encoder, error) {
	return clip.NewEncoder(be, *m.CLIP, m.Params, m.Tok, batch)
}

// Close frees the weights.
func (m *Model) Close() { m.Params.Close() }

func openRandom(rest string) (*Model, error) {
	name, query, _ := strings.Cut(rest, "?")
	card, err := Find(name)
	if err != nil {
		return nil, err
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("random:%s: %w", rest, err)
	}
	var seed uint64
	for k, v := range q {
		if k != "seed" || len(v) != 1 {
			return nil, fmt.Errorf("random:%s: unknown parameter %q; want ?seed=N", rest, k)
		}
		if seed, err = strconv.ParseUint(v[0], 10, 64); err != nil {
			return nil, fmt.Errorf("random:%s: seed: %w", rest, err)
		}
	}
	return (&Model{Card: card}).Untrained(seed)
}

// openFile reads a checkpoint and finds its configuration from its metadata or its tensor shapes.
func openFile(path string) (*Model, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("file:%s: %w", path, err)
	}
	set, err := weights.Open(path, weights.Options{CheckFinite: true})
	if err != nil {
		return nil, err
	}
	defer set.Close()
	canonical, _, err := weights.Canonical(set)
	if err != nil {
		return nil, err
	}
	shapes := map[string][]int{}
	for _, n := range canonical.Names() {
		shapes[n], _ = canonical.Shape(n)
	}
	cfg, err := clip.Infer(shapes, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	pre := preprocess.CLIP224.WithSize(cfg.ImageSize)
	card := Card{Name: "file:" + filepath.Base(path), Architecture: "clip-vit", Source: path, Licence: "unknown", Preprocess: pre, Config: cfg,
		Note: "heads taken to be 64 channels wide, activation quick-GELU, preprocessing OpenAI's"}
	return load(card, set)
}

func miniCard(name string) (Card, error) {
	m, err := mini.Describe(name)
	if err != nil {
		return Card{}, err
	}
	return fromMini(m), nil
}

func fromMini(m mini.Card) Card {
	return Card{Name: m.Name, Architecture: "clip-vit", Source: "shipped with this module", Licence: "Apache-2.0",
		Preprocess: m.Preprocess, Config: m.Config, Shipped: true, Note: m.Summary}
}

// OpenTrained opens the weights file at path as the network that a card describes, before it ships.
func OpenTrained(card mini.Card, path string) (*Model, error) {
	set, err := weights.Open(path, weights.Options{CheckFinite: true})
	if err != nil {
		return nil, err
	}
	defer set.Close()
	return load(fromMini(card), set)
}

// Sites lists the sites of a named model's visual or text tower, from its architecture alone: no weights are read.
func Sites(name, tower string) ([]site.Info, error) {
	var cfg clip.Config
	switch {
	case strings.HasPrefix(name, "file:"):
		m, err := Open(name)
		if err != nil {
			return nil, err
		}
		cfg = *m.CLIP
		m.Close()
	default:
		base, _, _ := strings.Cut(strings.TrimPrefix(name, "random:"), "?")
		card, err := Find(base)
		if err != nil {
			return nil, err
		}
		cfg = card.Config
	}
	var n models.Network = clip.ImageTower{Config: cfg}
	switch tower {
	case "visual":
	case "text":
		n = clip.TextTower{Config: cfg}
	default:
		return nil, fmt.Errorf("tower %q: want visual or text", tower)
	}
	infos, _, err := models.Trace(n)
	return infos, err
}
