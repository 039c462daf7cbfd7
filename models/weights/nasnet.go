package weights

import (
	"strings"
)

// nasnetA holds NASNet-A under timm's names, which are those of Cadene's pretrained-models.pytorch, too.
var nasnetA = family{
	architecture: "nasnet-a",
	detect: func(n names) (Layout, bool) {
		return Timm, n.has("cell_stem_0.comb_iter_0_left.") && n.has("cell_stem_1.path_1.conv.")
	},
	toCanonical: func(_ Layout, shapes map[string][]int) (Mapping, error) {
		m := identity(Timm, shapes, func(name string) bool { return strings.HasSuffix(name, ".num_batches_tracked") })
		for i, r := range m.Rules {
			if d := shapes[r.Name]; strings.HasPrefix(r.Name, "last_linear.") && len(d) > 0 && d[0] == imageNetWithBackground {
				m.Rules[i].Operation, m.Rules[i].Index = Tail, 1
			}
		}
		return m, nil
	},
}

// imageNetWithBackground are the classes that TensorFlow's networks tell apart: the 1000 of ImageNet behind one that
// stands for none of them. Cadene's converted classifier has it, timm's has not.
const imageNetWithBackground = 1001
