package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ventral-lab/ventral/models/mini"
)

// TestFrom: a training from weights starts from exactly those, remembers the trainings behind them, and is another recipe.
func TestFrom(t *testing.T) {
	for _, name := range []string{"vgg", "dino"} {
		dir := t.TempDir()
		r, err := New(name, Settings{Preset: Quick, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		first, err := r.Task.Start(1)
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		path := filepath.Join(dir, name+".safetensors")
		if err := r.WriteWeights(first, path); err != nil {
			t.Fatal(err)
		}
		card := mini.Card{Name: "mini/" + name, Training: mini.Training{Data: "second", Pictures: 7, Seconds: 2, Earlier: []mini.Training{{Data: "first", Pictures: 5, Seconds: 1}}}}
		if err := WriteCard(card, dir); err != nil {
			t.Fatal(err)
		}
		r, err = New(name, Settings{Preset: Quick, Seed: 2, Peak: 1e-4, From: path})
		if err != nil {
			t.Fatal(err)
		}
		if r.Options.Schedule.Peak != 1e-4 {
			t.Errorf("%s: peak %g", name, r.Options.Schedule.Peak)
		}
		r.Options.Out = t.TempDir()
		p, st, err := begin(r.Options, r.Task)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if !strings.Contains(string(st.Recipe), r.Options.From.SHA256) {
			t.Errorf("%s: the recipe does not name the weights: %s", name, st.Recipe)
		}
		again := filepath.Join(dir, "again.safetensors")
		if err := r.WriteWeights(p, again); err != nil {
			t.Fatal(err)
		}
		a, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(again); err != nil || string(a) != string(b) {
			t.Errorf("%s: the weights at the start are not those of the file (%v)", name, err)
		}
		if p.Has(teacherPrefix+"norm.weight") != (name == "dino") {
			t.Errorf("%s: teacher %v", name, p.Has(teacherPrefix+"norm.weight"))
		}
		e := r.Options.From.earlier()
		if len(e) != 2 || e[0].Data != "first" || e[1].Data != "second" || e[1].Earlier != nil {
			t.Errorf("%s: earlier trainings %+v", name, e)
		}
	}
}

// TestFromAnother: weights of another network and files that are none are refused with what is wrong.
func TestFromAnother(t *testing.T) {
	r, err := New("mae", Settings{Preset: Quick, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Task.Start(1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	path := filepath.Join(t.TempDir(), "mae.safetensors")
	if err := r.WriteWeights(p, path); err != nil {
		t.Fatal(err)
	}
	if _, err := New("vgg", Settings{Preset: Quick, From: path}); err == nil || !strings.Contains(err.Error(), "same network") {
		t.Errorf("weights of a MAE for a VGG: %v", err)
	}
	if _, err := New("mae", Settings{Preset: Large, From: path}); err == nil {
		t.Error("weights of another size were taken")
	}
	if _, err := New("mae", Settings{Preset: Quick, From: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a file that does not exist was taken")
	}
	if err := os.WriteFile(strings.TrimSuffix(path, ".safetensors")+".json", []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := New("mae", Settings{Preset: Quick, From: path}); err == nil || !strings.Contains(err.Error(), "card") {
		t.Errorf("half a card: %v", err)
	}
}
