package sdk

import (
	"fmt"
	"log"
	"sync"
)

// refusals are the messages that a layer, or the socket beneath, would not take. The
// user's send is over by then, so they are told as a fact, and the first is logged.
type refusals struct {
	mu    sync.Mutex
	count uint64
	last  string
}

// longestRefusal bounds what is kept of a refusal's words, in bytes.
const longestRefusal = 400

func (r *refusals) note(layer string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := err.Error()
	r.last = text[:min(len(text), longestRefusal)]
	if r.count++; r.count == 1 {
		log.Printf("%s: a message was refused: %s", layer, r.last)
	}
}

// text is how many, and the last one's reason; "" while there is none.
func (r *refusals) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == 0 {
		return ""
	}
	return fmt.Sprintf("%d, the last: %s", r.count, r.last)
}
