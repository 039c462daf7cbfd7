package zoo

import (
	"reflect"
	"testing"
)

func TestSides(t *testing.T) {
	s := readSide([]byte(`{"config": {"heads": 12, "eps": 1e-5, "act": "gelu", "deep": {"list": [3, 224, 224], "bad": [1, "x"], "half": 2.5, "no": null}, "quick": false}}`))
	if n, ok := s.integer("config.heads"); n != 12 || !ok {
		t.Errorf("heads %d, %v", n, ok)
	}
	if x, ok := s.number("config.eps"); x != 1e-5 || !ok {
		t.Errorf("eps %v, %v", x, ok)
	}
	if x, ok := s.text("config.act"); x != "gelu" || !ok {
		t.Errorf("act %q, %v", x, ok)
	}
	if x, ok := s.flag("config.quick"); x || !ok {
		t.Errorf("quick %v, %v", x, ok)
	}
	if x, ok := s.integers("config.deep.list"); !reflect.DeepEqual(x, []int{3, 224, 224}) || !ok {
		t.Errorf("list %v, %v", x, ok)
	}
	if x, ok := s.integers("config.heads"); !reflect.DeepEqual(x, []int{12}) || !ok {
		t.Errorf("one as a list: %v, %v", x, ok)
	}
	for name, got := range map[string]bool{"absent": second(s.integer("config.nothing")), "deeper than there is": second(s.integer("config.heads.x")),
		"half": second(s.integer("config.deep.half")), "null": second(s.text("config.deep.no")), "another type": second(s.text("config.heads")),
		"bad list": second(s.integers("config.deep.bad")), "no list": second(s.integers("config.act")), "nil": second(readSide(nil).integer("config.heads")),
		"not JSON": second(readSide([]byte("{")).text("config")), "null has": s.has("config.deep.no"), "triple of one word": second(s.triple("config.act"))} {
		if got {
			t.Errorf("%s: there is something", name)
		}
	}
	if !s.has("config.deep") {
		t.Error("an object is not there")
	}
}

func second[T any](_ T, ok bool) bool { return ok }
