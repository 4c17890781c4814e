package journal

import (
	"context"
	"slices"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
)

// stream is what came into one socket's inbox. Its places are counted in bytes; a
// message counts one.
type stream struct {
	sock   *table.Socket
	name   string
	born   int  // the number of the entry that made it; -1 when unknown
	job    bool // a job made it
	closed int  // the entry that closed it; -1 while it lives

	local, remote uint16
	known         int // the entry in which its ports were seen first

	pieces   []*piece
	takes    []take
	consumed int64 // up to where
	end      int64
}

// piece is what came to a socket after one statement had begun and before the next.
type piece struct {
	of          *stream
	after       int // the number of that entry
	first, last time.Time
	start, end  int64
	head, tail  []byte // all of it, or its beginning and its end
	gone        bool   // the data is not kept any more

	message  bool
	typ      uint8
	peer     socket.Address
	fields   []socket.Setting // nil when nobody told them
	declared []socket.Field
	reason   error // of an end
}

// take is what one entry consumed.
type take struct {
	from, to int64
	entry    int
	job      bool
	skipped  int64 // what was before the match
}

// stream finds or begins the stream of a socket, nil when there are too many.
func (j *Journal) stream(s *table.Socket) *stream {
	st := j.streams[s]
	if st == nil {
		if len(j.order) >= maxStreams && !j.forgetOne() {
			j.strange = true
			return nil
		}
		st = &stream{sock: s, name: s.Name(), born: -1, closed: -1, known: -1}
		j.streams[s] = st
		j.order = append(j.order, st)
	}
	return st
}

// forgetOne makes room by forgetting the oldest socket that is closed and to which
// nothing came; false when there is none.
func (j *Journal) forgetOne() bool {
	i := slices.IndexFunc(j.order, func(st *stream) bool { return st.closed >= 0 && len(st.pieces) == 0 })
	if i < 0 {
		return false
	}
	delete(j.streams, j.order[i].sock)
	j.order = slices.Delete(j.order, i, i+1)
	return true
}

// Opened tells that a command has made a socket.
func (j *Journal) Opened(s *table.Socket, job bool) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if st := j.stream(s); st != nil {
		st.born, st.job = j.now(), job
	}
}

// Bytes implements [table.Journal].
func (j *Journal) Bytes(s *table.Socket, p []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	st := j.stream(s)
	if st == nil || len(p) == 0 {
		return
	}
	last := st.lastPiece()
	if last == nil || last.after != j.now() || last.message || last.gone || last.reason != nil {
		last = j.begin(st)
	}
	last.last = time.Now()
	last.end += int64(len(p))
	st.end = last.end
	n := min(len(p), maxHead-len(last.head))
	last.head = append(last.head, p[:n]...)
	grown := n
	if rest := p[n:]; len(rest) > 0 {
		before := len(last.tail)
		last.tail = append(last.tail, rest[max(0, len(rest)-maxTail):]...)
		if over := len(last.tail) - maxTail; over > 0 {
			last.tail = append(last.tail[:0], last.tail[over:]...)
		}
		grown += len(last.tail) - before
	}
	j.grow(grown)
}

// Message implements [table.Journal].
func (j *Journal) Message(s *table.Socket, m socket.Message) {
	decodes := s.Top().Can(socket.CallDecode)
	j.mu.Lock()
	defer j.mu.Unlock()
	st := j.stream(s)
	if st == nil {
		return
	}
	if last := st.lastPiece(); last != nil && last.after == j.now() && last.message && last.gone {
		last.end++ // more than are remembered
		st.end++
		return
	}
	p := j.begin(st)
	p.message, p.typ, p.peer = true, m.Type, m.Peer
	p.end++
	st.end++
	if st.run(j.now()) > maxRun {
		p.gone = true
		return
	}
	p.head = append([]byte(nil), m.Data[:min(len(m.Data), maxHead)]...)
	if decodes && len(p.head) == len(m.Data) && len(j.pending) < maxPending {
		j.pending = append(j.pending, p)
	}
	j.grow(len(p.head))
}

// Ended implements [table.Journal].
func (j *Journal) Ended(s *table.Socket, reason error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if st := j.stream(s); st != nil {
		j.begin(st).reason = reason
	}
}

// Consumed implements [table.Journal].
func (j *Journal) Consumed(ctx context.Context, s *table.Socket, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	st := j.streams[s]
	if st == nil {
		return
	}
	if n < 0 {
		st.giveBack(int64(-n))
		return
	}
	t := take{from: st.consumed, to: st.consumed + int64(n), entry: j.now()}
	if c := CallerOf(ctx); c != nil {
		t.job, t.skipped = c.Job, c.Skipped
		c.Skipped = 0
	}
	st.consumed = t.to
	if k := len(st.takes) - 1; k >= 0 && t.skipped == 0 && st.takes[k].entry == t.entry && st.takes[k].job == t.job {
		st.takes[k].to = t.to
		return
	}
	if len(st.takes) >= maxEntries { // of entries that are not kept any more
		st.takes = st.takes[1:]
	}
	st.takes = append(st.takes, t)
}

// giveBack undoes the last takes.
func (st *stream) giveBack(n int64) {
	st.consumed -= n
	for k := len(st.takes) - 1; k >= 0 && st.takes[k].to > st.consumed; k-- {
		if st.takes[k].to = st.consumed; st.takes[k].from >= st.consumed {
			st.takes = st.takes[:k]
		}
	}
}

func (st *stream) lastPiece() *piece {
	if len(st.pieces) == 0 {
		return nil
	}
	return st.pieces[len(st.pieces)-1]
}

// run counts the messages that came after the entry.
func (st *stream) run(after int) (n int) {
	for i := len(st.pieces) - 1; i >= 0 && st.pieces[i].after == after; i-- {
		n++
	}
	return n
}

// begin begins a piece at the stream's end.
func (j *Journal) begin(st *stream) *piece {
	now := time.Now()
	p := &piece{of: st, after: j.now(), first: now, last: now, start: st.end, end: st.end}
	st.pieces = append(st.pieces, p)
	j.kept = append(j.kept, p)
	j.grow(pieceCost)
	return p
}

// grow counts n bytes more, and gives up the oldest data when that is too much.
func (j *Journal) grow(n int) {
	j.size += n
	for j.size > maxData && len(j.kept) > 1 {
		p := j.kept[0]
		j.kept[0] = nil
		j.kept = j.kept[1:]
		j.size -= pieceCost + len(p.head) + len(p.tail)
		p.gone, p.head, p.tail, p.fields = true, nil, nil, nil
		p.of.joinGone()
	}
}

// joinGone makes one piece of those at the beginning whose data is gone.
func (st *stream) joinGone() {
	for len(st.pieces) > 1 && st.pieces[0].gone && st.pieces[1].gone {
		a, b := st.pieces[0], st.pieces[1]
		b.start, b.first = a.start, a.first
		st.pieces = st.pieces[1:]
	}
}

// look asks for the ports of the sockets, and which have gone.
func (j *Journal) look() {
	j.mu.Lock()
	var live []*stream
	for _, st := range j.order {
		if st.closed < 0 {
			live = append(live, st)
		}
	}
	now := j.now()
	j.mu.Unlock()
	for _, st := range live {
		f, fd := st.sock.Facts()
		j.mu.Lock()
		if fd < 0 {
			st.closed = now
		}
		if st.known < 0 && (f.Local.Port != 0 || f.Remote.Port != 0) {
			st.known = now
		}
		if f.Local.Port != 0 {
			st.local = f.Local.Port
		}
		if f.Remote.Port != 0 {
			st.remote = f.Remote.Port
		}
		j.mu.Unlock()
	}
}
