package sdk

import (
	"context"
	"fmt"
	"time"
)

// unwrap ends the layer in order. What the user had written goes out first; what
// the layer had decoded goes to the host, which sees an end after it; what it read
// and is not its own comes back.
func (l *layered) unwrap(ctx context.Context) ([]byte, error) {
	l.mu.Lock()
	if l.unwrapping || l.running == 0 {
		l.mu.Unlock()
		return l.afterwards(ctx)
	}
	l.unwrapping = true
	l.mu.Unlock()
	stop := context.AfterFunc(ctx, l.interrupt)
	defer stop()

	l.u.SetDeadline(past)
	<-l.downDone
	answers := false
	if e, ok := l.conn.(EndAnswerer); ok {
		caught(l.name+"'s AnswersEnd", func() error { answers = e.AnswersEnd(); return nil })
	}
	if answers {
		if err := l.closeWrite(); err != nil {
			l.interrupt()
		}
	} else {
		l.stopReads()
	}
	<-l.upDone

	err := l.outcome(ctx)
	var unread []byte
	w, unwraps := l.conn.(Unwrapper)
	switch {
	case err != nil:
		unread = l.salvaged(err)
	case unwraps:
		l.beneath.SetDeadline(time.Time{})
		err = caught(l.name+"'s Unwrap", func() (err error) { unread, err = w.Unwrap(ctx); return err })
		if err != nil && ctx.Err() != nil {
			err = l.outcome(ctx)
		}
	}
	unread = append(unread, l.rest()...)
	l.interrupt()
	l.beneath.Close()
	l.tellEnd(err)
	close(l.gone)
	if l.u.tail.Len() > 0 {
		go func() { // the host need not read before it has the answer
			l.u.SetDeadline(time.Time{})
			l.u.flush()
			l.u.close()
		}()
	} else {
		l.u.close()
	}
	return unread, err
}

// stopReads ends what up waits for.
func (l *layered) stopReads() {
	l.beneath.SetReadDeadline(past)
	if c, ok := l.conn.(interface{ SetReadDeadline(time.Time) error }); ok {
		caught(l.name+"'s SetReadDeadline", func() error { return c.SetReadDeadline(past) })
	}
}

// outcome is what the goroutines ended with.
func (l *layered) outcome(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s did not end in order: %w", l.name, ctx.Err())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, err := range []error{l.upErr, l.breakage} {
		if err != nil {
			return err
		}
	}
	select {
	case <-l.ended:
		return l.reason
	default:
		return nil
	}
}

// tellEnd sets the reason, if there was no end yet. The host sees it with the close.
func (l *layered) tellEnd(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.ended:
	default:
		if l.reason = err; err == nil {
			l.u.sign()
		}
		close(l.ended)
	}
}

// afterwards is unwrap for a layer that has ended by itself: its bytes are kept.
func (l *layered) afterwards(ctx context.Context) ([]byte, error) {
	if err := l.Gone(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	unread := l.salvage
	l.salvage = nil
	return unread, l.reason
}

// takeSalvage is what a layer that has gone had read and nobody took, once.
func (l *layered) takeSalvage() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	unread := l.salvage
	l.salvage = nil
	return unread
}
