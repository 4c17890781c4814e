package sdk

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// layered is a layer at work: the connection that the layer's Wrap returned, between
// the host's pair and the descriptor beneath. Two goroutines move the bytes; the last
// of them closes both.
type layered struct {
	name    string
	conn    any // the net.Conn or MessageConn
	options OptionValues
	beneath *beneath
	rest    func() []byte // of the host's unread bytes, what nobody took
	u       *upper

	ended    chan struct{} // closed when reason is known
	broken   chan struct{} // closed when breakage is
	gone     chan struct{}
	upDone   chan struct{}
	downDone chan struct{}
	watch    watch

	mu         sync.Mutex
	reason     error // why the bytes ended
	breakage   error // why what the user writes goes nowhere
	closing    bool  // the user has closed
	aborted    bool
	halfClosed bool  // the layer's own end was sent
	unwrapping bool  // the goroutines are to stop, and leave the end to unwrap
	running    int   // of the goroutines
	upErr      error // what ended up while unwrap works
	salvage    []byte
}

// start moves bytes from now on.
func (l *layered) start() {
	l.ended, l.broken, l.gone = make(chan struct{}), make(chan struct{}), make(chan struct{})
	l.upDone, l.downDone = make(chan struct{}), make(chan struct{})
	l.running = 2
	l.watch.l = l
	go l.up()
	go l.down()
}

// End implements socket.Carrier.
func (l *layered) End(ctx context.Context) error {
	select {
	case <-l.ended:
		return l.reason
	default:
	}
	select {
	case <-l.ended:
		return l.reason
	case <-l.broken:
		return l.breakage
	case <-ctx.Done():
		return socket.Lost
	}
}

// Facts implements socket.Carrier.
func (l *layered) Facts() socket.Facts {
	select {
	case <-l.gone:
		return socket.Facts{State: "closed"}
	default:
		return socket.Facts{State: "open"}
	}
}

// Gone implements socket.LayerCarrier.
func (l *layered) Gone(ctx context.Context) error {
	select {
	case <-l.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Abort implements socket.Carrier.
func (l *layered) Abort() {
	l.mu.Lock()
	l.aborted = true
	l.mu.Unlock()
	l.beneath.Reset()
	l.interrupt()
}

// interrupt ends whatever the connection waits for.
func (l *layered) interrupt() {
	l.beneath.interrupt()
	l.closeConn()
}

func (l *layered) closeConn() {
	if c, ok := l.conn.(io.Closer); ok {
		caught(l.name+"'s Close", c.Close)
	}
}

// facts are what the layer counts, and what it knows.
func (l *layered) facts() []Setting {
	out := []Setting{
		{Name: "sent", Value: formatCount(l.beneath.sent.Load())},
		{Name: "received", Value: formatCount(l.beneath.received.Load())},
	}
	if t := l.beneath.refused.text(); t != "" {
		out = append(out, Setting{Name: "refused", Value: t})
	}
	if t, ok := l.conn.(FactTeller); ok {
		caught(l.name+"'s Facts", func() error { out = append(out, t.Facts()...); return nil })
	}
	return out
}

// end tells why the bytes ended, once, and then lets the host see that they did.
func (l *layered) end(reason error, how int) {
	l.mu.Lock()
	select {
	case <-l.ended:
	default:
		if l.aborted {
			reason = socket.Reset
		}
		if l.reason = reason; reason == nil {
			l.u.sign()
		}
		close(l.ended)
	}
	l.mu.Unlock()
	l.u.shutdown(how)
}

// broke tells that what the user writes goes nowhere. After a reset the peer's last
// bytes may still come; any other failure ends the layer.
func (l *layered) broke(err error) {
	l.mu.Lock()
	closing := l.beneath.closing.Load()
	if l.breakage == nil {
		l.breakage = cutShort(err)
		close(l.broken)
	}
	err = l.breakage
	l.mu.Unlock()
	switch {
	case closing || errors.Is(err, os.ErrDeadlineExceeded):
		// The peer has not taken what it was sent, which must not look like an end.
		l.beneath.Reset()
		l.end(socket.Reset, unix.SHUT_RDWR)
	case errors.Is(err, socket.Reset):
		l.u.shutdown(unix.SHUT_RD)
	default:
		l.end(err, unix.SHUT_RDWR)
	}
}

// cutShort is an end in the contract's words: nil for an orderly one.
func cutShort(err error) error {
	var fault Fault
	switch {
	case err == nil, err == io.EOF:
		return nil
	case errors.As(err, &fault):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return Truncated
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Reset
	}
	return err
}

// up moves what comes from beneath to the host.
func (l *layered) up() {
	err := caught(l.name+"'s read", l.moveUp)
	reason := cutShort(err)
	l.mu.Lock()
	unwrapping, closing := l.unwrapping, l.closing
	if unwrapping && !isDeadline(err) {
		l.upErr = reason
	}
	l.mu.Unlock()
	switch {
	case unwrapping: // the host sees the end when it has all
	case closing:
		l.end(nil, unix.SHUT_RDWR)
	case reason == nil || errors.Is(reason, Truncated):
		l.end(reason, unix.SHUT_WR) // the other direction may live
	default:
		l.end(reason, unix.SHUT_RDWR)
	}
	close(l.upDone)
	l.leave()
}

func (l *layered) moveUp() error {
	if m, ok := l.conn.(MessageConn); ok {
		for {
			msg, err := m.ReadMessage()
			if err == nil {
				err = l.u.putMessage(msg)
			}
			if err != nil {
				return err
			}
		}
	}
	if w, ok := l.conn.(io.WriterTo); ok {
		_, err := w.WriteTo(l.u)
		return err
	}
	return moveBytes(l.conn.(net.Conn), func(p []byte) error { l.u.put(nil, p); return nil })
}

// down moves what the user writes to the layer.
func (l *layered) down() {
	l.moveDown()
	close(l.downDone)
	l.leave()
}

func (l *layered) moveDown() {
	err := l.takeAll(l.u.bytes, l.u.read)
	if isDeadline(err) { // of unwrap
		err = l.takeAll(l.u.waiting, l.u.now)
	}
	if err == unix.EAGAIN {
		return
	}
	hungUp := l.u.hungUp()
	if hungUp {
		l.beneath.hurry()
	}
	if err == io.EOF {
		err = l.watch.over(l.closeWrite)
	}
	if err != nil && err != errGone {
		l.broke(err)
	}
	if !hungUp && isDeadline(l.u.untilHungUp()) {
		return
	}
	// Nothing can go out any more, and what comes in nobody can read.
	l.mu.Lock()
	if l.unwrapping {
		l.mu.Unlock()
		return
	}
	l.closing = true
	l.mu.Unlock()
	l.interrupt()
}

// errGone is the end of a layer that has said already why it ended.
var errGone = errors.New("gone")

// takeAll hands what the user writes to the layer, until there is no more.
func (l *layered) takeAll(bytes func(func([]byte) error) error, frames reading) error {
	m, messages := l.conn.(MessageConn)
	for {
		var err error
		if messages {
			var msg Message
			if msg, err = l.u.in.next(frames); err == nil {
				err = l.write(func() error { return l.orRefused(m.WriteMessage(msg)) })
			} else {
				err = ending(errOrEnd(err))
			}
		} else {
			err = bytes(func(p []byte) error {
				return l.write(func() error { return writeWhole(l.conn.(net.Conn), p) })
			})
		}
		if err != nil {
			return err
		}
	}
}

// errOrEnd makes an end within a frame an end: the host has closed.
func errOrEnd(err error) error {
	if err == io.ErrUnexpectedEOF {
		return io.EOF
	}
	return err
}

// write writes, and says what came of it.
func (l *layered) write(f func() error) error {
	if err := l.watch.over(func() error { return caught(l.name+"'s write", f) }); err != nil {
		l.broke(err)
		return errGone
	}
	return nil
}

// orRefused keeps a message that the layer refuses from ending it.
func (l *layered) orRefused(err error) error {
	if err != nil && refuses(err) {
		l.beneath.refused.note(l.name, err)
		return nil
	}
	return err
}

// closeWrite sends the layer's own end, or, where it has none, the socket's.
func (l *layered) closeWrite() error {
	l.mu.Lock()
	done := l.halfClosed || l.aborted
	l.halfClosed = true
	l.mu.Unlock()
	if done {
		return nil
	}
	if c, ok := l.conn.(CloseWriter); ok {
		return caught(l.name+"'s CloseWrite", c.CloseWrite)
	}
	return l.beneath.CloseWrite()
}

// leave ends a goroutine; the last closes everything, unless unwrap does.
func (l *layered) leave() {
	l.mu.Lock()
	l.running--
	last := l.running == 0 && !l.unwrapping
	l.mu.Unlock()
	if last {
		l.finish()
	}
}

// salvaged is what the layer had read and not delivered when it ended by itself.
func (l *layered) salvaged(reason error) []byte {
	w, ok := l.conn.(Unwrapper)
	if !ok {
		return nil
	}
	if reason != nil {
		l.beneath.interrupt() // the peer may live, and must not be waited for
	}
	var unread []byte
	caught(l.name+"'s Unwrap", func() (err error) { unread, err = w.Unwrap(context.Background()); return err })
	return unread
}

// finish frees all. Bytes that the layer read beyond its end are kept for an unwrap.
func (l *layered) finish() {
	l.end(nil, unix.SHUT_WR)
	l.salvage = append(l.salvaged(l.reason), l.rest()...)
	l.interrupt()
	l.beneath.Close()
	l.u.close()
	close(l.gone)
}
