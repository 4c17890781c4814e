package sdk

import (
	"sync"
	"time"
)

// watch sees a user close while the connection does not take bytes. For one
// goroutine, and the timer's.
type watch struct {
	l     *layered
	timer *time.Timer

	mu      sync.Mutex
	writing bool
	done    chan struct{} // of the timer's goroutine
}

// watchAfter is how long a write may take before anybody looks.
const watchAfter = 200 * time.Millisecond

// over calls f, which may take long.
func (w *watch) over(f func() error) error {
	w.mu.Lock()
	w.writing = true
	w.mu.Unlock()
	if w.timer == nil {
		w.timer = time.AfterFunc(watchAfter, w.look)
	} else {
		w.timer.Reset(watchAfter)
	}
	err := f()
	w.timer.Stop()
	w.mu.Lock()
	w.writing = false
	done := w.done
	w.done = nil
	w.mu.Unlock()
	if done != nil {
		w.l.u.stopReads()
		<-done
		w.l.mu.Lock()
		if !w.l.unwrapping {
			w.l.u.SetReadDeadline(time.Time{})
		}
		w.l.mu.Unlock()
	}
	return err
}

func (w *watch) look() {
	w.mu.Lock()
	if !w.writing || w.done != nil {
		w.mu.Unlock()
		return
	}
	done := make(chan struct{})
	w.done = done
	w.mu.Unlock()
	defer close(done)
	if w.l.u.untilHungUp() == nil {
		w.l.beneath.hurry()
	}
}
