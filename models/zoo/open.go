package zoo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/models"
	"github.com/ventral-lab/ventral/models/clip"
	"github.com/ventral-lab/ventral/models/mini"
	"github.com/ventral-lab/ventral/models/weights"
)

// Open opens a model by name (see the package comment). The caller closes it; until then a checkpoint's files stay open
// and must not be changed.
func Open(name string) (*Model, error) {
	return OpenContext(context.Background(), name, weights.Options{})
}

// OpenContext is Open with a context that ends a download and options that show it or forbid it.
func OpenContext(ctx context.Context, name string, opts weights.Options) (*Model, error) {
	r, err := parse(name)
	if err != nil {
		return nil, err
	}
	if r.isONNX() {
		return openONNX(r)
	}
	if r.unnamed() {
		return openUnnamed(ctx, r, opts)
	}
	card, err := Find(r.name)
	if err != nil {
		return nil, err
	}
	if r.kind == "random" {
		return untrained(card, r.seed, r.size)
	}
	if card.Shipped && strings.HasSuffix(r.name, "@0") {
		return beginning(card, r.size)
	}
	var set *weights.Set
	if card.Shipped {
		set, err = mini.Open(r.name)
	} else {
		set, err = card.open(ctx, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return load(card, set, r.size)
}

// OpenTrained opens the weights file at path as the network that a card describes, before it ships.
func OpenTrained(card mini.Card, path string) (*Model, error) {
	c, err := fromMini(card)
	if err != nil {
		return nil, err
	}
	set, err := weights.Open(path, weights.Options{})
	if err != nil {
		return nil, err
	}
	return load(c, set, 0)
}

// Reference is where the weights of a published model are, as weights.Open takes it.
func (c Card) Reference() string {
	ref := "hf:" + c.Source
	if c.File != "" {
		ref += ":" + c.File
	}
	return ref
}

// unnamed tells whether r is a checkpoint without a card.
func (r reference) unnamed() bool { return r.kind == "file" || r.kind == "hf" }

// side is the side of the pictures for which the network is built, in pixels.
func (r reference) side(card Card) int {
	if r.size > 0 {
		return r.size
	}
	return card.Preprocess.Size
}

// card finds what is known of the model that r names, and what had to be assumed. No weights are read.
func (r reference) card() (Card, []string, error) {
	if r.isONNX() {
		m, err := openONNX(r)
		if err != nil {
			return Card{}, nil, err
		}
		m.Close()
		return m.Card, m.Warnings, nil
	}
	if !r.unnamed() {
		c, err := Find(r.name)
		return c, nil, err
	}
	f, err := recognise(context.Background(), r, weights.Options{})
	if err != nil {
		return Card{}, nil, err
	}
	return f.card, f.warnings, f.set.Close()
}

// load opens the weights of a model that has a card. It takes set over.
func load(card Card, set *weights.Set, size int) (*Model, error) {
	canonical, found, err := weights.Canonical(set)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", card.Name, err), set.Close())
	}
	if found.Architecture != card.Architecture {
		return nil, errors.Join(fmt.Errorf("%s: %s holds a %s, not a %s; the file is another model's", card.Name, set.Ref(), found, card.Architecture), set.Close())
	}
	m, err := attach(card, canonical, set, size)
	if err != nil {
		return nil, err
	}
	m.Warnings = append(m.Warnings, disagreement(card, canonical, found.Layout)...)
	return m, nil
}

// attach builds the model of a card and a checkpoint under the canonical names, which reads from owner. It takes owner
// over.
func attach(card Card, canonical *weights.Set, owner io.Closer, size int) (*Model, error) {
	fail := func(err error) (*Model, error) {
		return nil, errors.Join(fmt.Errorf("%s: %w", card.Name, err), owner.Close())
	}
	if err := placed(canonical, card.Config); err != nil {
		return fail(err)
	}
	params, err := models.Stream(canonical, card.Config, owner)
	if err != nil {
		return fail(err)
	}
	if err := canonical.CheckFinite(); err != nil { // after the shapes, which say more of a wrong file
		params.Close()
		return nil, fmt.Errorf("%s: %w", card.Name, err)
	}
	m, err := build(card, params, canonical.Hash(), size)
	if err != nil {
		params.Close()
		return nil, err
	}
	return m, nil
}

// placed is an error if the checkpoint has tensors that the architecture has no place for.
func placed(canonical *weights.Set, c models.Config) error {
	shapes := c.Shapes()
	var extra []string
	for _, name := range canonical.Names() {
		if _, ok := shapes[name]; !ok {
			extra = append(extra, name)
		}
	}
	if len(extra) == 0 {
		return nil
	}
	some := strings.Join(extra[:min(len(extra), 5)], ", ")
	return fmt.Errorf("%s: %w: %d tensors have no place in the network: %s; it is a larger model or one with parts added, such as another head: take the checkpoint of the model itself, or leave these tensors out of the file",
		canonical.Ref(), weights.ErrLayout, len(extra), some)
}

// build joins an architecture and its weights, for pictures of size pixels a side, 0 for the card's.
func build(card Card, params *program.Params, hash string, size int) (*Model, error) {
	card.Parameters = models.Parameters(card.Config)
	if size > 0 && size != card.Preprocess.Size {
		card.Preprocess = card.Preprocess.WithSize(size)
		separator := "?"
		if strings.Contains(card.Name, "?") {
			separator = "&"
		}
		card.Name += separator + "size=" + strconv.Itoa(size)
	}
	network, err := card.Config.Network(card.Preprocess.Size, card.Preprocess.Size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", card.Name, err)
	}
	m := &Model{Card: card, Model: &models.Model{Name: card.Name, Architecture: card.Architecture, Config: card.Config, WeightsHash: hash,
		Network: network, Preprocess: card.Preprocess, Params: params}}
	if c, ok := card.Config.(clip.Config); ok {
		m.addText(c)
	}
	return m, nil
}

// recognised is a checkpoint without a card, and the card that was made for it.
type recognised struct {
	card           Card
	set, canonical *weights.Set
	warnings       []string
}

// recognise opens a checkpoint and finds its configuration from its tensors' names and shapes and the files beside it.
func recognise(ctx context.Context, r reference, opts weights.Options) (f recognised, err error) {
	ref := r.name
	if r.kind == "hf" {
		ref = "hf:" + ref
	} else if _, err := os.Stat(r.name); err != nil {
		return f, fmt.Errorf("file:%s: %w", r.name, err)
	}
	if f.set, err = weights.OpenContext(ctx, ref, opts); err != nil {
		return f, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.set.Close())
		}
	}()
	canonical, found, err := weights.Canonical(f.set)
	if err != nil {
		return f, err
	}
	f.canonical = canonical
	fam, err := familyOf(found.Architecture)
	if err != nil {
		return f, fmt.Errorf("%s: %w", r.name, err)
	}
	side, err := canonical.Side()
	if err != nil {
		return f, err
	}
	cfg, warnings, err := fam.infer(canonical.Shapes(), found.Layout, side)
	if err != nil {
		return f, fmt.Errorf("%s: %w", r.name, err)
	}
	spec, from, problems := preprocessing(readSide(side), found.Layout, fam.preprocess(cfg))
	f.warnings = slices.Concat(warnings, problems)
	if from == "" {
		f.warnings = append(f.warnings, "nothing beside the weights says how pictures are prepared: taken to be as usual for a "+found.Architecture+", "+spec.String())
	}
	f.card = Card{Name: r.kind + ":" + filepath.Base(r.name), Architecture: found.Architecture, Source: f.set.Ref(), Licence: "unknown",
		Preprocess: spec, Config: cfg, Note: strings.Join(f.warnings, "; ")}
	if r.kind == "hf" {
		f.card.Name = ref
	}
	f.card.Parameters = models.Parameters(cfg)
	return f, nil
}

// openUnnamed opens a checkpoint without a card.
func openUnnamed(ctx context.Context, r reference, opts weights.Options) (*Model, error) {
	f, err := recognise(ctx, r, opts)
	if err != nil {
		return nil, err
	}
	m, err := attach(f.card, f.canonical, f.set, r.size)
	if err != nil {
		return nil, err
	}
	m.Warnings = append(m.Warnings, f.warnings...)
	return m, nil
}

// disagreement warns where the files beside the weights of a named model say something of its configuration, and the card
// something else.
func disagreement(card Card, canonical *weights.Set, layout weights.Layout) []string {
	side, err := canonical.Side()
	if err != nil {
		return []string{err.Error()}
	}
	if side == nil {
		return nil
	}
	f, err := familyOf(card.Architecture)
	if err != nil {
		return nil
	}
	cfg, _, err := f.infer(canonical.Shapes(), layout, side)
	if err != nil {
		return []string{fmt.Sprintf("the files beside the weights contradict them (%v); the card's configuration is used", err)}
	}
	var warnings []string
	alone, _, err := f.infer(canonical.Shapes(), layout, nil)
	want, have, without := fields(card.Config), fields(cfg), fields(alone)
	for _, k := range sortedKeys(want, have) {
		if said := err != nil || string(have[k]) != string(without[k]); said && string(want[k]) != string(have[k]) {
			warnings = append(warnings, fmt.Sprintf("%s is %s on the card, which is used, and %s in the checkpoint and the files beside it", k, text(want[k]), text(have[k])))
		}
	}
	return warnings
}

func fields(c models.Config) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if b, err := json.Marshal(c); err != nil || json.Unmarshal(b, &m) != nil {
		return nil
	}
	return m
}

func sortedKeys(maps ...map[string]json.RawMessage) []string {
	var keys []string
	for _, m := range maps {
		for k := range m {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func text(raw json.RawMessage) string {
	if raw == nil {
		return "not set"
	}
	return string(raw)
}
