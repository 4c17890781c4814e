package table

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

// diary is a journal that writes down what it hears.
type diary struct{ notes }

type whoKey struct{}

func (d *diary) Bytes(s *Socket, p []byte)           { d.note(false, "%s", p) }
func (d *diary) Message(s *Socket, m socket.Message) { d.note(false, "[%s]", m.Data) }
func (d *diary) Ended(_ *Socket, reason error) {
	d.note(false, "end:%v", errors.Is(reason, socket.Ended))
}
func (d *diary) Consumed(ctx context.Context, _ *Socket, n int) {
	d.note(true, "%v:%d", ctx.Value(whoKey{}), n)
}

func TestJournalHearsWhatComesAndWhoConsumes(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	var d diary
	tab.SetJournal(&d)
	must[int](t)(s.Send(bounded(t), []byte("one two")))
	turn := must[*Turn](t)(c.Read(context.WithValue(bounded(t), whoKey{}, "me")))
	must[[]byte](t)(turn.Fill(bounded(t)))
	turn.Consume(4)
	p := make([]byte, 3)
	must[int](t)(turn.Take(bounded(t), p))
	turn.PutBack(p) // of the inbox: it was told before
	turn.Consume(3)
	must[int](t)(s.Send(bounded(t), []byte("past")))
	must[int](t)(turn.Take(bounded(t), make([]byte, 4))) // never in the inbox
	must[int](t)(s.Send(bounded(t), []byte("back")))
	p = make([]byte, 4)
	must[int](t)(turn.Take(bounded(t), p))
	turn.PutBack(p)
	if err := s.Shutdown(bounded(t), socket.ShutdownWrite); err != nil {
		t.Fatal(err)
	}
	if _, err := turn.Fill(bounded(t)); !errors.Is(err, socket.Ended) {
		t.Fatal(err)
	}
	turn.Done()
	d.heard(t, "<one two >me:4 >me:3 >me:-3 >me:3 <back <end:true")
	tab.SetJournal(nil)
	take(t, c, 4)
	d.heard(t, "<one two >me:4 >me:3 >me:-3 >me:3 <back <end:true")
}

func TestJournalCostsNothingWhereThereIsNone(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	turn := must[*Turn](t)(c.Read(bounded(t)))
	defer turn.Done()
	ctx := bounded(t)
	p, b := []byte("x"), make([]byte, 1)
	count := func() float64 {
		return testing.AllocsPerRun(200, func() {
			if _, err := s.Send(ctx, p); err != nil {
				t.Fatal(err)
			}
			if _, err := turn.Fill(ctx); err != nil {
				t.Fatal(err)
			}
			if n, err := turn.Take(ctx, b); n != 1 || err != nil {
				t.Fatal(fmt.Errorf("%d, %v", n, err))
			}
		})
	}
	if n := count(); n > 1 {
		t.Errorf("%v allocations a byte", n)
	}
}
