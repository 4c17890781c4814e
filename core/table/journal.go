package table

import (
	"context"

	"github.com/sosh-shell/sosh/core/socket"
)

// A Journal hears what comes into the inboxes of a table's sockets and what is consumed
// of it. Bytes that a consumer takes from the kernel past the inbox it does not hear.
// Calls about one socket's input come one at a time, from any goroutine, with the
// reading turn taken: a Journal must neither wait nor take it. What it is handed is valid
// during the call.
type Journal interface {
	// Bytes of a stream have come.
	Bytes(s *Socket, p []byte)
	// Message has come whole.
	Message(s *Socket, m socket.Message)
	// Consumed is the oldest n bytes, or messages, taken by the call that ctx is of. A
	// negative n gives as many back that were taken last.
	Consumed(ctx context.Context, s *Socket, n int)
	// Ended says why no more can come. It may come beside the others.
	Ended(s *Socket, reason error)
}

// SetJournal makes j hear from now on, in the place of another one; nil ends it. Where
// there is none it costs nothing.
func (t *Table) SetJournal(j Journal) {
	if j == nil {
		t.journal.Store(nil)
		return
	}
	t.journal.Store(&j)
}

// journaled runs f with the journal, if there is one.
func (s *Socket) journaled(f func(j Journal)) {
	if j := s.table.journal.Load(); j != nil {
		f(*j)
	}
}

// tellConsumed tells the journal what the call of ctx has consumed.
func (s *Socket) tellConsumed(ctx context.Context, n int) {
	if n != 0 {
		s.journaled(func(j Journal) { j.Consumed(ctx, s, n) })
	}
}
