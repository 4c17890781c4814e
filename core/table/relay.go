package table

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// RelaySpec says how Relay works.
type RelaySpec struct {
	// Idle is how long nothing may pass in either direction; 0 sets no bound.
	Idle time.Duration
	// Log hears what passes, in order, one call at a time; nil for none. p is valid
	// during the call; nil is the direction's end. The bytes are then copied, not spliced.
	Log func(from, to *Socket, p []byte)
}

// Relayed is what a relay has carried.
type Relayed struct {
	// There is from the first socket to the second in bytes, Back the other way.
	There, Back int64
	// Undelivered counts messages that could not be sent on, for the reason Last.
	Undelivered int
	Last        error
}

// Relay carries what comes from a to b and what comes from b to a until both have
// ended: unread input first, then what comes. The end of one becomes a shutdown of the
// other's writing. It holds the turns of both sockets.
//
// Streams go with streams, sockets with messages with such: these message by message,
// from an unconnected socket to the peer that the other has, and to an unconnected
// socket's last sender; what came before there is one stays unread. A message that
// cannot be sent on is counted and dropped, as the network would.
//
// A reset of one ends the relay with [socket.Reset] and closes the other with a reset:
// its peer must not take what it has for all. Any other end, a cancel too, leaves what
// was read and not delivered unread.
func Relay(ctx context.Context, a, b *Socket, spec RelaySpec) (Relayed, error) {
	if err := relayable(a, b); err != nil {
		return Relayed{}, err
	}
	first, second := a, b
	if b.order < a.order { // two relays never wait for each other's turns
		first, second = b, a
	}
	for i, s := range []*Socket{first, second} {
		if err := s.bothTurns(ctx); err != nil {
			if i == 1 {
				first.doneBoth()
			}
			return Relayed{}, failAt("pipe", a.name+" "+b.name, err)
		}
	}
	defer a.doneBoth()
	defer b.doneBoth()
	r := &relay{spec: spec}
	r.touch()
	run, stop := context.WithCancel(ctx)
	defer stop()
	there, back := r.direction(a, b), r.direction(b, a)
	there.back, back.back = back, there
	var both sync.WaitGroup
	for _, d := range []*course{there, back} {
		both.Go(func() {
			if err := d.carry(run); err != nil {
				r.fail(d, err)
				stop()
			}
		})
	}
	both.Wait()
	out := Relayed{There: there.moved.Load(), Back: back.moved.Load(), Undelivered: r.undelivered, Last: r.last}
	return out, r.ended(ctx, a, b)
}

// relayable refuses what cannot be relayed, before anything is done.
func relayable(a, b *Socket) error {
	place := a.name + " " + b.name
	for _, s := range []*Socket{a, b} {
		if s.isPassive() || !s.hasPeer() {
			return s.NotConnected("pipe")
		}
	}
	switch {
	case a == b:
		return failAt("pipe", place, socket.Faultf(socket.Usage, "two sockets are needed"))
	case a.Messages() != b.Messages():
		stream, other := a, b
		if a.Messages() {
			stream, other = b, a
		}
		return &socket.Error{Op: "pipe", Place: place,
			Err:  socket.Faultf(socket.Usage, "%s is a stream and %s has messages: their bounds would be lost", stream.name, other.name),
			Hint: "a layer with frames makes messages of a stream: wrap " + stream.name + " lenprefix, or lines"}
	}
	return nil
}

// relay is one relay at work.
type relay struct {
	spec   RelaySpec
	since  time.Time
	latest atomic.Int64 // when something passed, in nanoseconds after since

	mu          sync.Mutex
	cause       error // the first failure
	failed      *course
	undelivered int
	last        error
}

// course is one direction of a relay.
type course struct {
	r        *relay
	from, to *Socket
	back     *course
	moved    atomic.Int64
	// known is closed when from has had a message, so that its sender is known.
	known chan struct{}
	peer  atomic.Pointer[socket.Address]
}

func (r *relay) direction(from, to *Socket) *course {
	return &course{r: r, from: from, to: to, known: make(chan struct{})}
}

func (r *relay) touch() {
	if r.spec.Idle > 0 {
		if r.since.IsZero() {
			r.since = time.Now()
		}
		r.latest.Store(int64(time.Since(r.since)))
	}
}

// fail remembers the first failure: those after it come of the stop.
func (r *relay) fail(d *course, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause == nil {
		r.cause, r.failed = err, d
	}
}

// ended is the relay's error, after both directions have stopped.
func (r *relay) ended(ctx context.Context, a, b *Socket) error {
	if r.cause == nil {
		return nil
	}
	if !errors.Is(r.cause, socket.Reset) {
		return failAt("pipe", a.name+" "+b.name, r.cause)
	}
	dead, alive := r.failed.from, r.failed.to
	if dead.Ended() == nil || !errors.Is(dead.Ended(), socket.Reset) {
		dead, alive = alive, dead
	}
	place := a.name + " " + b.name
	err := &socket.Error{Op: "pipe", Place: place, Err: socket.Faultf(socket.Reset, "%s: %v", dead.Place(), socket.Reset)}
	if _, cerr := alive.Close(context.WithoutCancel(ctx), true); cerr == nil {
		err.Hint = alive.name + " was reset, too, so that its peer does not take this for an orderly end"
	}
	return err
}

// wait waits in that direction of s, as long as the other course still moves.
func (r *relay) wait(ctx context.Context, s *Socket, d direction) error {
	w := s.top.Load().watch
	if r.spec.Idle <= 0 {
		return s.table.poll.patient(ctx, w, d)
	}
	for {
		quiet := time.Since(r.since) - time.Duration(r.latest.Load())
		if quiet >= r.spec.Idle {
			return socket.Timeout
		}
		limited, cancel := context.WithTimeout(ctx, r.spec.Idle-quiet)
		err := s.table.poll.patient(limited, w, d)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, socket.Timeout) {
			return err
		}
	}
}

// carry carries until the end of from, which it passes on.
func (c *course) carry(ctx context.Context) error {
	var err error
	if c.from.Messages() {
		err = c.messages(ctx)
	} else {
		err = c.stream(ctx)
	}
	if !errors.Is(err, socket.Ended) {
		return err
	}
	c.log(nil)
	if c.to.kind == socket.Datagram || c.to.kind == socket.Raw {
		return nil // there is nothing to end
	}
	err = c.to.Shutdown(ctx, socket.ShutdownWrite)
	if errors.Is(err, syscall.ENOTCONN) { // it is gone, and the other course tells
		return nil
	}
	return err
}

func (c *course) log(p []byte) {
	if c.r.spec.Log != nil {
		c.r.mu.Lock()
		defer c.r.mu.Unlock()
		c.r.spec.Log(c.from, c.to, p)
	}
}

// passed counts what has been delivered.
func (c *course) passed(n int) {
	c.moved.Add(int64(n))
	c.r.touch()
}
