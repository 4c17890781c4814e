package sdk

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// stream carries one socket's bytes for as long as the host has it open. gRPC's
// window is the backpressure, both ways.
func (h *holding) stream(st pb.Plugin_StreamServer) error {
	first, err := st.Recv()
	if err != nil {
		return err
	}
	h.mu.Lock()
	s, ok := h.held[first.GetHandle()]
	if ok = ok && !s.streamed; ok {
		s.streamed = true
		s.abandon.Stop()
	}
	h.mu.Unlock()
	if !ok {
		return wire.Status(Faultf(Failed, "no socket has the handle %d", first.GetHandle()), nil, nil)
	}
	c := &carrying{held: s, st: st, p: h.p}
	c.send(&pb.FromSocket{Facts: s.facts()}) // from now on a cancel is a reset, and not lost
	var up sync.WaitGroup
	up.Go(c.up)
	// Cancelled is reset: it must also end a write that the peer does not take.
	stop := context.AfterFunc(st.Context(), func() { c.reset(); s.file.SetDeadline(time.Unix(1, 0)) })
	err = c.down()
	stop()
	if err != nil {
		c.reset() // also when the other has just begun to: it must be before the close
	}
	h.forget(s)
	up.Wait()
	return nil
}

// carrying is one stream at work.
type carrying struct {
	*held
	st pb.Plugin_StreamServer
	p  Protocol

	sending sync.Mutex // held while the window is full: nothing but Send may need it

	mu       sync.Mutex
	writeErr error // why bytes no longer go out
	finished bool  // the host is told how it ended
}

// down moves bytes from the host to the socket. nil is an orderly close by the
// host, after every byte before it was written.
func (c *carrying) down() error {
	for {
		m, err := c.st.Recv()
		if err != nil {
			return err
		}
		switch w := m.What.(type) {
		case *pb.ToSocket_Data:
			c.write(w.Data)
		case *pb.ToSocket_End:
			c.end()
		case *pb.ToSocket_Close:
			return nil
		}
	}
}

func (c *carrying) write(p []byte) {
	select {
	case <-c.connected.ch:
	case <-c.closed.ch:
		return
	case <-c.st.Context().Done():
		return
	}
	c.mu.Lock()
	broken := c.writeErr != nil
	c.mu.Unlock()
	if broken {
		return // the host has been told
	}
	if _, err := c.file.Write(p); err != nil {
		c.broke(err)
	}
}

// broke tells the host that what it writes goes nowhere. When the reading side
// is still alive it tells: it may have bytes to deliver first.
func (c *carrying) broke(err error) {
	c.mu.Lock()
	c.writeErr = cause(err)
	finished := c.finished
	c.mu.Unlock()
	if finished {
		c.send(&pb.FromSocket{What: finish(c.writeErr), Facts: c.facts()})
	}
}

func (c *carrying) end() {
	c.do(c.mark, func(l Lent) error {
		if p, ok := c.p.(Shutdowner); ok {
			_, err := p.Shutdown(c.st.Context(), l, ShutdownWrite)
			return err
		}
		return unix.Shutdown(l.FD, unix.SHUT_WR)
	})
}

// reset makes the close a reset (socket(7), SO_LINGER with a time of 0).
func (c *carrying) reset() {
	c.do(nil, func(l Lent) error {
		return unix.SetsockoptLinger(l.FD, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	})
}

// up moves bytes from the socket to the host, or, of a passive socket, the news
// that a connection waits.
func (c *carrying) up() {
	select {
	case <-c.connected.ch:
		c.read()
	case <-c.passive.ch:
		c.watch()
	case <-c.closed.ch:
	}
}

func (c *carrying) read() {
	buf := make([]byte, wire.MaxFrame)
	for {
		n, err := c.file.Read(buf)
		if n > 0 && c.send(&pb.FromSocket{What: &pb.FromSocket_Data{Data: buf[:n]}}) != nil {
			return // the stream is over
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, os.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded):
			return // this side ended it
		}
		c.mu.Lock()
		c.finished = true
		if errors.Is(err, io.EOF) {
			err = c.writeErr // the kernel tells of a reset once: the writer may have got it
		} else {
			err = cause(err)
		}
		c.mu.Unlock()
		c.send(&pb.FromSocket{What: finish(err), Facts: c.facts()})
		return
	}
}

// watch says that a connection waits, once, and again after the host has tried to
// accept: so there is at most one note under way.
func (c *carrying) watch() {
	for {
		err := c.raw.Read(func(fd uintptr) bool { return ready(int(fd), unix.POLLIN) })
		if err != nil {
			return
		}
		if c.send(&pb.FromSocket{What: &pb.FromSocket_Acceptable{Acceptable: true}}) != nil {
			return
		}
		select {
		case <-c.again:
		case <-c.closed.ch:
			return
		}
	}
}

// send is Send by one goroutine at a time, as gRPC wants it.
func (c *carrying) send(m *pb.FromSocket) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.st.Send(m)
}

func finish(err error) *pb.FromSocket_Finish {
	return &pb.FromSocket_Finish{Finish: &pb.Finish{Error: wire.FromError(err)}}
}

// cause is the end of a connection in the contract's words.
func cause(err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	switch errno {
	case syscall.ECONNRESET, syscall.EPIPE:
		return socket.Reset
	}
	return Faultf(socket.Reset, "%v", errno)
}
