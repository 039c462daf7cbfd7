// Package zoo opens models by name.
//
//	mini/clip-vit                     a small network that ships with this module
//	mini/clip-vit@30                  its image network after 30 steps of the training, of those that mini.Steps lists; @0 is untrained
//	openai/clip-vit-b-32              a published one, from a local folder or the Hugging Face cache
//	random:openai/clip-vit-b-32?seed=1  the architecture with its authors' initial weights
//	file:PATH                         a checkpoint on disk, its architecture read off its tensors and the files beside it
//	file:MODEL.onnx?preprocess=imagenet224  a network of any architecture in an ONNX file; MODEL.json beside it may say the preprocessing instead
//	hf:OWNER/NAME[@REVISION][:FILE]   the same from the Hugging Face hub or its cache
//	...?size=196                      the same for pictures of that many pixels a side, positions resampled as the reference does
//
// # Invariants
//
//   - A model's weights hash depends on the values alone, not on the file or layout they came in.
//   - Cards say what is known of a model: source, licence, preprocessing and what was verified.
//   - A model that opens has every tensor of its architecture, no other, all of the right shape and every number finite.
//   - Opening reads a checkpoint once, to hash and check it; weights reach memory when a graph first wants them, once.
package zoo

import (
	"fmt"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/clip/tokenizer"
	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/preprocess"
	"github.com/ventral-lab/ventral/models/verified"
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
	// Verified says what was verified of the model and its architecture, and when; docs/verified-models.md has all of it.
	Verified string `json:"verified,omitempty"`
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
	record, err := verified.Load()
	for i := range cards {
		cards[i].Parameters = models.Parameters(cards[i].Config)
		if err == nil { // a test reads the record
			cards[i].Verified = record.Summary(cards[i].Architecture, cards[i].Name)
		}
	}
	sort.Slice(cards, func(i, j int) bool { return cards[i].Name < cards[j].Name })
	return cards
}

// Find returns the card of a name; the error lists the nearest names.
func Find(name string) (Card, error) {
	if base, step, err := mini.Split(name); strings.HasPrefix(name, "mini/") && (step >= 0 || err != nil) {
		c, err := miniCard(name)
		if err != nil {
			return Card{}, err
		}
		whole, err := Find(base)
		c.Parameters, c.Verified = models.Parameters(c.Config), whole.Verified
		return c, err
	}
	var names []string
	for _, c := range Cards() {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return Card{}, fmt.Errorf("no model %q; there are %s, random:NAME?seed=N, file:PATH and hf:OWNER/NAME", name, strings.Join(site.Nearest(name, names, 4), ", "))
}

// reference is a parsed name.
type reference struct {
	kind string // "", "random", "file" or "hf"
	name string // of a card, or a path
	seed uint64
	size int // of the pictures, 0 for the model's own

	preprocess, output string // of an ONNX file: a preset, and the tensor that is the network's output
}

func parse(name string) (reference, error) {
	r := reference{name: name}
	for _, kind := range []string{"random", "file", "hf"} {
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
		case k == "preprocess" && len(v) == 1 && r.isONNX():
			r.preprocess = v[0]
		case k == "output" && len(v) == 1 && r.isONNX():
			r.output = v[0]
		default:
			return r, fmt.Errorf("%s: unknown parameter %q; want ?seed=N behind random:, or ?size=PIXELS", name, k)
		}
		if err != nil {
			return r, fmt.Errorf("%s: %s: %w", name, k, err)
		}
	}
	return r, nil
}

// addText adds what a CLIP has beside its image tower. A vocabulary that is not known leaves the text tower out.
func (m *Model) addText(c clip.Config) {
	m.CLIP = &c
	if c.TextLayers == 0 {
		return
	}
	tok := tokenizer.Default()
	if c.Vocab != tok.Vocabulary().Len() {
		var err error
		if tok, err = tokenizer.Small(c.Vocab); err != nil {
			m.Warnings = append(m.Warnings, fmt.Sprintf("texts cannot be encoded, only pictures: the vocabulary of %d tokens is not known (%v)", c.Vocab, err))
			return
		}
	}
	m.Tok = tok
	m.Text = &models.Model{Name: m.Name + " text", Architecture: m.Architecture, Config: c, WeightsHash: m.WeightsHash,
		Network: clip.TextTower{Config: c}, Params: m.Params}
}

// Close frees the weights.
func (m *Model) Close() { m.Params.Close() }

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
	if c, ok := cfg.(clip.Config); ok && strings.Contains(m.Name, "@") {
		cfg = c.VisualOnly() // of the steps on the way no text tower is kept
	}
	return Card{Name: m.Name, Architecture: m.Architecture, Source: "shipped with this module", Licence: "Apache-2.0",
		Preprocess: m.Preprocess, Config: cfg, Shipped: true, Note: m.Summary}, nil
}

// Describe returns the card of a named model, also of random:NAME, and of a checkpoint the one that its tensors and the
// files beside it tell, with what had to be assumed.
func Describe(name string) (Card, []string, error) {
	r, err := parse(name)
	if err != nil {
		return Card{}, nil, err
	}
	return r.card()
}

// Sites lists the sites of a named model's image network ("visual") or of a CLIP's text tower ("text"), from its
// architecture alone: no weights are read.
func Sites(name, tower string) ([]site.Info, error) {
	r, err := parse(name)
	if err != nil {
		return nil, err
	}
	card, _, err := r.card()
	if err != nil {
		return nil, err
	}
	cfg := card.Config
	m := &models.Model{Config: cfg}
	c, isCLIP := cfg.(clip.Config)
	switch {
	case tower == "visual":
		side := r.side(card)
		if m.Network, err = cfg.Network(side, side); err != nil {
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
