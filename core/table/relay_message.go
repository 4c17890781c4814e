package table

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// messages carries messages, those that are unread first.
func (c *course) messages(ctx context.Context) error {
	from := c.from
	for {
		m, err := c.next(ctx)
		if err != nil {
			return err
		}
		if !from.isConnected() && !m.Peer.IsZero() {
			known := c.peer.Swap(&m.Peer) != nil
			if !known {
				close(c.known)
			}
		}
		if err := c.send(ctx, m); err != nil {
			return err
		}
		from.tellConsumed(ctx, 1)
		from.dropped(1)
	}
}

// next is the first unread message, for which it waits.
func (c *course) next(ctx context.Context) (socket.Message, error) {
	s := c.from
	for {
		if errors.Is(ctx.Err(), context.Canceled) {
			return socket.Message{}, waitError(ctx)
		}
		if len(s.mq.list) > 0 {
			return s.mq.list[0], nil
		}
		m, err := s.tryMessage(s.top.Load(), s.bound.Load())
		switch {
		case err == nil:
			s.keepMessage(m)
		case err == syscall.EAGAIN:
			if err := c.r.wait(ctx, s, toRead); err != nil {
				return socket.Message{}, err
			}
		case isReturned(err) && s.kind != socket.Seqpacket: // of one that was sent: a peer may come back
			c.r.drop(err)
		default:
			return socket.Message{}, err
		}
	}
}

// send sends a message on: to the other side's peer or, where it has none, to its last
// sender, for whom it waits.
func (c *course) send(ctx context.Context, m socket.Message) error {
	to := c.to
	out := socket.Message{Data: m.Data}
	if to.Top().Name == c.from.Top().Name {
		out.Type = m.Type
	}
	if !to.isConnected() {
		select {
		case <-c.back.known:
		default:
			if err := c.await(ctx); err != nil {
				return err
			}
		}
		out.Peer = *c.back.peer.Load()
	}
	for again := true; ; again = false {
		dropped, err := c.try(ctx, out)
		if err == nil && !dropped {
			c.passed(len(m.Data))
			c.log(nonNil(m.Data))
		}
		if !dropped || !again { // what came back was about an earlier one
			return err
		}
	}
}

// try sends a message once; dropped says that the network has refused one.
func (c *course) try(ctx context.Context, m socket.Message) (dropped bool, err error) {
	l := c.to.top.Load()
	before := len(l.tail)
	if c.r.spec.Idle > 0 {
		ctx = WithIdle(ctx, c.r.spec.Idle)
	}
	err = c.to.sendMessage(ctx, m)
	if err != nil && before == 0 && len(l.tail) > 0 { // begun, and it goes on with the next
		c.from.tellConsumed(ctx, 1)
		c.from.dropped(1)
	}
	if isReturned(err) {
		c.r.drop(err)
		return true, nil
	}
	return false, err
}

// await waits until the other side has heard from somebody.
func (c *course) await(ctx context.Context) error {
	var quiet <-chan time.Time
	if c.r.spec.Idle > 0 {
		t := time.NewTimer(c.r.spec.Idle)
		defer t.Stop()
		quiet = t.C
	}
	select {
	case <-c.back.known:
		return nil
	case <-quiet:
		return socket.Timeout
	case <-ctx.Done():
		return waitError(ctx)
	}
}

// drop counts a message that did not come through.
func (r *relay) drop(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.undelivered++
	r.last = err
}

// isReturned reports whether the network, or the kernel for it, refused a message.
func isReturned(err error) bool {
	var returned *Returned
	var errno syscall.Errno
	return errors.As(err, &returned) || errors.As(err, &errno) && comesBack(errno)
}

// nonNil tells an empty message from an end.
func nonNil(p []byte) []byte {
	if p == nil {
		return []byte{}
	}
	return p
}
