package program_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/ventral-lab/ventral/internal/program"
	"github.com/ventral-lab/ventral/pkg/rig/backend"
)

// backends opens those of this machine: always go, XLA where it is, also as on a device with memory of its own.
func backends(t *testing.T) map[string]*backend.Backend {
	all := map[string]*backend.Backend{}
	for _, config := range []string{"go", "xla:cpu", "xla:cpu,noshared_buffers"} {
		if be, err := backend.Open(config); err == nil {
			if strings.HasSuffix(config, "noshared_buffers") == be.HasSharedBuffers() {
				t.Fatalf("%s: shared buffers %v", config, be.HasSharedBuffers())
			}
			all[config] = be
			t.Cleanup(be.Finalize)
		} else if config == "go" {
			t.Fatal(err)
		}
	}
	return all
}

// product runs x·w, with w a weight of shape [2, 2].
func product(t *testing.T, be *backend.Backend, p *program.Params) ([]float32, error) {
	t.Helper()
	prog, err := program.New(be, "product", p, func(g *graph.Graph, ps *program.Params, in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.MatMul(in[0], ps.Node(g, "w", 2, 2))}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	out, err := prog.Run(program.F32([]float32{1, 10}, 1, 2))
	if err != nil {
		return nil, err
	}
	return out[0].F32, nil
}

// counted is a weight 1 2 3 4 that counts how often it is made.
func counted(n *int) program.Fill {
	return func(into []float32) error {
		*n++
		copy(into, []float32{1, 2, 3, 4})
		return nil
	}
}

var want = []float32{31, 42}

// TestDeferredWeightsAreMadeOnce checks that a weight is made when a graph first wants it, once for all graphs of a
// backend, and one that no graph wants not at all.
func TestDeferredWeightsAreMadeOnce(t *testing.T) {
	for name, be := range backends(t) {
		t.Run(name, func(t *testing.T) {
			p := program.NewParams()
			defer p.Close()
			made, unwanted := 0, 0
			if err := errors.Join(p.Defer("w", counted(&made), 2, 2), p.Defer("other", counted(&unwanted), 2, 2)); err != nil {
				t.Fatal(err)
			}
			if p.Count() != 8 || !p.Has("w") || !slices.Equal(p.Names(), []string{"w", "other"}) || made != 0 {
				t.Errorf("%d scalars in %v, made %d times", p.Count(), p.Names(), made)
			}
			for range 2 {
				if got, err := product(t, be, p); err != nil || !slices.Equal(got, want) {
					t.Fatalf("%v, %v", got, err)
				}
			}
			if made != 1 || unwanted != 0 {
				t.Errorf("made %d times, the unwanted one %d times", made, unwanted)
			}
			if v, dims, err := p.Get("w"); err != nil || !slices.Equal(v, []float32{1, 2, 3, 4}) || !slices.Equal(dims, []int{2, 2}) {
				t.Errorf("Get: %v %v %v", v, dims, err)
			}
			if v, _, err := p.Get("other"); err != nil || v[3] != 4 || unwanted != 1 {
				t.Errorf("Get of a weight that is not made: %v %v, made %d times", v, err, unwanted)
			}
			if err := p.Defer("w", counted(&made), 2, 2); err == nil {
				t.Error("a second weight of one name")
			}
		})
	}
}

// TestSetReplacesADeferredWeight, whether it was made or not.
func TestSetReplacesADeferredWeight(t *testing.T) {
	be := backends(t)["go"]
	for _, run := range []bool{false, true} {
		p := program.NewParams()
		n := 0
		if err := p.Defer("w", counted(&n), 2, 2); err != nil {
			t.Fatal(err)
		}
		if run {
			if _, err := product(t, be, p); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Set("w", []float32{1, 0, 0, 1}, 2, 2); err != nil {
			t.Fatal(err)
		}
		if got, err := product(t, be, p); err != nil || !slices.Equal(got, []float32{1, 10}) {
			t.Errorf("run before %v: %v, %v", run, got, err)
		}
		if got := p.Names(); !slices.Equal(got, []string{"w"}) {
			t.Errorf("names %v", got)
		}
		p.Close()
	}
}

// TestFailedFill checks that what goes wrong while a weight is made ends the run with the weight's name, and that it is
// tried again.
func TestFailedFill(t *testing.T) {
	for name, be := range backends(t) {
		t.Run(name, func(t *testing.T) {
			p := program.NewParams()
			defer p.Close()
			broken := errors.New("the disk is gone")
			if err := p.Defer("w", func([]float32) error { return broken }, 2, 2); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := product(t, be, p); !errors.Is(err, broken) || !strings.Contains(err.Error(), `"w"`) {
					t.Errorf("error %v", err)
				}
			}
			broken = nil
			if err := p.Defer("v", func([]float32) error { return nil }, 3); err != nil {
				t.Fatal(err)
			}
			if _, err := product(t, be, p); err != nil {
				t.Errorf("when it is back: %v", err)
			}
		})
	}
}

// TestWeightsMoveBetweenBackends runs on one backend and then on another, there and back: deferred weights are made anew,
// those that were set or changed go along.
func TestWeightsMoveBetweenBackends(t *testing.T) {
	all := backends(t)
	other, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Finalize()
	all["another go"] = other
	for from, a := range all {
		for to, b := range all {
			if from == to {
				continue
			}
			t.Run(from+" to "+to, func(t *testing.T) {
				made := 0
				deferred, set := program.NewParams(), program.NewParams()
				defer deferred.Close()
				defer set.Close()
				if err := errors.Join(deferred.Defer("w", counted(&made), 2, 2), set.Set("w", []float32{1, 2, 3, 4}, 2, 2)); err != nil {
					t.Fatal(err)
				}
				for i, be := range []*backend.Backend{a, b, a} {
					for _, p := range []*program.Params{deferred, set} {
						if got, err := product(t, be, p); err != nil || !slices.Equal(got, want) {
							t.Errorf("run %d: %v, %v", i, got, err)
						}
					}
				}
				if made != 3 {
					t.Errorf("made %d times", made)
				}
			})
		}
	}
}

// TestWeightsOfAClosedBackend: deferred ones come back, those that were set are lost, with an error that says so.
func TestWeightsOfAClosedBackend(t *testing.T) {
	be := backends(t)["go"]
	closed, err := backend.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	deferred, set := program.NewParams(), program.NewParams()
	if err := errors.Join(deferred.Defer("w", counted(&made), 2, 2), set.Set("w", []float32{1, 2, 3, 4}, 2, 2)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*program.Params{deferred, set} {
		if _, err := product(t, closed, p); err != nil {
			t.Fatal(err)
		}
	}
	closed.Finalize()
	if got, err := product(t, be, deferred); err != nil || !slices.Equal(got, want) {
		t.Errorf("deferred: %v, %v", got, err)
	}
	if _, err := product(t, be, set); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("set: %v", err)
	}
}

// TestUpdateOfADeferredWeight trains: a program changes a weight that shares memory with the host, the change stays, also
// on another backend, and the deferred values do not come back.
func TestUpdateOfADeferredWeight(t *testing.T) {
	all := backends(t)
	for name, be := range all {
		t.Run(name, func(t *testing.T) {
			p := program.NewParams()
			defer p.Close()
			made := 0
			if err := p.Defer("w", counted(&made), 2, 2); err != nil {
				t.Fatal(err)
			}
			if _, err := product(t, be, p); err != nil { // shared with the host from here on
				t.Fatal(err)
			}
			step, err := program.New(be, "step", p, func(g *graph.Graph, ps *program.Params, in []*graph.Node) []*graph.Node {
				w := ps.Node(g, "w", 2, 2)
				ps.Update("w", graph.Add(w, graph.BroadcastToShape(graph.Reshape(in[0], 1, 1), w.Shape())))
				return []*graph.Node{graph.ReduceAllSum(w)}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer step.Close()
			for i := range 3 {
				out, err := step.Run(program.F32([]float32{1}, 1))
				if err != nil || out[0].F32[0] != float32(10+4*i) {
					t.Fatalf("step %d: %v, %v", i, out, err)
				}
			}
			grown := []float32{4 + 60, 5 + 70}
			for other := range all {
				if got, err := product(t, all[other], p); err != nil || !slices.Equal(got, grown) {
					t.Errorf("on %s: %v, %v, want %v", other, got, err, grown)
				}
			}
			if made != 1 {
				t.Errorf("made %d times", made)
			}
		})
	}
}

// TestTwoBackendsAtOnce runs programs on two backends side by side: the weights go to and fro, the results stay.
func TestTwoBackendsAtOnce(t *testing.T) {
	one, two := backends(t)["go"], backend.MustOpen("go")
	defer two.Finalize()
	p := program.NewParams()
	defer p.Close()
	made := 0
	if err := p.Defer("w", counted(&made), 2, 2); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, be := range []*backend.Backend{one, two} {
		wg.Go(func() {
			prog, err := program.New(be, "product", p, func(g *graph.Graph, ps *program.Params, in []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.MatMul(in[0], ps.Node(g, "w", 2, 2))}
			})
			if err != nil {
				t.Error(err)
				return
			}
			defer prog.Close()
			for range 50 {
				if out, err := prog.Run(program.F32([]float32{1, 10}, 1, 2)); err != nil || !slices.Equal(out[0].F32, want) {
					t.Errorf("%v, %v", out, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

type closer struct{ n *int }

func (c closer) Close() error {
	*c.n++
	return nil
}

func TestCloseClosesWhatTheWeightsAreReadFrom(t *testing.T) {
	p := program.NewParams()
	n := 0
	p.Own(closer{&n})
	p.Close()
	p.Close()
	if n != 1 {
		t.Errorf("closed %d times", n)
	}
}

// TestDeferredWeightsFromManyGoroutines builds graphs side by side; run it with -race.
func TestDeferredWeightsFromManyGoroutines(t *testing.T) {
	be := backends(t)["go"]
	p := program.NewParams()
	defer p.Close()
	made := 0
	if err := p.Defer("w", counted(&made), 2, 2); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			got, err := product(t, be, p)
			if err == nil && !slices.Equal(got, want) {
				err = fmt.Errorf("%v", got)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil || made != 1 {
		t.Errorf("%v; made %d times", err, made)
	}
}
