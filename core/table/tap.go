package table

import (
	"sync"

	"github.com/sosh-shell/sosh/core/socket"
)

// A Tap hears what passes a socket: what is given to and taken from its highest
// level, in the order in which the kernel gave and took it. Calls come one at a time,
// from any goroutine, and hold the socket up: a Tap must not wait for a peer.
// What it is handed is valid during the call.
type Tap interface {
	// Bytes passed a stream; out says that they were sent.
	Bytes(out bool, p []byte)
	// Message passed whole, to or from m.Peer; zero is the socket's peer.
	Message(out bool, m socket.Message)
	// End is the end of one direction: an orderly one, or with reset of both.
	End(out, reset bool)
	// Close is the last call.
	Close()
}

// Ends are what a packet of the socket's would bear.
type Ends struct {
	Local, Remote socket.Address // Remote also after the connection was reset
	Accepted      bool           // the peer connected to us
	Connected     bool           // it is or was connected
	// Protocol is the number of what the kernel carries in IP (SO_PROTOCOL of
	// socket(7)); 0 where there is none.
	Protocol int
	// HeaderIn and HeaderOut say that messages begin with their IP header (raw(7)).
	HeaderIn, HeaderOut bool
}

// Ends are asked of the kernel now.
func (s *Socket) Ends() Ends {
	s.mu.Lock()
	e := Ends{Remote: s.peer, Accepted: s.accepted, Connected: s.begun}
	s.mu.Unlock()
	f, _ := s.Facts()
	e.Local = f.Local
	if !f.Remote.IsZero() {
		e.Remote = f.Remote
	}
	if fd, err := s.hold.use(); err == nil {
		e.Protocol, e.HeaderIn, e.HeaderOut = sysPacket(fd)
		s.hold.done()
	}
	return e
}

// tapping is a tap at work.
type tapping struct {
	mu   sync.Mutex
	tap  Tap
	over bool
}

// Tap makes t hear all that passes from now on, and first what has arrived and is
// unread, when nobody is reading just now. It takes the place of another one, which
// is closed; nil takes that away. False means that there was none, or that the socket
// is closed.
func (s *Socket) Tap(t Tap) bool {
	var next *tapping
	if t != nil {
		next = &tapping{tap: t}
	}
	idle := t != nil && s.reading.try()
	if idle {
		if p := s.in.unread(); len(p) > 0 {
			t.Bytes(false, p)
		}
		for _, m := range s.mq.list {
			t.Message(false, m)
		}
	}
	old := s.tap.Swap(next)
	if idle {
		s.endReading()
		s.readAhead()
	}
	if old != nil {
		old.close()
	}
	if t != nil && s.hold.isClosed() { // meanwhile
		s.untap()
		return false
	}
	return old != nil || t != nil
}

// untap ends the tap of a socket that is closed.
func (s *Socket) untap() {
	if p := s.tap.Swap(nil); p != nil {
		p.close()
	}
}

func (p *tapping) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over = true
		p.tap.Close()
	}
}

func (p *tapping) do(f func(t Tap)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		f(p.tap)
	}
}

// tapped runs f with the tap, if there is one.
func (s *Socket) tapped(f func(t Tap)) {
	if p := s.tap.Load(); p != nil {
		p.do(f)
	}
}

// moved makes a system call that moves bytes of p and tells the tap of them. Both
// under one lock, so that an answer is never told before its question; the call
// must not wait.
func (s *Socket) moved(out bool, fd int, p []byte, call func(fd int, p []byte) (int, error)) (int, error) {
	l := s.top.Load()
	t := s.tap.Load()
	if t == nil || l.framed {
		return call(fd, p)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := call(fd, p)
	if n > 0 && !t.over {
		t.tap.Bytes(out, p[:n])
	}
	return n, err
}

// takeMessage is moved for a message that the kernel has.
func (s *Socket) takeMessage(fd int) (socket.Message, error) {
	unix := s.currentFamily() == socket.FamilyUnix
	t := s.tap.Load()
	if t == nil {
		return sysRecvMessage(fd, unix)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	m, err := sysRecvMessage(fd, unix)
	if err == nil && !t.over {
		t.tap.Message(false, m)
	}
	return m, err
}

// giveMessage is moved for a message that the kernel takes.
func (s *Socket) giveMessage(fd int, m socket.Message) error {
	t := s.tap.Load()
	if t == nil {
		return sysSendMessage(fd, m.Data, m.Peer)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	err := sysSendMessage(fd, m.Data, m.Peer)
	if err == nil && !t.over {
		t.tap.Message(true, m)
	}
	return err
}
