package table

import (
	"context"
	"errors"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// pipeSize is the room of the pipe between two sockets in bytes: what users may have
// without a privilege (pipe(7)).
const pipeSize = 1 << 20

// stream carries bytes: those that are unread, then by splice(2); by copying while
// somebody wants to see them.
func (c *course) stream(ctx context.Context) error {
	if err := c.unread(ctx); err != nil {
		return err
	}
	var p splicer
	defer p.close()
	for {
		if errors.Is(ctx.Err(), context.Canceled) {
			return waitError(ctx)
		}
		var err error
		if c.spliceable() && !p.refused {
			err = c.splice(ctx, &p)
		} else {
			err = c.copy(ctx)
		}
		if err == syscall.EAGAIN {
			err = c.r.wait(ctx, c.from, toRead)
		}
		if err != nil {
			return err
		}
	}
}

// spliceable reports whether nobody looks at the bytes.
func (c *course) spliceable() bool {
	return c.r.spec.Log == nil && c.from.tap.Load() == nil && c.to.tap.Load() == nil
}

// unread delivers what is in the inbox.
func (c *course) unread(ctx context.Context) error {
	for {
		p := c.from.in.unread()
		if len(p) == 0 {
			return nil
		}
		p = p[:min(len(p), readSize)]
		n, err := c.give(ctx, p)
		c.log(p[:n])
		c.from.tellConsumed(ctx, n)
		c.from.consumed(n)
		if err != nil {
			return err
		}
	}
}

// copy carries what one read gives.
func (c *course) copy(ctx context.Context) error {
	b := scratch.Get().(*[readSize]byte)
	defer scratch.Put(b)
	n, err := c.from.tryReceive(c.from.top.Load(), b[:])
	if err != nil {
		return err
	}
	m, err := c.give(ctx, b[:n])
	c.log(b[:m])
	if m > 0 {
		c.from.in.before = int(b[m-1])
	}
	c.from.putBack(b[m:n])
	return err
}

// give sends p to the other side, and tells how much of it was taken.
func (c *course) give(ctx context.Context, p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n, err := c.to.step(func(fd int) (int, error) { return c.to.moved(true, fd, p[sent:], sysSend) })
		if n > 0 {
			sent += n
			c.to.sent.Add(int64(n))
			c.passed(n)
		}
		if err = c.afterStep(ctx, err); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// afterStep waits where the other side had no room.
func (c *course) afterStep(ctx context.Context, err error) error {
	switch {
	case err == syscall.EAGAIN:
		return c.r.wait(ctx, c.to, toWrite)
	case err != nil:
		return c.to.sendError(err)
	case errors.Is(ctx.Err(), context.Canceled):
		return waitError(ctx)
	}
	return nil
}

// splicer is the pipe that splice(2) needs between two sockets.
type splicer struct {
	r, w    int
	room    int
	made    bool
	refused bool // the descriptors cannot be spliced
}

func (p *splicer) make() (err error) {
	if !p.made {
		if p.r, p.w, p.room, err = sysPipe(pipeSize); err != nil {
			p.refused = true
			return err
		}
		p.made = true
	}
	return nil
}

func (p *splicer) close() {
	if p.made {
		sysClose(p.r)
		sysClose(p.w)
	}
}

// splice carries what one splice(2) gives.
func (c *course) splice(ctx context.Context, p *splicer) error {
	if p.make() != nil {
		return nil // no pipes are left: copy
	}
	l := c.from.top.Load()
	fd, err := l.hold.use()
	if err != nil {
		return err
	}
	n, err := sysSplice(fd, p.w, p.room)
	if err == syscall.EINVAL {
		p.refused = true
		l.hold.done()
		return nil
	}
	n, err = c.from.readResult(l, n, err)
	l.hold.done()
	if err != nil {
		return err
	}
	c.from.in.before = -1 // nobody has seen it
	rest := n
	for rest > 0 {
		m, err := c.to.step(func(fd int) (int, error) { return sysSplice(p.r, fd, rest) })
		if m > 0 {
			rest -= m
			c.to.sent.Add(int64(m))
			c.passed(m)
		}
		if err = c.afterStep(ctx, err); err != nil {
			if rerr := c.from.takeBack(p.r, rest); rerr != nil {
				return socket.Faultf(socket.Lost, "%d bytes under way: %v", rest, rerr)
			}
			return err
		}
	}
	return nil
}

// takeBack makes the bytes in a pipe unread again.
func (s *Socket) takeBack(pipe, n int) error {
	p := make([]byte, n)
	have := 0
	for have < n {
		m, err := sysReadPipe(pipe, p[have:])
		if err != nil || m == 0 {
			s.putBack(p[:have])
			return err
		}
		have += m
	}
	s.putBack(p)
	return nil
}
