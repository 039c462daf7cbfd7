//go:build !unix

package weights

import (
	"context"
	"sync"
)

var locks sync.Map // path to chan struct{}

// lock is held between the goroutines of this process only.
func lock(ctx context.Context, path string) (func(), error) {
	c, _ := locks.LoadOrStore(path, make(chan struct{}, 1))
	ch := c.(chan struct{})
	select {
	case ch <- struct{}{}:
		return func() { <-ch }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
