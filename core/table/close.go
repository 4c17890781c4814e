package table

import (
	"context"
	"slices"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// Closed tells what a close left behind.
type Closed struct {
	// Unread input in the kernel: its presence turns a close into a reset
	// (RFC 2525 section 2.17), so that the peer may lose what was sent to it.
	Unread int
	// Inbox is input that was read, shown perhaps, and never consumed.
	Inbox int
	// Messages that were read and never consumed.
	Messages int
}

// Close takes the socket out of the table and closes its descriptor: a FIN, or
// a RST when reset is set. It ends all waits on the socket with
// [socket.NoSocket]. It takes no turn: a consumer may hold it for hours.
//
// A linger option makes close(2) wait for the peer: Close then waits at most
// until ctx is done, and the kernel goes on by itself.
func (s *Socket) Close(ctx context.Context, reset bool) (Closed, error) {
	var c Closed
	s.table.remove(s)
	s.mu.Lock()
	layers := s.layers
	s.mu.Unlock()
	if fd, err := s.hold.use(); err == nil {
		if s.carrier == nil && !s.isPassive() && len(layers) == 0 {
			c.Unread = sysUnread(fd)
		}
		switch {
		case reset && s.carrier != nil:
			s.carrier.Abort()
		case reset:
			err = sysResetOnClose(fd)
		}
		s.hold.done()
		if err != nil {
			return c, s.fail("close", err)
		}
	}
	closed := make(chan struct{})
	ok := s.hold.close(func(fd int) {
		s.table.poll.drop(s.watch)
		if !sysLingers(fd) {
			sysClose(fd)
			close(closed)
			return
		}
		go func() {
			defer close(closed)
			sysClose(fd)
		}()
	})
	if !ok {
		return c, s.fail("close", errClosed)
	}
	s.tapped(func(t Tap) { t.End(true, reset) })
	s.untap()
	s.closeLayers(ctx, layers, reset)
	s.table.poll.drop(s.watch) // at once, as a control call may still use the descriptor
	s.mu.Lock()
	kept := s.kept
	s.kept = nil
	s.mu.Unlock()
	for _, h := range kept {
		sysClose(h.FD)
	}
	if s.reading.try() {
		c.Inbox, c.Messages = len(s.in.unread()), len(s.mq.list)
		s.consumed(c.Inbox)
		s.dropped(c.Messages)
		s.reading.give()
	}
	if lent := s.hold.inUse(); !lent { // else the last user closes it
		select {
		case <-closed:
		case <-ctx.Done():
			return c, s.fail("close", waitError(ctx))
		}
	}
	return c, nil
}

// layerTime is how long a close waits for layers to send what was written.
const layerTime = 2 * time.Second

// closeLayers closes the layers, the highest first, and waits until each has sent
// what was written and let go of the socket beneath: the end of this process would
// end them, too.
func (s *Socket) closeLayers(ctx context.Context, layers []*level, reset bool) {
	if len(layers) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, layerTime)
	defer cancel()
	for _, l := range slices.Backward(layers) {
		if reset && l.carrier != nil {
			l.carrier.Abort()
		}
		l.close(s.table)
		if c, ok := l.carrier.(socket.LayerCarrier); ok {
			c.Gone(ctx)
		}
	}
}

// discard closes a socket that never came into the table.
func (s *Socket) discard() {
	s.hold.close(func(fd int) {
		s.table.poll.drop(s.watch)
		sysClose(fd)
	})
}

// Shutdown ends one direction, or both. Of a layer it is the layer's end, which says
// so to its peer in its own way.
func (s *Socket) Shutdown(ctx context.Context, how socket.How) error {
	var err error
	if l := s.top.Load(); l != &s.level {
		var fd int
		if fd, err = l.hold.use(); err == nil {
			err = sysShutdown(fd, how)
			l.hold.done()
		}
	} else {
		err = s.lend(ctx, func(ctx context.Context, l socket.Lent) error {
			_, err := s.proto.Shutdown(ctx, l, how)
			return err
		})
	}
	if err != nil {
		return s.fail("shutdown", err)
	}
	if how != socket.ShutdownRead {
		s.mu.Lock()
		first := !s.shutWr
		s.shutWr = true
		s.mu.Unlock()
		if first {
			s.tapped(func(t Tap) { t.End(true, false) })
		}
	}
	return nil
}

func (s *Socket) isPassive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passive
}
