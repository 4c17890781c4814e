package table

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sosh-shell/sosh/core/inspect"
	"github.com/sosh-shell/sosh/core/socket"
)

// Socket is a live socket: a descriptor that this process owns, its name and
// its unread bytes. Its methods are safe for concurrent use; consumers of one
// socket take turns.
type Socket struct {
	level // its own descriptor; layers have others

	table *Table
	name  string
	order int
	born  time.Time

	top atomic.Pointer[level] // where data goes in and out; changed under both turns

	reading, writing turn
	in               inbox // of a stream; guarded by reading
	mq               queue // of messages; guarded by reading
	bound            atomic.Int64
	ahead            int64 // bytes of the inbox that were read ahead; guarded by reading

	sent, received atomic.Int64
	tap            atomic.Pointer[tapping]

	mu       sync.Mutex
	layers   []*level                // the lowest first
	closing  bool                    // no layer comes on any more
	changing context.CancelCauseFunc // ends a wrap or an unwrap under way
	host     string                  // that it was connected to, in words
	accepted bool                    // the peer connected to us
	returned *Returned
	returns  int
	family   socket.Family
	options  []socket.Setting // as set so far, for a new descriptor of another family
	passive  bool
	begun    bool            // it is or was connected
	peer     socket.Address  // to whom, for the time after: the kernel forgets it at a reset
	end      error           // why no more bytes come; nil while they may. Ended, Reset, Truncated, Lost
	shutWr   bool            // we ended our direction
	kept     []socket.Handle // accepted as a caller cancelled
}

func (t *Table) newSocket(name string, proto socket.Complete, desc socket.Description, h socket.Handle, fam socket.Family) *Socket {
	s := &Socket{
		level: level{proto: proto, desc: desc, name: desc.Name, mark: h.Mark, carrier: h.Carrier, kind: desc.Kind},
		table: t, name: name, born: time.Now(), reading: newTurn(), writing: newTurn(), family: fam,
	}
	k := h.Kind
	if h.Carrier == nil {
		k = inspect.Kind(h.FD)
	}
	if k != "" {
		s.kind = k
	}
	s.framed = h.Carrier != nil && s.kind.Messages()
	s.in.before = -1
	s.bound.Store(DefaultInbox)
	s.hold.fd = h.FD
	s.watch = t.poll.watch(&s.hold)
	s.top.Store(&s.level)
	return s
}

// Name is the socket's name in the table.
func (s *Socket) Name() string { return s.name }

// Description is the socket's protocol's.
func (s *Socket) Description() socket.Description { return s.desc }

// Top is the description of what data passes last on its way in: the last layer
// wrapped around the socket, or its protocol. Its fields are those of the build that
// runs now, which encodes and decodes, also for sockets that another build made.
func (s *Socket) Top() socket.Description {
	l := s.top.Load()
	d := l.desc
	d.Fields = l.fields()
	return d
}

// Kind is what reads and writes of the socket mean, under its layers.
func (s *Socket) Kind() socket.Kind { return s.top.Load().kind }

// Age is the time since the socket was made or accepted.
func (s *Socket) Age() time.Duration { return time.Since(s.born) }

// Sent and Received are bytes given to and taken from the kernel.
func (s *Socket) Sent() int64 { return s.sent.Load() }

// Received counts the bytes taken from the kernel, consumed or not.
func (s *Socket) Received() int64 { return s.received.Load() }

// Facts are the socket's addresses and state, asked of the kernel now, and its
// descriptor's number; -1 once it is closed.
func (s *Socket) Facts() (f socket.Facts, number int) {
	fd, err := s.hold.use()
	if err != nil {
		return socket.Facts{State: "closed"}, -1
	}
	defer s.hold.done()
	if s.top.Load() != &s.level && slices.ContainsFunc(s.levels()[1:], (*level).lost) {
		defer func() { f.State = stateLost }()
	}
	if s.carrier != nil {
		f = s.carrier.Facts()
		f.Local, f.Remote = s.local(known(f.Local)), known(f.Remote)
		return f, fd
	}
	f = socket.Facts{Local: s.local(sysLocal(fd)), Remote: sysRemote(fd), State: inspect.State(fd)}
	if f.State == "" {
		switch {
		case s.isPassive():
			f.State = "LISTEN"
		case !f.Remote.IsZero() || s.isConnected():
			f.State = "connected"
		case !f.Local.IsZero():
			f.State = "bound"
		default:
			f.State = "open"
		}
	}
	return f, fd
}

// Carried reports whether the socket is not here but with its plugin, which carries
// what passes and with which it dies.
func (s *Socket) Carried() bool { return s.carrier != nil }

// local is what getsockname(2) told, without the number of its protocol that the kernel
// gives a raw socket in the port's place.
func (s *Socket) local(a socket.Address) socket.Address {
	if s.desc.Address == socket.HostOnly && a.IP.IsValid() {
		if a.Port = 0; a.IP.IsUnspecified() {
			return socket.Address{}
		}
	}
	return a
}

// KernelFacts are the kernel's further facts of the socket, "tcp.rtt" and its
// like, in a stable order; none where the kernel has none. They are asked for now.
func (s *Socket) KernelFacts() []socket.Setting {
	fd, err := s.hold.use()
	if err != nil || s.carrier != nil {
		if err == nil {
			s.hold.done()
		}
		return nil
	}
	defer s.hold.done()
	return inspect.Facts(fd)
}

// Place is the socket in an error: its name and, when it has or had one, the peer's address.
func (s *Socket) Place() string {
	s.mu.Lock()
	a := s.peer
	s.mu.Unlock()
	if text := a.Text(s.desc.Address); text != "" {
		return s.name + " " + text
	}
	return s.name
}

// fail gives an error its operation and place, and a plugin's own its place here.
func (s *Socket) fail(op string, err error) error { return failAt(op, s.name, err) }

// failAt words a failure from here: the plugin, which knows neither the
// socket's name nor what was typed, told the cause.
func failAt(op, place string, err error) error {
	if err == nil {
		return nil
	}
	e := &socket.Error{Op: op, Place: place, Err: err}
	if inner, ok := err.(*socket.Error); ok {
		e.Hint = inner.Hint
		if !errors.Is(inner, socket.Failed) { // the plugin's own failure tells which plugin
			e.Err = inner.Err
		}
	}
	return e
}

// lend runs one control call with the descriptor on loan. The plugin may have
// cleared O_NONBLOCK meanwhile, which all copies share: it is set again.
func (s *Socket) lend(ctx context.Context, f func(ctx context.Context, l socket.Lent) error) error {
	fd, err := s.hold.use()
	if err != nil {
		return err
	}
	defer s.hold.done()
	c, cancel := control(ctx)
	defer cancel()
	s.mu.Lock()
	mark := s.mark
	s.mu.Unlock()
	err = f(c, socket.Lent{FD: fd, Mark: mark, Carrier: s.carrier})
	sysSetNonblock(fd)
	return asFault(ctx, err)
}

// known turns the all-zero name of an unbound socket, and the empty one of a unix
// socket, into no address.
func known(a socket.Address) socket.Address {
	if a.Family == socket.FamilyUnix && a.Path == "" {
		return socket.Address{}
	}
	if a.IP.IsValid() && a.IP.IsUnspecified() && a.Port == 0 {
		return socket.Address{}
	}
	return a
}

// hold counts the users of a descriptor, so that a close never takes it away
// under a call: the number could be another file's by then.
type hold struct {
	bulk atomic.Bool // the last read gave much: the next wait is no round trip

	mu      sync.Mutex
	fd      int
	users   int
	closing func(fd int) // set once the owner has closed; runs when the last user is done
	closed  bool
}

func (h *hold) use() (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return -1, errClosed
	}
	h.users++
	return h.fd, nil
}

func (h *hold) done() {
	h.mu.Lock()
	h.users--
	f := h.closing
	if h.users > 0 || f == nil {
		h.mu.Unlock()
		return
	}
	h.closing = nil
	h.mu.Unlock()
	f(h.fd)
}

func (h *hold) inUse() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.users > 0
}

func (h *hold) isClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// close runs f with the descriptor after its last user; false if it was closed before.
func (h *hold) close(f func(fd int)) bool {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return false
	}
	h.closed = true
	if h.users > 0 {
		h.closing = f
		h.mu.Unlock()
		return true
	}
	h.mu.Unlock()
	f(h.fd)
	return true
}
