package sdk

import (
	"context"
	"net"
)

// A Dialer is a protocol of one's own in one function: it gives a net.Conn. [NewDialer]
// makes a protocol of it, which does all the rest. It needs no descriptor, so that it
// works with every net.Conn (net.Pipe, tls.Conn, what a library gives) and on every
// system; its sockets live in the plugin's process and die with it.
//
// A type that has more methods can do more, each an optional interface:
// [DialListener], [Encoder], [Decoder], [Runner]. So can the connection that it returns:
// [CloseWriter] (without it a half close is refused), [FactTeller], [OptionSetter], and
// [MessageConn], where the description's Kind is [Seqpacket].
//
// The connection is read in one goroutine and written in another. Close is called once,
// from any goroutine, and MUST end both. Its io.EOF is the peer's orderly end,
// io.ErrUnexpectedEOF one that is [Truncated], a reset ECONNRESET; any other error is
// the reason that the user sees. A Write or CloseWrite that fails ends the socket with
// its error, unless that is a reset: then what can still be read comes first.
// SetLinger(0), which *net.TCPConn has, also beneath a NetConn(), makes a close that is
// to be a reset one.
type Dialer interface {
	// Describe is as [Protocol]'s. NewDialer sets Held; the Kind is [Stream] and the
	// Address [TextForm] unless it says otherwise.
	Describe() Description
	// Dial connects. It SHOULD end soon after ctx does: one that does not is left
	// alone, and closed when it comes after all. The error keeps its identity:
	// ECONNREFUSED is told as such, a [Usage] as wrong usage.
	Dial(ctx context.Context, req DialRequest) (net.Conn, error)
}

// A PacketDialer is a [Dialer] whose messages keep their bounds. [NewPacketDialer] makes
// a protocol of it; the description's Kind is [Datagram] unless it says otherwise.
// Messages of up to 64 KiB, empty ones too, each with its peer.
//
// Addresses of peers are *net.UDPAddr where the form is [HostPort], *net.IPAddr where it
// is [HostOnly]; else their String is what was typed.
type PacketDialer interface {
	Describe() Description
	// DialPacket gives a connection to req.Address. Messages to nobody else go out by
	// Write, where it is a net.Conn, else by WriteTo.
	DialPacket(ctx context.Context, req DialRequest) (net.PacketConn, error)
}

// A DialListener is a [Dialer] that can also be dialled.
type DialListener interface {
	// Listen waits for nobody: the listener's Accept does. A plugin whose Listen has not
	// returned after 5 seconds is killed, with all its sockets. One of its connections is
	// held until the user accepts it. An error of Accept ends the listener, unless it is
	// ECONNABORTED, EMFILE or ENFILE; Close MUST end one that waits. An address without
	// a host is the loopback's, where the form is [HostPort]; "" was never bound.
	Listen(ctx context.Context, req DialRequest) (net.Listener, error)
}

// A PacketListener is a [PacketDialer] whose sockets can be bound to an address.
type PacketListener interface {
	// ListenPacket waits for nobody. A plugin in which it has not returned after 5
	// seconds is killed, with all its sockets.
	ListenPacket(ctx context.Context, req DialRequest) (net.PacketConn, error)
}

// DialRequest says what is to be dialled, or listened on. The options are checked
// against their declarations before.
type DialRequest struct {
	// Address is as typed. Of the form host:port it is checked, has a host and keeps
	// its name, unless -4 or -6 asks for a family: then it has the IP.
	Address string
	Options OptionValues
}

// NewDialer makes a protocol of a dialer.
func NewDialer(d Dialer) Protocol { return newDialProtocol(d, Stream) }

// NewPacketDialer makes a protocol of a dialer of packets.
func NewPacketDialer(d PacketDialer) Protocol { return newDialProtocol(d, Datagram) }
