package host

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// carrier is a socket that the plugin holds, or a layer, as the caller sees it: it
// stands behind one end of a socketpair.
type carrier struct {
	pr     *process
	handle uint64
	kind   socket.Kind // of a socket
	layer  bool
	cancel context.CancelFunc // ends the stream: the far socket is closed by a reset

	ended chan struct{} // closed when err is known
	gone  chan struct{} // closed when nothing is left at the far end
	moved atomic.Int64  // bytes given to the stream

	mu       sync.Mutex
	facts    socket.Facts
	order    uint64 // of facts
	attached bool   // the plugin has answered the stream's first message
	aborted  bool
	live     bool // connected: bytes flow
	over     bool // ended is closed
	err      error
	left     []socket.Setting // facts of a layer that has gone
	unread   []byte           // what it had read from beneath, until somebody takes it
}

var _ socket.LayerCarrier = (*carrier)(nil)

// End implements socket.Carrier.
func (c *carrier) End(ctx context.Context) error {
	select {
	case <-c.ended:
	default:
		select {
		case <-c.ended:
		case <-ctx.Done():
			return c.lostError("it is not known why it ended")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Gone implements socket.LayerCarrier.
func (c *carrier) Gone(ctx context.Context) error {
	select {
	case <-c.gone:
		return nil
	default:
	}
	select {
	case <-c.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Moved counts the bytes that have left for the socket. It asks nobody: where the
// plugin is far away, its answer is behind them.
func (c *carrier) Moved() int64 { return c.moved.Load() }

// Facts implements socket.Carrier.
func (c *carrier) Facts() socket.Facts {
	if c.pr.dead() { // its other sockets may tell before this one has heard
		c.lose()
	} else if !c.layer {
		c.look()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.facts
	if !c.layer && !c.pr.looks() {
		f.Moved = uint64(c.Moved())
	}
	return f
}

// lookTime bounds the answer to a question for facts, farLookTime that of a plugin at a
// place, and lookPause is how long nobody asks a plugin again that gave none: a list of
// its sockets must not take that long for each.
const (
	lookTime    = 250 * time.Millisecond
	farLookTime = time.Second
	lookPause   = 2 * time.Second
)

// look asks the plugin for the facts of now. What the kernel does to a connection it
// does not tell.
func (c *carrier) look() {
	c.mu.Lock()
	settled := c.aborted || c.facts.State == "lost" || !c.pr.looks()
	c.mu.Unlock()
	if settled || time.Now().UnixNano() < c.pr.quiet.Load() {
		return
	}
	limit := lookTime
	if c.pr.at != nil {
		limit = farLookTime
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	m, err := c.pr.rpc.Look(ctx, &pb.Lent{Handle: c.handle})
	switch {
	case err == nil:
		c.update(m)
	case c.pr.dead():
		c.lose()
	case ctx.Err() != nil:
		c.pr.quiet.Store(time.Now().Add(lookPause).UnixNano())
	}
}

// connectionless reports whether data can pass without a connection: then nothing but
// a reset that was asked for takes back what was sent.
func (c *carrier) connectionless() bool {
	return c.kind == socket.Datagram || c.kind == socket.Raw
}

// Abort implements socket.Carrier. The reset is sent now: the close follows, and a
// stream that is full would not tell of it.
func (c *carrier) Abort() {
	c.mu.Lock()
	c.aborted = true
	attached := c.attached
	c.mu.Unlock()
	if c.layer {
		c.abort()
		return
	}
	if attached { // before that the plugin would not know whose cancel it is
		c.cancel()
	}
}

// attach notes the plugin's first word.
func (c *carrier) attach() {
	c.mu.Lock()
	c.attached = true
	aborted := c.aborted
	c.mu.Unlock()
	if aborted {
		c.cancel()
	}
}

func (c *carrier) update(m *pb.Facts) {
	f, ok := wire.ToFacts(m)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Order < c.order {
		return // overtaken
	}
	c.order = m.Order
	if f.Remote.IsZero() && c.over {
		f.Remote = c.facts.Remote // the kernel forgets the peer of a reset connection
	}
	c.facts = f
}

// end records why the bytes ended. The first reason stays, but a reset that follows
// an orderly end of the peer's half is news.
func (c *carrier) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.over, c.err = true, err
		close(c.ended)
	} else if c.err == nil {
		c.err = err
	}
}

// broken is why the socket ended, nil while it has not, or in order.
func (c *carrier) broken() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// lose is the end of a socket whose plugin has gone.
func (c *carrier) lose() {
	c.mu.Lock()
	if !c.over {
		c.facts.State = "lost"
	}
	over := c.over
	c.mu.Unlock()
	if !over {
		c.end(c.gonePlugin())
	}
}

func (c *carrier) gonePlugin() error {
	if c.layer {
		return socket.Faultf(socket.Lost, "the layer is lost: the %s plugin has gone", c.pr.name)
	}
	return c.lostError("the " + c.pr.name + " plugin that carried it has gone")
}

func (c *carrier) lostError(why string) error {
	return socket.Faultf(socket.Lost, "the socket is lost: %s", why)
}

func (c *carrier) connected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = true
}

// flowing reports whether bytes can be on their way to the peer.
func (c *carrier) flowing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.live
}

func (c *carrier) wasAborted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.aborted
}

// carry makes pr keep a list of the sockets that it carries, false when it is gone.
func (pr *process) carry(c *carrier) bool {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	if !pr.gone {
		pr.lines[c] = true
	}
	return !pr.gone
}

func (pr *process) drop(c *carrier) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	delete(pr.lines, c)
	pr.rest()
}

// loseAll is the end of the process for the sockets that it carried.
func (pr *process) loseAll() {
	pr.mu.Lock()
	pr.gone = true
	lines := pr.lines
	pr.lines = nil
	pr.mu.Unlock()
	for c := range lines {
		c.lose()
		c.cancel()
	}
}
