package unruly

import (
	"context"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Layer returns the protocol [LayerName]: a layer that gives messages, and does as the
// option do says. It carries none.
func Layer() sdk.Protocol { return layer{} }

type layer struct{}

func (layer) Describe() sdk.Description {
	return sdk.Description{Name: LayerName, Synopsis: "a layer that misbehaves on demand", Version: "0", Kind: sdk.Seqpacket, Layer: true,
		Options: []sdk.Option{{Name: "do", Type: sdk.StringOption, Help: "what it does"}}}
}

func (layer) Open(context.Context, sdk.OpenRequest) (sdk.Handle, error) {
	return none, sdk.Faultf(sdk.Unsupported, "it is a layer")
}

// aboveSockets is what it does wrong once it is on, or in its handshake.
var aboveSockets = []struct {
	name, does string
	handshake  func(context.Context) error
	on         func(*above)
}{
	{"deaf", "never reads what is written to it", nil, func(*above) {}},
	{"deaf-to-abort", "never reads, and does not let go when it is told to", nil, func(a *above) { a.stubborn = true }},
	{"spin", "keeps a processor busy and does nothing", nil, func(*above) { burn(1) }},
	{"length", "sends a frame of 4 GiB", nil, func(a *above) { a.send([]byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}) }},
	{"reserved", "sends a frame with bytes set that must be zero", nil, func(a *above) { a.send([]byte{0, 0, 7, 7, 0, 0, 0, 0}) }},
	{"address", "sends a frame with an address that is none", nil, func(a *above) { a.send([]byte{0, 3, 0, 0, 0, 0, 0, 0, 9, 9, 9}) }},
	{"torn", "ends in the middle of a frame", nil, func(a *above) { a.send([]byte{0, 0, 0, 0, 0, 0, 0, 99, 'x'}); a.shut() }},
	{"promise", "begins a frame of 60 MiB and sends no more", nil, func(a *above) { a.send([]byte{0, 0, 0, 0, 0x03, 0xc0, 0, 0}) }},
	{"flood", "sends messages without end", nil, func(a *above) {
		piece := socket.AppendFrame(nil, socket.Message{Data: make([]byte, 1000)})
		for len(piece) < 64<<10 {
			piece = append(piece, piece...)
		}
		go func() {
			for a.send(piece) == nil {
			}
		}()
	}},
	{"die", "dies when something is written to it", nil, func(a *above) { go a.dieAtFirst() }},
	{"mute", "ends and never says why", nil, func(a *above) { a.shut() }},
	{"escapes", "ends for a reason that a terminal would obey", nil, func(a *above) {
		a.reason = sdk.Faultf(sdk.Refused, "%s", Escapes)
		close(a.ended)
		a.shut()
	}},
	{"no-handshake", "never ends its handshake", func(ctx context.Context) error { select {} }, nil},
	{"handshake-dies", "dies in its handshake", func(context.Context) error { os.Exit(3); return nil }, nil},
	{"handshake-panics", "panics in its handshake", func(context.Context) error { panic("as you wish") }, nil},
}

// above is one layer at its work.
type above struct {
	fd, below int
	stubborn  bool
	reason    error
	ended     chan struct{}
	gone      chan struct{}
	once      sync.Once
}

func (layer) Wrap(ctx context.Context, req sdk.WrapRequest) (sdk.Handle, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return none, err
	}
	a := &above{fd: pair[0], below: req.FD, ended: make(chan struct{}), gone: make(chan struct{})}
	for _, o := range req.Options {
		for _, d := range aboveSockets {
			if d.name != o.Value {
				continue
			}
			if d.handshake != nil {
				if err := d.handshake(ctx); err != nil {
					return none, err
				}
			}
			if d.on != nil {
				d.on(a)
			}
		}
	}
	return sdk.Handle{FD: pair[1], Carrier: a}, nil
}

// Unwrap implements sdk.Wrapper; it does not come off.
func (layer) Unwrap(ctx context.Context, _ sdk.Lent) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (a *above) send(p []byte) error {
	for len(p) > 0 {
		n, err := unix.SendmsgN(a.fd, p, nil, nil, unix.MSG_NOSIGNAL)
		if err != nil && err != unix.EINTR {
			return err
		}
		p = p[max(n, 0):]
	}
	return nil
}

func (a *above) dieAtFirst() {
	if n, _ := unix.Read(a.fd, make([]byte, 1)); n > 0 {
		die()
	}
}

func (a *above) shut() { unix.Shutdown(a.fd, unix.SHUT_RDWR) }

// End implements sdk.Carrier.
func (a *above) End(ctx context.Context) error {
	select {
	case <-a.ended:
		return a.reason
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *above) Facts() socket.Facts { return socket.Facts{State: "open"} }

// Abort lets go, or does not.
func (a *above) Abort() {
	if a.stubborn {
		select {}
	}
	a.once.Do(func() {
		unix.Close(a.below)
		unix.Close(a.fd)
		close(a.gone)
	})
}

func (a *above) Gone(ctx context.Context) error {
	select {
	case <-a.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
