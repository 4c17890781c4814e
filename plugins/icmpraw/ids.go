package icmpraw

import (
	"errors"
	"math/rand/v2"
	"sync"
)

// ids are those that commands under way use: each has one of its own. Other programs
// may have the same; the content tells those apart. The first is random.
var ids = registry{used: map[uint16]bool{}, next: uint16(rand.Uint32())}

type registry struct {
	mu   sync.Mutex
	used map[uint16]bool
	next uint16
}

// take gives an id away until it is released. There are 65,535: 0 is kept out.
func (r *registry) take() (uint16, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range 1 << 16 {
		r.next++
		if id := r.next; id != 0 && !r.used[id] {
			r.used[id] = true
			return id, nil
		}
	}
	return 0, errors.New("every id is in use")
}

func (r *registry) release(id uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.used, id)
}
