package conform

import (
	"context"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// closeTime is how long sosh waits, while nothing moves, for the answer to a close of a
// socket that lives with its plugin. Then it resets the connection, and the close fails.
const closeTime = 2 * time.Second

var closing = []check{
	{"A close is answered once all is out", []socket.Call{socket.CallConnect}, func(t *trial, s *subject) {
		if !s.carried {
			t.notApplicable("its sockets do not live with it")
		}
		for _, k := range s.live(t) {
			c, ok := k.Carrier.(socket.LayerCarrier)
			if !ok {
				t.notApplicable("nobody here is told")
			}
			k.close()
			ctx, cancel := context.WithTimeout(t.Context(), closeTime)
			err := c.Gone(ctx)
			cancel()
			if err != nil {
				t.Fatalf("there was no answer for %v", closeTime)
			}
		}
	}},
}

// live is what can be had of sockets that data can pass through.
func (s *subject) live(t *trial) []*sock {
	switch {
	case s.Address != "":
		return []*sock{s.reach(t)}
	case s.freeKnown() && s.kind == socket.Datagram && s.without(check{needs: needBind}) == "":
		return []*sock{s.bound(t)}
	case s.freeKnown() && s.kind != socket.Datagram && s.without(check{needs: needConnect}) == "":
		c, k := s.pair(t)
		return []*sock{c, k}
	}
	t.notApplicable("no address of a peer was given")
	return nil
}
