package sdk

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// dialProtocol is a dialer as a protocol. Its sockets are *dialed, which travel as the
// carrier of their handle.
type dialProtocol struct {
	dialer interface{ Describe() Description } // a Dialer or a PacketDialer
	desc   Description
}

func newDialProtocol(dialer interface{ Describe() Description }, kind Kind) *dialProtocol {
	d := dialer.Describe()
	d.Held = true
	if d.Kind == "" {
		d.Kind = kind
	}
	if d.Address == "" {
		d.Address = TextForm
	}
	return &dialProtocol{dialer, d}
}

// Describe implements Protocol.
func (p *dialProtocol) Describe() Description { return p.desc }

// Can implements socket.Chooser.
func (p *dialProtocol) Can(c socket.Call) bool {
	_, streams := p.dialer.(Dialer)
	is := false
	switch c {
	case socket.CallResolve, socket.CallConnect:
		is = true
	case socket.CallBind:
		if _, is = p.dialer.(DialListener); !streams {
			_, is = p.dialer.(PacketListener)
		}
	case socket.CallListen, socket.CallAccept:
		_, is = p.dialer.(DialListener)
		is = is && streams
	case socket.CallShutdown:
		is = !connectionless(p.desc.Kind)
	case socket.CallOption:
		is = len(p.desc.Options) > 0
	case socket.CallInfo:
		is = len(p.desc.Facts) > 0
	case socket.CallEncode:
		_, is = p.dialer.(Encoder)
	case socket.CallDecode:
		_, is = p.dialer.(Decoder)
	case socket.CallRun:
		_, is = p.dialer.(Runner)
	}
	return is
}

func (p *dialProtocol) lacks(what string) error {
	return Faultf(Unsupported, "%s %s", p.desc.Name, what)
}

// Resolve implements Resolver: an address of a dialer's is what was typed. A peer of
// packets is the kernel's, where the form says so: each message bears it.
func (p *dialProtocol) Resolve(ctx context.Context, req ResolveRequest) ([]Address, error) {
	_, packets := p.dialer.(PacketDialer)
	text := req.Text
	inet := req.Family == FamilyIP4 || req.Family == FamilyIP6
	switch {
	case text == "":
		return nil, Faultf(Usage, "the address is empty")
	case p.desc.Address == HostPort && (packets || req.Passive || inet):
		as, err := ResolveHostPort(ctx, p.network(), req)
		if err != nil || packets {
			return as, err
		}
		text = as[0].Text(HostPort)
	case p.desc.Address == HostPort:
		host, port, err := splitHostPort(text)
		if err == nil {
			_, err = resolvePort(ctx, p.network(), port)
		}
		if err != nil {
			return nil, err
		}
		if host == "" {
			host = "localhost"
		}
		text = net.JoinHostPort(host, port)
	case p.desc.Address == HostOnly && (packets || req.Passive || inet):
		ips, err := ResolveHost(ctx, text, req)
		if err != nil {
			return nil, err
		}
		if text = ips[0].String(); packets {
			var as []Address
			for _, ip := range ips {
				as = append(as, socket.AddressOf(netip.AddrPortFrom(ip, 0)))
			}
			return as, nil
		}
	case inet:
		return nil, Faultf(Usage, "addresses of %s are of no family", p.desc.Name)
	case p.desc.Address == PathForm && !filepath.IsAbs(text) && text[0] != '@':
		return nil, Faultf(Usage, "%q is no whole path", text)
	}
	if len(text) > socket.MaxFrameText || strings.ContainsRune(text, 0) {
		return nil, Faultf(Usage, "an address is text of at most %d bytes, without NUL", socket.MaxFrameText)
	}
	return []Address{{Family: FamilyText, Path: text}}, nil
}

// network is where the names of services are looked up.
func (p *dialProtocol) network() string {
	if connectionless(p.desc.Kind) {
		return "udp"
	}
	return "tcp"
}

// Open implements Protocol.
func (p *dialProtocol) Open(_ context.Context, req OpenRequest) (Handle, error) {
	options, err := checkOptions(p.desc.Options, req.Options)
	if err != nil {
		return Handle{FD: -1}, err
	}
	return Handle{FD: -1, Carrier: newDialed(p, options)}, nil
}

// find returns the socket that the host means.
func (p *dialProtocol) find(l Lent) (*dialed, error) {
	d, ok := l.Carrier.(*dialed)
	if !ok || d.p != p {
		return nil, fmt.Errorf("no socket of %s: %w", p.desc.Name, syscall.EBADF)
	}
	return d, nil
}

// Bind implements Binder. A stream is bound when it listens.
func (p *dialProtocol) Bind(ctx context.Context, l Lent, a Address) (Report, error) {
	d, err := p.find(l)
	if err != nil {
		return nil, err
	}
	return nil, d.bind(ctx, a)
}

// Listen implements Listener.
func (p *dialProtocol) Listen(ctx context.Context, l Lent, _ int) (Report, error) {
	d, err := p.find(l)
	if err != nil {
		return nil, err
	}
	return nil, d.listen(ctx)
}

// Connect implements Connector.
func (p *dialProtocol) Connect(ctx context.Context, l Lent, a Address) (Report, error) {
	d, err := p.find(l)
	if err != nil {
		return nil, err
	}
	return nil, d.connect(ctx, a)
}

// Accept implements Accepter.
func (p *dialProtocol) Accept(_ context.Context, l Lent) (Handle, error) {
	d, err := p.find(l)
	if err != nil {
		return Handle{FD: -1}, err
	}
	return d.accept()
}

// Shutdown implements Shutdowner. What ends writing comes with the bytes before it.
func (p *dialProtocol) Shutdown(_ context.Context, l Lent, how How) (Report, error) {
	d, err := p.find(l)
	if err == nil {
		err = d.canEnd(how)
	}
	if err == nil && how == ShutdownRead {
		d.endReading()
	}
	return nil, err
}

// Option implements Optioner. Until the socket connects its options can be set; then
// the connection decides.
func (p *dialProtocol) Option(_ context.Context, l Lent, set []Setting, get []string) ([]Setting, Report, error) {
	d, err := p.find(l)
	if err != nil {
		return nil, nil, err
	}
	for _, o := range set {
		if err := checkOption(p.desc.Options, o); err != nil {
			return nil, nil, err
		}
		if err := d.setOption(o); err != nil {
			return nil, nil, err
		}
	}
	var out []Setting
	for _, name := range get {
		if _, ok := p.desc.Option(name); !ok {
			return nil, nil, noOption(p.desc.Options, name)
		}
		value, err := d.option(name)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, Setting{Name: name, Value: value})
	}
	return out, nil, nil
}

// Info implements Informer: what the connection knows.
func (p *dialProtocol) Info(_ context.Context, l Lent, names []string) ([]Setting, error) {
	d, err := p.find(l)
	if err != nil {
		return nil, err
	}
	var known []Setting
	if t, ok := d.connection().(FactTeller); ok {
		known = t.Facts()
	}
	return tell(p.desc, known, names)
}

// tell picks the named facts of those that are known, all without names. One that
// there is nothing to say of is empty.
func tell(d Description, known []Setting, names []string) ([]Setting, error) {
	if len(names) == 0 {
		return known, nil
	}
	var out []Setting
	for _, name := range names {
		if !slices.ContainsFunc(d.Facts, func(f Fact) bool { return f.Name == name }) {
			return nil, Faultf(Usage, "%s has no fact %q", d.Name, name)
		}
		fact := Setting{Name: name}
		if i := slices.IndexFunc(known, func(f Setting) bool { return f.Name == name }); i >= 0 {
			fact = known[i]
		}
		out = append(out, fact)
	}
	return out, nil
}

// Encode implements Encoder.
func (p *dialProtocol) Encode(ctx context.Context, m Mark, fields []Setting) (Message, error) {
	if e, ok := p.dialer.(Encoder); ok {
		return e.Encode(ctx, m, fields)
	}
	return Message{}, p.lacks("encodes no fields")
}

// Decode implements Decoder.
func (p *dialProtocol) Decode(ctx context.Context, m Mark, messages []Message) ([][]Setting, error) {
	if d, ok := p.dialer.(Decoder); ok {
		return d.Decode(ctx, m, messages)
	}
	return nil, p.lacks("decodes no fields")
}

// Run implements Runner.
func (p *dialProtocol) Run(ctx context.Context, req RunRequest, out func(Row) error) error {
	if r, ok := p.dialer.(Runner); ok {
		return r.Run(ctx, req, out)
	}
	return p.lacks("has no commands")
}

var (
	_ socket.Chooser = (*dialProtocol)(nil)
	_ Resolver       = (*dialProtocol)(nil)
	_ Accepter       = (*dialProtocol)(nil)
	_ Optioner       = (*dialProtocol)(nil)
	_ Informer       = (*dialProtocol)(nil)
)
