// Package zoo opens models by name.
//
//	mini/clip-vit                     a small network that ships with this module
//	openai/clip-vit-b-32              a published one, from a local folder or the Hugging Face cache
//	random:openai/clip-vit-b-32?seed=1  the architecture with its authors' initial weights
//	file:PATH                         a checkpoint on disk, its architecture read off its tensors
//	...?size=196                      the same for pictures of that many pixels a side, positions resampled as the reference does
//
// # Invariants
//
//   - A model's weights hash depends on the values alone, not on the file or layout they came in.
//   - Cards say what is known of a model: source, licence, preprocessing and what was verified.
package zoo

import (
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
	"github.com/ventral-lab/ventral/pkg/rig/site"
)

// Card is what is known of a model.
type Card struct {
	Name         string          `json:"name"`
	Architecture string          `json:"architecture"`
	Parameters   int             `json:"parameters"`
	Source       string          `json:"source"`
	File         string          `json:"file,omitempty"`
	SHA256       string          `json:"sha256,omitempty"` // of File, where it is known
	Licence      string          `json:"licence"`
	Preprocess   preprocess.Spec `json:"preprocess"`
	Config       models.Config   `json:"config"`
	Note         string          `json:"note,omitempty"`
	Shipped      bool            `json:"shipped"`
}

// Model is an open model: its image network, that is recorded from, and, for a CLIP, its text tower.
type Model struct {
	*models.Model
	Card     Card
	Warnings []string      // what a user should know of how the checkpoint was read
	CLIP     *clip.Config  // nil where the model is no CLIP
	Text     *models.Model // the text tower: token ids, as float32 [batch, context], to text embeddings; nil without one
	Tok      *tokenizer.Tokenizer
}

// Cards lists the models that Open knows by name, sorted.
func Cards() []Card {
	var cards []Card
	for _, f := range families {
		cards = append(cards, f.cards...)
	}
	for _, name := range mini.Names() {
		if c, err := miniCard(name); err == nil {
			cards = append(cards, c)
		}
	}
	for i := range cards {
		cards[i].Parameters = models.Parameters(cards[i].Config)
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

// reference is a parsed name.
type reference struct {
	kind string // "", "random" or "file"
	name string // of a card, or a path
	seed uint64
	size int // of the pictures, 0 for the model's own
}

func parse(name string) (reference, error) {
	r := reference{name: name}
	for _, kind := range []string{"random", "file"} {
		if rest, ok := strings.CutPrefix(name, kind+":"); ok {
			r.kind, r.name = kind, rest
		}
	}
	if r.kind == "file" {
		if _, err := os.Stat(r.name); err == nil {
			return r, nil // a path may hold a question mark
		}
	}
	base, query, _ := strings.Cut(r.name, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	r.name = base
	for k, v := range q {
		switch {
		case k == "seed" && len(v) == 1 && r.kind == "random":
			r.seed, err = strconv.ParseUint(v[0], 10, 64)
		case k == "size" && len(v) == 1:
			if r.size, err = strconv.Atoi(v[0]); err == nil && r.size < 1 {
				err = fmt.Errorf("%d is not a number of pixels", r.size)
			}
		default:
			return r, fmt.Errorf("%s: unknown parameter %q; want ?seed=N behind random:, or ?size=PIXELS", name, k)
		}
		if err != nil {
			return r, fmt.Errorf("%s: %s: %w", name, k, err)
		}
	}
	return r, nil
}

// Open opens a model by name (see the package comment). The caller closes it.
func Open(name string) (*Model, error) {
	r, err := parse(name)
	if err != nil {
		return nil, err
	}
	if r.kind == "file" {
		return openFile(r)
	}
	card, err := Find(r.name)
	if err != nil {
		return nil, err
	}
	if r.kind == "random" {
		return untrained(card, r.seed, r.size)
	}
	var set *weights.Set
	if card.Shipped {
		set, err = mini.Open(r.name)
	} else {
		set, err = weights.Open(card.Source, weights.Options{})
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer set.Close()
	return load(card, set, r.size)
}

func load(card Card, set *weights.Set, size int) (*Model, error) {
	canonical, _, err := weights.Canonical(set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", card.Name, err)
	}
	params, err := models.Load(canonical, card.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", card.Name, err)
	}
	return build(card, params, canonical.Hash(), size)
}

// build joins an architecture and its weights, for pictures of size pixels a side, 0 for the card's.
func build(card Card, params *program.Params, hash string, size int) (*Model, error) {
	card.Parameters = models.Parameters(card.Config)
	if size > 0 {
		card.Preprocess = card.Preprocess.WithSize(size)
		if card.Name = card.Name + "?size="; strings.Contains(card.Name[:len(card.Name)-6], "?") {
			card.Name = strings.TrimSuffix(card.Name, "?size=") + "&size="
		}
		card.Name += strconv.Itoa(size)
	}
	network, err := card.Config.Network(size, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", card.Name, err)
	}
	m := &Model{Card: card, Model: &models.Model{Name: card.Name, Architecture: card.Architecture, Config: card.Config, WeightsHash: hash,
		Network: network, Preprocess: card.Preprocess, Params: params}}
	if c, ok := card.Config.(clip.Config); ok {
		return m, m.addText(c)
	}
	return m, nil
}

// addText adds what a CLIP has beside its image tower.
func (m *Model) addText(c clip.Config) error {
	m.CLIP = &c
	if c.TextLayers == 0 {
		return nil
	}
	tok := tokenizer.Default()
	if c.Vocab != tok.Vocabulary().Len() {
		var err error
		if tok, err = tokenizer.Small(c.Vocab); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	m.Tok = tok
	m.Text = &models.Model{Name: m.Name + " text", Architecture: m.Architecture, Config: c, WeightsHash: m.WeightsHash,
		Network: clip.TextTower{Config: c}, Params: m.Params}
	return nil
}

// Close frees the weights.
func (m *Model) Close() { m.Params.Close() }

// openFile reads a checkpoint and finds its configuration from its tensors' names and shapes and the files beside it.
func openFile(r reference) (*Model, error) {
	if _, err := os.Stat(r.name); err != nil {
		return nil, fmt.Errorf("file:%s: %w", r.name, err)
	}
	set, err := weights.Open(r.name, weights.Options{CheckFinite: true})
	if err != nil {
		return nil, err
	}
	defer set.Close()
	canonical, found, err := weights.Canonical(set)
	if err != nil {
		return nil, err
	}
	f, err := familyOf(found.Architecture)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	cfg, warnings, err := f.infer(canonical.Shapes(), found.Layout, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	params, err := models.Load(canonical, cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	card := Card{Name: "file:" + filepath.Base(r.name), Architecture: found.Architecture, Source: r.name, Licence: "unknown",
		Preprocess: f.preprocess(cfg), Config: cfg, Note: strings.Join(warnings, "; ")}
	m, err := build(card, params, canonical.Hash(), r.size)
	if err != nil {
		return nil, err
	}
	m.Warnings = warnings
	return m, nil
}

func miniCard(name string) (Card, error) {
	m, err := mini.Describe(name)
	if err != nil {
		return Card{}, err
	}
	return fromMini(m)
}

func fromMini(m mini.Card) (Card, error) {
	f, err := familyOf(m.Architecture)
	if err != nil {
		return Card{}, fmt.Errorf("%s: %w", m.Name, err)
	}
	cfg, err := f.decode(m.Config)
	if err != nil {
		return Card{}, fmt.Errorf("%s: %w", m.Name, err)
	}
	return Card{Name: m.Name, Architecture: m.Architecture, Source: "shipped with this module", Licence: "Apache-2.0",
		Preprocess: m.Preprocess, Config: cfg, Shipped: true, Note: m.Summary}, nil
}

// OpenTrained opens the weights file at path as the network that a card describes, before it ships.
func OpenTrained(card mini.Card, path string) (*Model, error) {
	set, err := weights.Open(path, weights.Options{CheckFinite: true})
	if err != nil {
		return nil, err
	}
	defer set.Close()
	c, err := fromMini(card)
	if err != nil {
		return nil, err
	}
	return load(c, set, 0)
}

// Sites lists the sites of a named model's image network ("visual") or of a CLIP's text tower ("text"), from its
// architecture alone: no weights are read.
func Sites(name, tower string) ([]site.Info, error) {
	r, err := parse(name)
	if err != nil {
		return nil, err
	}
	var cfg models.Config
	if r.kind == "file" {
		m, err := openFile(r)
		if err != nil {
			return nil, err
		}
		cfg = m.Config
		m.Close()
	} else {
		card, err := Find(r.name)
		if err != nil {
			return nil, err
		}
		cfg = card.Config
	}
	m := &models.Model{Config: cfg}
	c, isCLIP := cfg.(clip.Config)
	switch {
	case tower == "visual":
		if m.Network, err = cfg.Network(r.size, r.size); err != nil {
			return nil, err
		}
	case tower == "text" && isCLIP && c.TextLayers > 0:
		m.Network = clip.TextTower{Config: c}
	case tower == "text":
		return nil, fmt.Errorf("%s has no text tower", name)
	default:
		return nil, fmt.Errorf("tower %q: want visual or text", tower)
	}
	return m.Sites()
}
