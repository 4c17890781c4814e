package fault

import (
	"sync"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// maxWaiting bounds what is on its way in one direction, in bytes; a piece counts
// pieceCost beside its data.
const (
	maxWaiting = 1 << 20
	pieceCost  = 128
)

// piece is something on its way.
type piece struct {
	m     sdk.Message
	due   time.Time
	err   error // the end
	end   bool  // of what the user sends
	reset bool
	close bool
}

// queue is a delay line: what is put comes out in order, when it is due.
type queue struct {
	done chan struct{} // closed by who takes, at its end

	mu      sync.Mutex
	changed *sync.Cond
	waiting []piece
	size    int
	hurried bool // everything is due
	stopped bool
	timer   *time.Timer
}

func newQueue() *queue {
	q := &queue{done: make(chan struct{})}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// put waits for room. After stop it does nothing.
func (q *queue) put(p piece) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.size > maxWaiting && !q.stopped {
		q.changed.Wait()
	}
	if q.stopped {
		return
	}
	q.waiting = append(q.waiting, p)
	q.size += len(p.m.Data) + pieceCost
	q.changed.Broadcast()
}

// take waits for what is due next; ok is false after stop.
func (q *queue) take() (p piece, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.stopped {
			return piece{}, false
		}
		if len(q.waiting) > 0 {
			p = q.waiting[0]
			left := time.Until(p.due)
			if q.hurried || left <= 0 {
				q.waiting[0] = piece{}
				q.waiting = q.waiting[1:]
				if len(q.waiting) == 0 {
					q.waiting = nil
				}
				q.size -= len(p.m.Data) + pieceCost
				q.changed.Broadcast()
				return p, true
			}
			q.wakeAfter(left)
		}
		q.changed.Wait()
	}
}

// wakeAfter wakes take. The lock is held.
func (q *queue) wakeAfter(d time.Duration) {
	if q.timer == nil {
		q.timer = time.AfterFunc(d, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.changed.Broadcast()
		})
		return
	}
	q.timer.Reset(d)
}

// hurry makes everything due.
func (q *queue) hurry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hurried = true
	q.changed.Broadcast()
}

// cut ends what comes out with err, now.
func (q *queue) cut(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = []piece{{err: err}}
	q.size = pieceCost
	q.changed.Broadcast()
}

// stop ends all waiting.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	q.waiting = nil
	if q.timer != nil {
		q.timer.Stop()
	}
	q.changed.Broadcast()
}
