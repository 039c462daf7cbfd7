package tokenizer

import "sync"

// symbol is a node of a word's doubly linked list of symbols.
type symbol struct {
	id         int32
	prev, next int32 // -1 at the ends
}

// candidate is a pair of neighbours that a merge may join, with the ids it had when it was found.
type candidate struct {
	rank int32
	at   int32 // the left symbol
	a, b int32
	into int32
}

// before orders candidates: the earliest learned merge first, of those the leftmost.
func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.at < d.at
}

// split appends to out the ids of one word. word is not empty.
//
// Byte-pair encoding joins, while there is one, all occurrences of the pair whose merge was learned first, from left to
// right. A merge is learned after the symbols it joins (assemble checks it), so a pair that a join creates always comes
// later than the pair just joined, and taking candidates from a queue by (rank, position) visits them in the same
// order, in n log n steps for n bytes instead of n^2.
func (v *Vocabulary) split(out []int, word string) []int {
	n := len(word)
	if n == 1 {
		return append(out, int(v.end[word[0]]))
	}
	scratch := splitPool.Get().(*splitScratch)
	defer splitPool.Put(scratch)
	list, heap := scratch.list[:0], scratch.heap[:0]
	for i := range n {
		list = append(list, symbol{id: v.inner[word[i]], prev: int32(i - 1), next: int32(i + 1)})
	}
	list[n-1].id, list[n-1].next = v.end[word[n-1]], -1

	offer := func(at int32) {
		next := list[at].next
		if next < 0 {
			return
		}
		a, b := list[at].id, list[next].id
		if m, ok := v.merges[pairKey(a, b)]; ok {
			heap = push(heap, candidate{rank: m.rank, at: at, a: a, b: b, into: m.id})
		}
	}
	for i := range n - 1 {
		offer(int32(i))
	}
	for len(heap) > 0 {
		var c candidate
		c, heap = pop(heap)
		next := list[c.at].next
		if list[c.at].id != c.a || next < 0 || list[next].id != c.b {
			continue // one of the two was joined to another neighbour meanwhile
		}
		after := list[next].next
		list[c.at].id, list[c.at].next = c.into, after
		list[next].id = -1
		if after >= 0 {
			list[after].prev = c.at
		}
		offer(c.at)
		if before := list[c.at].prev; before >= 0 {
			offer(before)
		}
	}
	for i := int32(0); i >= 0; i = list[i].next {
		out = append(out, int(list[i].id))
	}
	scratch.list, scratch.heap = list, heap
	return out
}

type splitScratch struct {
	list []symbol
	heap []candidate
}

var splitPool = sync.Pool{New: func() any { return new(splitScratch) }}

// push and pop keep a binary heap with the first candidate at index 0.
func push(h []candidate, c candidate) []candidate {
	h = append(h, c)
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h[i].before(h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
	return h
}

func pop(h []candidate) (candidate, []candidate) {
	first := h[0]
	last := len(h) - 1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return first, h
		}
		if child+1 < last && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(h[i]) {
			return first, h
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// cache remembers the ids of words in two generations: when the young one is full it becomes the old one, so that the
// memory is bounded and frequent words survive.
type cache struct {
	mu         sync.RWMutex
	limit      int
	young, old map[string][]int
}

// get returns the remembered ids, which must not be changed.
func (c *cache) get(word string) ([]int, bool) {
	c.mu.RLock()
	ids, ok := c.young[word]
	inOld := false
	if !ok {
		ids, inOld = c.old[word]
	}
	c.mu.RUnlock()
	if inOld {
		c.put(word, ids)
	}
	return ids, ok || inOld
}

func (c *cache) put(word string, ids []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.limit {
		c.old, c.young = c.young, nil
	}
	if c.young == nil {
		c.young = make(map[string][]int)
	}
	c.young[word] = ids
}
