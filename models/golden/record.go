package golden

import (
	"fmt"
	"sort"
	"strings"

	"github.com/ventral-lab/ventral/models/verified"
)

// libraries are those that networks of the cases come from; torch computed with all of them.
var libraries = []string{"open_clip", "transformers", "timm", "torchvision", "torch"}

// Record sums reports up for the record of what was verified, those of one weights file on several backends as one case. A
// report with a failed tensor, or without any, is an error.
func Record(reports []Report) ([]verified.Case, error) {
	at := map[string]int{}
	var cases []verified.Case
	for _, r := range reports {
		if r.Error != "" {
			return nil, fmt.Errorf("%s, %s, on %s: %s", r.Case, r.Weights, r.Backend, r.Error)
		}
		if r.Failed() > 0 || len(r.Rows) == 0 {
			return nil, fmt.Errorf("%s, %s, on %s: %d tensors compared, %d beyond tolerance; what fails is not put on record", r.Case, r.Weights, r.Backend, len(r.Rows), r.Failed())
		}
		key := r.Case + "/" + r.Weights
		i, ok := at[key]
		if !ok {
			i = len(cases)
			at[key] = i
			architecture, layout, _ := strings.Cut(r.Layout, "/")
			architecture = strings.TrimSuffix(architecture, "-reg") // one architecture, with and without registers
			cases = append(cases, verified.Case{Case: r.Case, Architecture: architecture, Layout: layout, Weights: r.Weights,
				Libraries: versions(r.Versions), About: r.About, Compared: len(r.Rows), Worst: map[string]float64{}})
			for _, row := range r.NotComparable {
				cases[i].NotComparable = append(cases[i].NotComparable, row.Tensor+": "+row.Reason)
			}
		}
		if c := cases[i]; c.Compared != len(r.Rows) || len(c.NotComparable) != len(r.NotComparable) {
			return nil, fmt.Errorf("%s, %s: %d tensors compared on %s, %d on another backend", r.Case, r.Weights, len(r.Rows), r.Backend, c.Compared)
		}
		cases[i].Worst[r.Backend] = r.Worst().Error
	}
	sort.SliceStable(cases, func(i, j int) bool {
		a, b := cases[i], cases[j]
		if a.Architecture != b.Architecture {
			return a.Architecture < b.Architecture
		}
		return a.Case+"/"+a.Weights < b.Case+"/"+b.Weights
	})
	return cases, nil
}

// versions names the libraries with their versions.
func versions(all map[string]any) string {
	var text []string
	for _, lib := range libraries {
		switch v := all[lib].(type) {
		case string:
			v, _, _ = strings.Cut(v, "+") // without the build
			text = append(text, lib+" "+v)
		case []any:
			var several []string
			for _, x := range v {
				several = append(several, fmt.Sprint(x))
			}
			text = append(text, lib+" "+strings.Join(several, " and "))
		}
	}
	return strings.Join(text, ", ")
}
