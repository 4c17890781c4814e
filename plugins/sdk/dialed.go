package sdk

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// dialed is a socket of a dialer's: a connection, or the wish for one.
type dialed struct {
	p     *dialProtocol
	there chan struct{} // closed when there is a connection
	gone  chan struct{} // closed when the socket is

	mu            sync.Mutex
	options       OptionValues
	state         string
	local, remote Address
	conn          any // net.Conn, MessageConn or net.PacketConn; nil until there is one
	bound         bool
	listener      net.Listener
	client        net.Conn // of the listener, and nobody has accepted it yet
	dialing       context.CancelFunc
	deaf          bool // what comes is thrown away
	closed        bool

	shutting atomic.Bool // the connection's Close has been called
}

func newDialed(p *dialProtocol, options OptionValues) *dialed {
	return &dialed{p: p, options: options, state: "open", there: make(chan struct{}), gone: make(chan struct{})}
}

// taken gives the socket its connection; false when it has been closed meanwhile, or
// has got another one.
func (d *dialed) taken(conn any, remote Address) bool {
	local, peer := Address{}, Address{}
	caught("LocalAddr", func() error {
		if a, ok := conn.(interface{ LocalAddr() net.Addr }); ok {
			local = addressOf(a.LocalAddr())
		}
		if a, ok := conn.(interface{ RemoteAddr() net.Addr }); ok {
			peer = addressOf(a.RemoteAddr())
		}
		return nil
	})
	if peer.IsZero() {
		peer = remote
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.conn != nil {
		return false
	}
	d.conn, d.local, d.remote, d.state = conn, local, peer, "connected"
	close(d.there)
	return true
}

// connection is the connection, nil before there is one.
func (d *dialed) connection() any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conn
}

// fitting refuses a connection that is not what the description says.
func (p *dialProtocol) fitting(conn any) error {
	ok := false
	switch _, packets := p.dialer.(PacketDialer); {
	case packets:
		_, ok = conn.(net.PacketConn)
	case p.desc.Kind.Messages():
		_, ok = conn.(MessageConn)
	default:
		_, ok = conn.(net.Conn)
	}
	if !ok {
		return Faultf(Failed, "%s declares to give a %s, and gave something else", p.desc.Name, p.desc.Kind)
	}
	return nil
}

// connect dials.
func (d *dialed) connect(ctx context.Context, a Address) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.mu.Lock()
	var err error
	switch {
	case d.closed:
		err = syscall.ENOTCONN
	case d.bound && d.conn != nil: // packets of one peer, from then on
		d.remote, d.state = a, "connected"
		d.mu.Unlock()
		return nil
	case d.conn != nil:
		err = syscall.EISCONN
	case d.listener != nil:
		err = syscall.EINVAL
	case d.dialing != nil:
		err = syscall.EALREADY
	default:
		d.dialing = cancel
	}
	req := DialRequest{Address: a.Text(d.p.desc.Address), Options: d.options}
	d.mu.Unlock()
	if err != nil {
		return err
	}
	conn, err := d.p.dial(ctx, req)
	d.mu.Lock()
	d.dialing = nil
	d.mu.Unlock()
	if err != nil {
		return err
	}
	if !d.taken(conn, a) {
		shut(conn)
		return syscall.ENOTCONN
	}
	return nil
}

// bind notes where to listen, or, for packets, does so.
func (d *dialed) bind(ctx context.Context, a Address) error {
	d.mu.Lock()
	if d.closed || d.bound || d.conn != nil {
		d.mu.Unlock()
		return syscall.EINVAL
	}
	l, packets := d.p.dialer.(PacketListener)
	if _, streams := d.p.dialer.(Dialer); streams || !packets {
		d.local, d.bound, d.state = a, true, "bound"
		d.mu.Unlock()
		return nil
	}
	req := DialRequest{Address: a.Text(d.p.desc.Address), Options: d.options}
	d.mu.Unlock()
	var conn net.PacketConn
	err := caught("ListenPacket", func() (err error) { conn, err = l.ListenPacket(ctx, req); return err })
	if err == nil && conn == nil {
		err = Faultf(Failed, "%s gave no connection and no error", d.p.desc.Name)
	}
	if err != nil {
		return dialError(err)
	}
	if !d.taken(conn, Address{}) {
		shut(conn)
		return syscall.ENOTCONN
	}
	d.mu.Lock()
	d.bound, d.remote, d.state = true, Address{}, "bound"
	d.mu.Unlock()
	return nil
}

// listen makes the listener.
func (d *dialed) listen(ctx context.Context) error {
	l, ok := d.p.dialer.(DialListener)
	d.mu.Lock()
	req := DialRequest{Address: d.local.Text(d.p.desc.Address), Options: d.options}
	busy := d.closed || d.conn != nil || d.listener != nil
	d.mu.Unlock()
	if !ok || busy {
		return syscall.EINVAL
	}
	var listener net.Listener
	err := caught("Listen", func() (err error) { listener, err = l.Listen(ctx, req); return err })
	if err == nil && listener == nil {
		err = Faultf(Failed, "%s gave no listener and no error", d.p.desc.Name)
	}
	if err != nil {
		return dialError(err)
	}
	var local Address
	caught("Addr", func() error { local = addressOf(listener.Addr()); return nil })
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.listener != nil {
		go caught("Close", listener.Close)
		return syscall.EINVAL
	}
	d.listener, d.state = listener, "LISTEN"
	if !local.IsZero() {
		d.local = local
	}
	return nil
}

// acceptPause is how long a listener rests that has no descriptors left.
const acceptPause = 50 * time.Millisecond

// waitClient implements far: it holds one connection that nobody has accepted.
func (d *dialed) waitClient() error {
	waits := false
	defer func() { // also after a panic
		d.mu.Lock()
		defer d.mu.Unlock()
		if !waits {
			d.state = "closed"
		}
	}()
	for {
		d.mu.Lock()
		l, have := d.listener, d.client != nil
		d.mu.Unlock()
		if have {
			waits = true
			return nil
		}
		conn, err := l.Accept()
		var errno syscall.Errno
		switch {
		case d.isClosed():
			if err == nil {
				shut(conn)
			}
			return net.ErrClosed
		case errors.As(err, &errno) && slices.Contains([]syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED}, errno):
			select {
			case <-time.After(acceptPause):
			case <-d.gone:
			}
			continue
		case err != nil:
			return dialError(err)
		case conn == nil:
			return Faultf(Failed, "%s accepted no connection and gave no error", d.p.desc.Name)
		}
		d.mu.Lock()
		if d.closed {
			d.mu.Unlock()
			shut(conn)
			return net.ErrClosed
		}
		d.client, waits = conn, true
		d.mu.Unlock()
		return nil
	}
}

// accept takes the connection that waits.
func (d *dialed) accept() (Handle, error) {
	none := Handle{FD: -1}
	d.mu.Lock()
	conn, options, passive := d.client, d.options, d.listener != nil
	d.client = nil
	d.mu.Unlock()
	switch {
	case !passive:
		return none, syscall.EINVAL
	case conn == nil:
		return none, syscall.EAGAIN
	}
	if err := d.p.fitting(conn); err != nil {
		shut(conn)
		return none, err
	}
	c := newDialed(d.p, options)
	c.taken(conn, Address{})
	return Handle{FD: -1, Carrier: c}, nil
}

func (d *dialed) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// setOption changes an option, whose value is checked.
func (d *dialed) setOption(o Setting) error {
	d.mu.Lock()
	conn := d.conn
	if conn == nil {
		d.options.given = append(slices.Clone(d.options.given), o)
	}
	d.mu.Unlock()
	if conn == nil {
		return nil
	}
	if s, ok := conn.(OptionSetter); ok {
		return s.SetOption(o.Name, o.Value)
	}
	return Faultf(Unsupported, "the options of %s are fixed when it connects", d.p.desc.Name)
}

func (d *dialed) option(name string) (string, error) {
	d.mu.Lock()
	conn, options := d.conn, d.options
	d.mu.Unlock()
	if s, ok := conn.(OptionSetter); ok {
		return s.GetOption(name)
	}
	return options.Text(name), nil
}

// shut closes a connection, whatever its author made of that.
func shut(conn any) error {
	c, ok := conn.(io.Closer)
	if !ok {
		return nil
	}
	return caught("Close", c.Close)
}

// shut closes the socket's connection, once: authors' Close need not be ready for more.
func (d *dialed) shut(conn any) {
	if d.shutting.CompareAndSwap(false, true) {
		shut(conn)
	}
}

// The methods of socket.Carrier: a dialed socket is one on its way to the host, which
// asks by calls and streams.

// End implements socket.Carrier.
func (d *dialed) End(ctx context.Context) error {
	select {
	case <-d.gone:
		return nil
	case <-ctx.Done():
		return socket.Lost
	}
}

// Facts implements socket.Carrier.
func (d *dialed) Facts() socket.Facts {
	f, _ := d.look()
	return f
}

// Abort implements socket.Carrier.
func (d *dialed) Abort() {
	d.reset()
	d.close()
}
