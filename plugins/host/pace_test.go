package host

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

func TestWhoSaysTooMuchIsHeldBack(t *testing.T) {
	c := newPace(paceBurst, paceRate)
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	if d := c.take(paceBurst, now); d != 0 {
		t.Errorf("a burst is held back for %v", d)
	}
	if d := c.take(paceRate, now); d != time.Second {
		t.Errorf("a second's worth is held back for %v", d)
	}
	now = now.Add(time.Second)
	if d := c.take(0, now); d != 0 {
		t.Errorf("a second later it is held back for %v", d)
	}
	now = now.Add(time.Hour)
	if d := c.take(paceBurst, now); d != 0 {
		t.Errorf("an hour later a burst is held back for %v", d)
	}
	if d := c.take(1<<40, now); d <= 0 {
		t.Errorf("a flood is held back for %v", d)
	}
}

// A plugin that has gone is read to its last word at once.
func TestLastWordsAreNotHeldBack(t *testing.T) {
	over := make(chan struct{})
	close(over)
	r := newRing("x", func(string) {})
	w := r.writer(over)
	for range 100 {
		w.Write(make([]byte, paceBurst))
	}
	w.Write([]byte("\nlast\n"))
	if got := r.lines(); got[len(got)-1] != "last" {
		t.Errorf("%d lines", len(got))
	}
}

// command is the stream of a command that has left rows to give.
type command struct {
	grpc.BidiStreamingClient[pb.ToCommand, pb.FromCommand]
	ctx  context.Context
	left int
}

func (c *command) Context() context.Context { return c.ctx }

func (c *command) Recv() (*pb.FromCommand, error) {
	if c.left == 0 {
		return nil, io.EOF
	}
	c.left--
	return &pb.FromCommand{Text: []byte("row")}, nil
}

func TestRowsWithoutEndAreHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n, want := range map[int]time.Duration{rowBurst: 0, rowBurst + 3*rowRate: 3 * time.Second} {
			begin, got := time.Now(), 0
			rowErr, err := rows(&command{ctx: t.Context(), left: n}, func(socket.Row) error { got++; return nil })
			if took := time.Since(begin).Round(time.Millisecond); rowErr != nil || err != nil || got != n || took != want {
				t.Errorf("%d rows of %d in %v, %v, %v", got, n, took, rowErr, err)
			}
		}
	})
}
