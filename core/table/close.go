package table

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/sosh-shell/sosh/core/inspect"
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
	s.closing = true
	if s.changing != nil {
		s.changing(errClosed)
	}
	s.mu.Unlock()
	if n := len(layers); n > 0 && !layers[n-1].messages() {
		c.Inbox = layers[n-1].unread()
	}
	if fd, err := s.hold.use(); err == nil {
		if s.kind == socket.Stream && s.carrier == nil && !s.isPassive() && len(layers) == 0 {
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
	layersErr := s.closeLayers(ctx, layers, reset)
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
	s.table.poll.drop(s.watch) // at once, as a control call may still use the descriptor
	s.mu.Lock()
	kept := s.kept
	s.kept = nil
	s.mu.Unlock()
	for _, h := range kept {
		sysClose(h.FD)
	}
	if s.reading.try() {
		n := len(s.in.unread())
		c.Inbox, c.Messages = c.Inbox+n, len(s.mq.list)
		s.consumed(n)
		s.dropped(c.Messages)
		s.reading.give()
	}
	if lent := s.hold.inUse(); !lent { // else the last user closes it
		select {
		case <-closed:
		case <-ctx.Done():
			return c, s.fail("close", waitError(ctx))
		}
		if err := s.awaitCarrier(ctx, reset); err != nil && layersErr == nil {
			return c, err
		}
	}
	return c, layersErr
}

// awaitCarrier waits until who carries the socket has given it all that was written
// and has closed it: the end of this process would end the plugin, too.
func (s *Socket) awaitCarrier(ctx context.Context, reset bool) error {
	if s.awaitGone(ctx, &s.level) || reset {
		return nil
	}
	s.carrier.Abort()
	return s.unsent(s.desc.Word())
}

// unsent is the error of a close that gave up.
func (s *Socket) unsent(what string) error {
	return &socket.Error{Op: "close", Place: s.name, Err: socket.Faultf(socket.Timeout, "%s had not sent all that was written", what),
		Hint: "the connection was reset, so that the peer does not take what came for the whole"}
}

// layerTime is how long a close waits for layers while nothing moves. A peer that
// reads slowly has all the time that ctx allows.
const layerTime = 2 * time.Second

// closeLayers closes the layers, the highest first, and waits until each has sent
// what was written and let go of the socket beneath: the end of this process would
// end them, too. Where one does not, the connection is reset: an orderly end would
// say that all had been sent.
func (s *Socket) closeLayers(ctx context.Context, layers []*level, reset bool) error {
	var stuck *level
	for _, l := range slices.Backward(layers) {
		if (reset || stuck != nil) && l.carrier != nil {
			l.carrier.Abort()
		}
		l.close(s.table)
		if stuck == nil && !s.awaitGone(ctx, l) {
			stuck = l
			if fd, err := s.hold.use(); err == nil {
				sysResetOnClose(fd)
				s.hold.done()
			}
			if s.carrier != nil {
				s.carrier.Abort()
			}
			l.carrier.Abort()
		}
	}
	if stuck == nil || reset {
		return nil
	}
	return s.unsent(stuck.desc.Name)
}

// awaitGone waits until nothing of the layer is left, as long as something moves
// beneath it; false when nothing does, or ctx is done.
func (s *Socket) awaitGone(ctx context.Context, l *level) bool {
	c, ok := l.carrier.(socket.LayerCarrier)
	if !ok {
		return true
	}
	moved := s.movement()
	for {
		wait, cancel := context.WithTimeout(ctx, layerTime)
		err := c.Gone(wait)
		cancel()
		if err == nil {
			return true
		}
		now := s.movement()
		if ctx.Err() != nil || now == moved {
			return false
		}
		moved = now
	}
}

// movement is a figure that changes while bytes go out of the socket itself.
func (s *Socket) movement() string {
	if s.carrier != nil {
		figure := strconv.FormatUint(s.carrier.Facts().Moved, 10)
		if c, ok := s.carrier.(interface{ Moved() int64 }); ok { // on their way to a plugin that is far
			figure += " " + strconv.FormatInt(c.Moved(), 10)
		}
		return figure
	}
	fd, err := s.hold.use()
	if err != nil {
		return ""
	}
	defer s.hold.done()
	return inspect.Progress(fd)
}

// unread is the number of bytes that the level has and nobody has read.
func (l *level) unread() int {
	fd, err := l.hold.use()
	if err != nil {
		return 0
	}
	defer l.hold.done()
	return sysUnread(fd)
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
