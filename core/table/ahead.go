package table

import (
	"syscall"
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
	More   bool   // more wait in the kernel than is read ahead
	Client bool   // a connection waits to be accepted
	End    error  // why no more come, once
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
	idle := s.end != nil || !(s.passive || s.begun)
	s.mu.Unlock()
	if !idle {
		s.table.poll.ahead(s.watch, s.arrived)
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
		report(Arrival{Socket: s, Client: true}) // asked for again after an accept
		return
	}
	a := Arrival{Socket: s}
	bound := s.bound.Load()
	room := min(int64(aheadSocket-s.ahead), bound-int64(len(s.in.unread())), aheadTable-s.table.ahead.Load(), MaxInboxes-s.table.unread.Load())
	if room <= 0 { // the rest waits in the kernel until something is consumed
		s.endReading()
		report(Arrival{Socket: s, More: true})
		return
	}
	b := scratch.Get().(*[readSize]byte)
	n, err := s.tryReceive(b[:min(room, readSize)])
	if n > 0 {
		s.keep(b[:n], bound)
		s.ahead += n
		s.table.ahead.Add(int64(n))
		a.Data = append([]byte(nil), b[:n]...)
	}
	scratch.Put(b)
	s.endReading()
	if err != nil && err != syscall.EAGAIN {
		a.End = err
		s.ended(err)
	}
	if n > 0 || a.End != nil {
		report(a)
	}
	s.readAhead()
}

// Ended reports why no more bytes can come, as far as somebody has read so
// far; nil while they may.
func (s *Socket) Ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}
