package zoo_test

import (
	"os"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models/verified"
	"github.com/ventral-lab/ventral/models/zoo"
)

const tablesDir = "../weights/testdata/keys"

// TestPageIsInStep renders docs/verified-models.md from the record and wants the page that is there: the cards, the cases
// and the tables are those of the last `models verify --write`.
func TestPageIsInStep(t *testing.T) {
	r, err := verified.Load()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := zoo.WritePage(&b, r); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/verified-models.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != b.String() {
		t.Error("docs/verified-models.md is not what the cards and models/verified/verified.json give: run `go run ./cmd/ventral models verify --write`")
	}
}

// TestTablesAreInStep matches the tables anew and compares with the record.
func TestTablesAreInStep(t *testing.T) {
	tables, err := zoo.MatchTables(tablesDir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := verified.Load()
	if err != nil {
		t.Fatal(err)
	}
	want, err := verified.Record{Tables: tables}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	have, err := verified.Record{Tables: r.Tables}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(have) {
		t.Error("the tables of models/verified/verified.json are not those of models/weights/testdata/keys: run `go run ./cmd/ventral models verify --write`")
	}
}

// TestEveryCardHasAProof: a reference case for the architecture of every published model and, for those of the documents, a
// table of names and shapes.
func TestEveryCardHasAProof(t *testing.T) {
	r, err := verified.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"openai/clip-vit-b-32", "openai/clip-vit-b-16", "openai/clip-vit-l-14", "openai/clip-rn50", "openai/clip-rn101", "openai/clip-rn50x4",
		"facebook/dinov2-vit-b-14", "facebook/dinov2-reg-vit-b-14", "facebook/mae-vit-b-16", "torchvision/vgg19", "timm/nasnetalarge"} {
		if len(r.Matched(name)) == 0 {
			t.Errorf("%s: no table of names and shapes matches it", name)
		}
	}
	for _, c := range zoo.Cards() {
		if c.Shipped {
			continue
		}
		if len(r.Of(c.Architecture)) == 0 {
			t.Errorf("%s: no case proves %s", c.Name, c.Architecture)
		}
		if c.Verified == "" || c.Licence == "" || c.Source == "" {
			t.Errorf("%s: verified %q, licence %q, source %q", c.Name, c.Verified, c.Licence, c.Source)
		}
	}
}
