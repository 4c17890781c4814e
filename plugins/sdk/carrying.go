package sdk

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// stream carries one socket's bytes or messages for as long as the host has it open.
// gRPC's window is the backpressure, both ways.
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
	c := &carrying{held: s, st: st, p: h.p, heard: make(chan struct{})}
	c.send(&pb.FromSocket{Facts: s.facts()}) // from now on a cancel is a reset, and not lost
	go func() {
		defer close(c.heard)
		c.up()
	}()
	// Cancelled is reset: it must also end a write that the peer does not take.
	stop := context.AfterFunc(st.Context(), func() { caught("reset", c.cutOff) })
	ended := caught("write", c.down)
	if errors.Is(ended, Failed) {
		c.finish(ended)
	}
	stop()
	if ended != nil {
		caught("reset", c.cutOff) // also when the other has just begun to: it must be before the close
	}
	caught("close", func() error { h.forget(s); return nil })
	c.leave()
	return nil
}

// leaveAfter is how long a Read or an Accept may go on when Close has returned.
const leaveAfter = 500 * time.Millisecond

// leave waits until the reader has ended, as nobody may send when the stream is over.
// One that an author's Close does not end is left alone: the user's close must not
// wait for it.
func (c *carrying) leave() {
	timer := time.NewTimer(leaveAfter)
	defer timer.Stop()
	select {
	case <-c.heard:
		return
	case <-timer.C:
	}
	log.Printf("Close has returned, and a Read or an Accept goes on, which it must end")
	c.sending.Lock()
	defer c.sending.Unlock()
	c.over = true
}

// carrying is one stream at work.
type carrying struct {
	*held
	st pb.Plugin_StreamServer
	p  Protocol

	heard chan struct{} // closed when the reader has ended, and told why

	sending sync.Mutex // held while the window is full: nothing but Send may need it
	over    bool       // the stream is: nobody may send; under sending

	mu       sync.Mutex
	writeErr error // why what the host writes no longer goes out
	finished bool  // the host is told how it ended
}

// cutOff makes the close a reset and ends what waits.
func (c *carrying) cutOff() error {
	c.reset()
	c.interrupt()
	return nil
}

// down moves what comes from the host to the socket. nil is an orderly close by the
// host, after everything before it was written.
func (c *carrying) down() error {
	for {
		m, err := c.st.Recv()
		if err != nil {
			return err
		}
		switch w := m.What.(type) {
		case *pb.ToSocket_Data:
			c.put(len(w.Data), func() error { return c.write(w.Data) })
		case *pb.ToSocket_Message:
			out, err := wire.ToMessage(w.Message)
			if err != nil {
				return Faultf(Failed, "%v", err)
			}
			c.put(len(out.Data), func() error { return c.held.send(out, c.returned) })
		case *pb.ToSocket_End:
			if err := c.endWriting(c.p, c.mark); err != nil && !c.broken() {
				c.broke(err)
			}
			c.send(&pb.FromSocket{Facts: c.facts()})
		case *pb.ToSocket_Close:
			return nil
		}
	}
}

// put writes n bytes once the socket takes any.
func (c *carrying) put(n int, write func() error) {
	if !connectionless(c.sort()) {
		select {
		case <-c.begun.ch:
		case <-c.closed.ch:
			return
		case <-c.st.Context().Done():
			return
		}
	}
	if c.broken() {
		// After a reset the reader tells the host, behind what it still has to deliver.
		// Until then a write waits, as it would for a peer that takes nothing.
		select {
		case <-c.heard:
		case <-c.closed.ch:
		case <-c.st.Context().Done():
		}
		return
	}
	if err := write(); err != nil {
		c.broke(err)
		return
	}
	c.moved.Add(uint64(n))
}

// broken reports whether the host was told that nothing can be written.
func (c *carrying) broken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writeErr != nil
}

// returned tells the host what came back for a message.
func (c *carrying) returned(r socket.Return) error {
	return c.send(&pb.FromSocket{What: &pb.FromSocket_Return{Return: wire.FromReturn(r)}})
}

// broke tells the host that what it writes goes nowhere. After a reset the reading
// side tells, as long as it is alive: it may have bytes to deliver first.
func (c *carrying) broke(err error) {
	err = cause(err)
	c.mu.Lock()
	c.writeErr = err
	finished := c.finished
	c.finished = finished || !errors.Is(err, Reset)
	now := c.finished
	c.mu.Unlock()
	if now {
		c.send(&pb.FromSocket{What: finish(err), Facts: c.facts()})
	}
}

// up moves what comes from the socket to the host, or, of a passive socket, the news
// that a connection waits.
func (c *carrying) up() {
	if !connectionless(c.sort()) {
		select {
		case <-c.begun.ch:
		case <-c.passive.ch:
			if err := caught("accept", c.watch); err != nil {
				c.finish(err)
			}
			return
		case <-c.closed.ch:
			return
		}
	}
	err := caught("read", c.read)
	switch {
	case errors.Is(err, errStream), errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrClosed):
		return // the stream is over, or this side ended it
	case errors.Is(err, os.ErrDeadlineExceeded) && c.st.Context().Err() != nil:
		return
	}
	c.finish(cause(err))
}

// errStream is the end of the stream, and not of the socket.
var errStream = errors.New("the stream has ended")

func (c *carrying) read() error {
	if c.sort().Messages() {
		return c.messages(func(m Message) error {
			return c.send(&pb.FromSocket{What: &pb.FromSocket_Message{Message: wire.FromMessage(m)}})
		}, c.returned)
	}
	return c.bytes(func(p []byte) error { return c.send(&pb.FromSocket{What: &pb.FromSocket_Data{Data: p}}) })
}

// finish tells the host that nothing more comes, and why, once. The kernel tells of a
// reset once, and the writer may have got it: whether it has is looked at in the same
// moment in which it learns that it must tell, lest neither does.
func (c *carrying) finish(err error) {
	c.mu.Lock()
	if err == nil {
		err = c.writeErr
	}
	done := c.finished
	c.finished = true
	c.mu.Unlock()
	if !done {
		c.send(&pb.FromSocket{What: finish(err), Facts: c.facts()})
	}
}

// watch says that a connection waits, once, and again after the host has tried to
// accept: so there is at most one note under way.
func (c *carrying) watch() error {
	for {
		if err := c.waitClient(); err != nil {
			if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			return err
		}
		if c.send(&pb.FromSocket{What: &pb.FromSocket_Acceptable{Acceptable: true}}) != nil {
			return nil
		}
		select {
		case <-c.again:
		case <-c.closed.ch:
			return nil
		}
	}
}

// send is Send by one goroutine at a time, as gRPC wants it.
func (c *carrying) send(m *pb.FromSocket) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.over || c.st.Send(m) != nil {
		return errStream
	}
	return nil
}

func finish(err error) *pb.FromSocket_Finish {
	return &pb.FromSocket_Finish{Finish: &pb.Finish{Error: wire.FromError(err)}}
}

// cause is the end of a connection in the contract's words; nil for an orderly one.
func cause(err error) error {
	var fault Fault
	var errno syscall.Errno
	switch {
	case err == nil, err == io.EOF:
		return nil
	case errors.As(err, &fault):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return Truncated
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return Reset
	case errors.As(err, &errno):
		return errno
	}
	return err
}
