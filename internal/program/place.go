package program

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Fill writes the values of a weight, row-major, into a slice of its size. It gives the same values whenever it is called.
type Fill func(into []float32) error

// Defer adds the weight called name without its values: fill makes them once the first graph that wants the weight is
// compiled, so that the compiler's memory and theirs are not needed at the same time, again
// where the weights move to another backend, and for each Get before that. It is an error if there is a weight of that
// name.
func (p *Params) Defer(name string, fill Fill, dims ...int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Has(name) {
		return fmt.Errorf("weight %q is given twice", name)
	}
	p.late[name] = fill
	p.note(name, dims)
	return nil
}

// unmade stands for the values of a weight that are still to be made. Nothing may run before they are.
func unmade(*graph.Graph, shapes.Shape) *graph.Node {
	panic(errors.New("a weight is used before its values are made; this is an error of this program"))
}

// make makes the weights that the graphs built so far want.
func (p *Params) make(be compute.Backend) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.wanted) > 0 {
		name := p.wanted[0]
		v, fill := p.store.GetVariable("/"+name), p.late[name]
		if fill != nil && !v.HasValue() {
			t, err := place(be, v.Shape().Dimensions, fill, p.changed[name])
			if err == nil {
				err = v.SetValue(t)
			}
			if err != nil {
				return fmt.Errorf("weight %q: %w", name, err)
			}
		}
		if p.changed[name] {
			delete(p.late, name)
		}
		p.wanted = p.wanted[1:]
	}
	return p.store.InitializeVariables(be, nil) // nothing is left to be: it only notes that
}

// Own makes Close close c too: what the weights are read from.
func (p *Params) Own(c io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owned = append(p.owned, c)
}

// place makes a weight in memory of a backend. Where that is the host's own memory, as on a CPU, it is filled in place;
// elsewhere it is made on the host and sent. One that programs change is left on the host until one does: they are given
// its memory, and shared memory cannot be given away.
func place(be compute.Backend, dims []int, fill Fill, host bool) (*tensors.Tensor, error) {
	shape := shapes.Make(dtypes.Float32, dims...)
	host = host || shape.Size() == 0
	if host || !be.HasSharedBuffers() {
		flat := make([]float32, shape.Size())
		if err := fill(flat); err != nil {
			return nil, err
		}
		if host {
			return tensors.FromFlatDataAndDimensions(flat, dims...), nil
		}
		buffer, err := be.BufferFromFlatData(0, flat, shape)
		if err != nil {
			return nil, err
		}
		return tensors.FromBuffer(buffer)
	}
	t, err := tensors.FromShapeForBackend(be, 0, shape)
	if err != nil {
		return nil, err
	}
	var filled error
	if err = tensors.MutableFlatData(t, func(flat []float32) { filled = fill(flat) }); err == nil {
		err = filled
	}
	if err != nil {
		t.MustFinalizeAll()
		return nil, err
	}
	return t, nil
}

// isOn tells whether be is the backend that the weights are on.
func (p *Params) isOn(be compute.Backend) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.on == be
}

// bind makes be the backend that the weights are on. Weights on another one are made there anew, one by one, or copied
// where programs have changed them.
func (p *Params) bind(be compute.Backend) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on == be {
		return nil
	}
	if p.on != nil {
		for v := range p.store.IterVariables() {
			if err := p.move(v, be); err != nil {
				return fmt.Errorf("weight %q: %w", strings.TrimPrefix(v.Path(), "/"), err)
			}
		}
	}
	p.on = be
	return nil
}

func (p *Params) move(v *model.Variable, be compute.Backend) error {
	if !v.HasValue() {
		return nil
	}
	t, err := v.Value()
	if err != nil {
		return err
	}
	if at, err := t.Backend(); err == nil && at == be {
		return nil // there already
	}
	if fill := p.late[strings.TrimPrefix(v.Path(), "/")]; fill != nil {
		moved, err := place(be, t.Shape().Dimensions, fill, false)
		if err != nil {
			return err
		}
		return v.SetValue(moved)
	}
	switch {
	case t.CheckValid() != nil && p.on.IsFinalized():
		return fmt.Errorf("it was left on a backend (%s) that is closed; open the model again", p.on.Name())
	case !t.IsOnAnyDevice():
		return nil // on the host alone
	}
	return toHost(v, t)
}

// change notes that programs change a weight: from now on its values are those that they give it.
func (p *Params) change(name string, v *model.Variable) error {
	p.changed[name] = true
	if !v.HasValue() {
		return nil // it is made first
	}
	delete(p.late, name)
	return unshare(v)
}

// unshare takes a weight out of memory that the host and the backend share: a program that changes a weight is given its
// memory, and shared memory cannot be given away.
func unshare(v *model.Variable) error {
	if !v.HasValue() { // of Params made by Declare
		return nil
	}
	t, err := v.Value()
	if err != nil || !t.IsShared() {
		return err
	}
	return toHost(v, t)
}

func toHost(v *model.Variable, t *tensors.Tensor) error {
	data, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return err
	}
	return v.SetValue(tensors.FromFlatDataAndDimensions(data, t.Shape().Dimensions...))
}
