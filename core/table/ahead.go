package table

import (
	"errors"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// Bounds of what is read ahead of any consumer, to be shown at the prompt.
const (
	aheadSocket = 64 << 10
	aheadTable  = 64 << 20
)

// Arrival is what came to a socket that nobody was reading.
type Arrival struct {
	Socket *Socket
	Data   []byte // the new bytes, unconsumed; the receiver may keep them
	// Message says that Data is one message, and From who sent it.
	Message  bool
	Type     uint8
	From     socket.Address
	Returned *Returned // what the network answered to a message
	More     bool      // more wait in the kernel than is read ahead
	Client   bool      // a connection waits to be accepted
	End      error     // why no more come, once
}

// Watch begins to read ahead on every socket, now and later, and calls f for
// each arrival, from any goroutine. Nothing is consumed by it. A nil f ends it.
func (t *Table) Watch(f func(Arrival)) {
	t.mu.Lock()
	t.watcher = f
	t.mu.Unlock()
	t.readAhead()
}

func (t *Table) readAhead() {
	for _, s := range t.Sockets() {
		s.readAhead()
	}
}

func (t *Table) watching() func(Arrival) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.watcher
}

// readAhead asks for the next arrival to be reported, if anybody wants to know
// and the socket is in a state in which something can arrive.
func (s *Socket) readAhead() {
	if s.table.watching() == nil {
		return
	}
	s.mu.Lock()
	idle := s.end != nil || !(s.passive || s.begun || s.kind == socket.Datagram || s.kind == socket.Raw)
	s.mu.Unlock()
	if !idle {
		s.table.poll.ahead(s.top.Load().watch, s.arrived)
	}
}

// arrived runs when the socket is readable and nobody waits for it.
func (s *Socket) arrived() {
	report := s.table.watching()
	if report == nil || !s.reading.try() {
		return // a consumer has the turn; its end asks again
	}
	if s.isPassive() {
		s.endReading()
		a := Arrival{Socket: s, Client: true} // asked for again after an accept
		if s.lost() {
			a = Arrival{Socket: s, End: s.why()}
		}
		report(a)
		return
	}
	a := Arrival{Socket: s}
	l := s.top.Load()
	_, before := s.Returned()
	var err error
	if l.messages() {
		err = s.messageAhead(l, &a)
	} else {
		err = s.bytesAhead(l, &a)
	}
	s.endReading()
	if last, n := s.Returned(); n > before {
		a.Returned = last
	}
	switch {
	case errors.Is(err, socket.Full): // the rest waits in the kernel until something is consumed
		a.More = true
		report(a)
		return
	case err != nil && err != syscall.EAGAIN && a.Returned == nil:
		a.End = err
		if !comesBack(err) || s.kind == socket.Stream || s.kind == socket.Seqpacket {
			s.ended(err) // else the next message may come all the same
		}
	}
	if a.Message || len(a.Data) > 0 || a.End != nil || a.Returned != nil {
		report(a)
	}
	s.readAhead()
}

// room is how much may be read ahead of any consumer now.
func (s *Socket) room() int64 {
	return min(aheadSocket-s.ahead, aheadTable-s.table.ahead.Load(), MaxInboxes-s.table.unread.Load())
}

func (s *Socket) bytesAhead(l *level, a *Arrival) error {
	bound := s.bound.Load()
	room := min(s.room(), bound-int64(len(s.in.unread())))
	if room <= 0 {
		return socket.Full
	}
	b := scratch.Get().(*[readSize]byte)
	defer scratch.Put(b)
	n, err := s.tryReceive(l, b[:min(room, readSize)])
	if n > 0 {
		s.keep(b[:n], bound)
		s.tookAhead(int64(n))
		a.Data = append([]byte(nil), b[:n]...)
	}
	return err
}

func (s *Socket) messageAhead(l *level, a *Arrival) error {
	if s.room() <= 0 {
		return socket.Full
	}
	m, err := s.tryMessage(l, s.bound.Load())
	if err == nil {
		s.keepMessage(m)
		s.tookAhead(cost(m))
		a.Data, a.Message, a.Type, a.From = m.Data, true, m.Type, m.Peer
	}
	return err
}

func (s *Socket) tookAhead(n int64) {
	s.ahead += n
	s.table.ahead.Add(n)
}

// Ended reports why no more bytes can come, as far as somebody has read so
// far; nil while they may.
func (s *Socket) Ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}
