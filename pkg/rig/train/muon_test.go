package train

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/internal/rng"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// TestMuonMoves says which weights of the family are matrices that map features to features.
func TestMuonMoves(t *testing.T) {
	m := &Muon{}
	for _, c := range []struct {
		name string
		dims []int
		want bool
	}{
		{"visual.proj", []int{128, 128}, true},
		{"visual.conv1.weight", []int{12, 3, 3, 3}, true},
		{"blocks.0.attn.qkv.weight", []int{384, 128}, true},
		{"patch_embed.proj.weight", []int{128, 3, 8, 8}, true},
		{"decoder_embed.weight", []int{64, 128}, true},
		{"token_embedding.weight", []int{8192, 96}, false},
		{"visual.positional_embedding", []int{65, 128}, false},
		{"pos_embed", []int{1, 65, 128}, false},
		{"register_tokens", []int{1, 4, 128}, false},
		{"dino_head.last_layer.weight", []int{1024, 64}, false},
		{"cell_0.comb_iter_0_left.separable_1.depthwise_conv2d.weight", []int{16, 1, 5, 5}, false},
		{"small.weight", []int{4, 128}, false},
		{"ln_1.weight", []int{128}, false},
	} {
		if got := m.moves(c.name, c.dims); got != c.want {
			t.Errorf("%s %v: moved %v, want %v", c.name, c.dims, got, c.want)
		}
	}
	if (*Muon)(nil).moves("visual.proj", []int{128, 128}) {
		t.Error("without Muon a matrix is moved by it")
	}
}

// rotation is a product of Householder reflections, orthogonal to within rounding.
func rotation(n int, name string) [][]float64 {
	q := make([][]float64, n)
	for i := range q {
		q[i] = make([]float64, n)
		q[i][i] = 1
	}
	r := rng.Fast(7, name, 0)
	for range n {
		v, norm := make([]float64, n), 0.0
		for i := range v {
			v[i] = r.Float64() - 0.5
			norm += v[i] * v[i]
		}
		for _, row := range q {
			dot := 0.0
			for i := range v {
				dot += row[i] * v[i]
			}
			for i := range v {
				row[i] -= 2 * dot * v[i] / norm
			}
		}
	}
	return q
}

// TestMuonOrthogonal plants singular values: the directions stay, and every value s becomes what the scalar polynomial
// makes of s over the norm, five times.
func TestMuonOrthogonal(t *testing.T) {
	m := usualMuon()
	onBackends(t, func(t *testing.T, be *backend.Backend) {
		for _, dims := range [][2]int{{8, 8}, {8, 20}, {20, 8}} {
			rows, columns := dims[0], dims[1]
			u, v := rotation(rows, "u"), rotation(columns, "v")
			values := []float64{3, 2, 1.5, 1, 0.8, 0.3, 0.1, 0.05}
			norm := 0.0
			for _, s := range values {
				norm += s * s
			}
			x, want := make([]float32, 2*rows*columns), make([]float64, rows*columns)
			for i := range rows {
				for j := range columns {
					at, to := 0.0, 0.0
					for k, s := range values {
						p := s / math.Sqrt(norm)
						for range m.Rounds {
							p = 3.4445*p - 4.7750*p*p*p + 2.0315*p*p*p*p*p
						}
						if p < 0.6 || p > 1.25 {
							t.Fatalf("the singular value %g becomes %g", s, p)
						}
						at += u[i][k] * s * v[j][k]
						to += u[i][k] * p * v[j][k]
					}
					x[i*columns+j], want[i*columns+j] = float32(at), to
					x[rows*columns+i*columns+j] = float32(1e-3 * at) // the second of a stack, much smaller
				}
			}
			p, err := program.New(be, "orthogonal", program.NewParams(), func(_ *Graph, _ *program.Params, in []*Node) []*Node {
				return []*Node{m.orthogonal(in[0])}
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.Run(program.F32(x, 2, rows, columns))
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range want {
				for half := range 2 {
					if got := float64(out[0].F32[half*len(want)+i]); math.Abs(got-w) > 2e-4 {
						t.Fatalf("%v: element %d of matrix %d is %g, want %g", dims, i, half, got, w)
					}
				}
			}
			p.Close()
		}
	})
}

// TestMuonLearns trains with and without: Muon keeps one moment of a matrix, and its loss falls as well.
func TestMuonLearns(t *testing.T) {
	be := backend.MustOpen("go")
	defer be.Finalize()
	o := testOptions(t.TempDir(), 8, 40)
	o.Muon = usualMuon()
	p, st, err := Run(t.Context(), be, o, contrastive(tinyConfig()))
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, n := range p.Names() {
		have[n] = true
	}
	if !have["adam/m/visual.proj"] || have["adam/v/visual.proj"] || !have["adam/v/token_embedding.weight"] {
		t.Errorf("moments: %v", p.Names())
	}
	if last := st.Curve[len(st.Curve)-1].Loss; last > 1.2 {
		t.Errorf("the loss is %.3f after 40 steps; ln 8 is that of guessing, ln 2 the least", last)
	}
}
