package sdk

import (
	"context"
	"net"
)

// A Layer wraps live sockets: a net.Conn in, a net.Conn out. [NewLayer] makes a
// protocol of it, which does all the rest: the socketpair to the host, moving the
// bytes, half closes, the reason of the end, counting.
//
// What Wrap returns may have more methods, each of which says what it can do:
// [CloseWriter], [MessageConn], [FactTeller], [OptionSetter], [Marker], [Unwrapper],
// [EndAnswerer], and WriteTo of [io.WriterTo], which is used instead of Read.
//
// NewLayer reads it in one goroutine and writes it in another. Read gives what it has
// before it waits for below, so that a deadline in the past, which NewLayer sets
// before it unwraps, leaves nothing behind. Its io.EOF is the peer's orderly end,
// io.ErrUnexpectedEOF one that is [Truncated]; any other error is the reason that the
// user sees. A Write that fails ends the layer, with its error as the reason. At the
// end Close is called, perhaps more than once and during a Read or Write, which it
// must end if they wait for anything but below; it need not close below.
//
// A layer that wraps messages, too, is a [MessageWrapper].
type Layer interface {
	// Describe is as [Protocol]'s. Layer is set by NewLayer; Kind is what comes out.
	Describe() Description
	// Wrap shakes hands over below, if the layer does, and returns the connection
	// above. It MUST end soon after ctx does: NewLayer makes reads and writes of
	// below fail then. It closes nothing; NewLayer closes below at the end.
	Wrap(ctx context.Context, below Below, req LayerRequest) (net.Conn, error)
}

// Below is the socket beneath a layer. Read gives first what the host had read and
// nobody had consumed. An end is io.EOF, a reset an error that is ECONNRESET.
type Below interface {
	net.Conn
	// CloseWrite is shutdown(2) for writing.
	CloseWrite() error
	// Reset makes the close that follows a reset: a RST instead of a FIN.
	Reset() error
}

// LayerRequest says how a socket is to be wrapped. The options are checked against
// their declarations before Wrap sees them.
type LayerRequest struct {
	Host     string // that the socket was opened with, in words; "" for none
	Remote   Address
	Accepted bool // the peer connected to us
	Options  OptionValues
}

// OptionValues are options as given, with the defaults of their declarations.
type OptionValues struct {
	declared []Option
	given    []Setting
}

// CloseWriter is a connection that can end its direction alone, as *tls.Conn can.
// Without it, a half close of the descriptor above is one of the socket beneath.
type CloseWriter interface{ CloseWrite() error }

// MessageConn is a connection whose messages keep their bounds. When what Wrap
// returns is one, Read and Write are not called, and the description's Kind must be
// Seqpacket (or Datagram).
type MessageConn interface {
	// ReadMessage waits for one message. The data is valid until the next call.
	ReadMessage() (Message, error)
	// WriteMessage sends one message. An error that is [Usage] or [Unsupported] refuses
	// this one: nothing of it was sent, and the connection goes on. Of a layer the fact
	// "refused" tells, of a dialer's socket a recv that fails with the error's words and
	// EINVAL. Any other error ends the connection.
	WriteMessage(Message) error
}

// FactTeller is a connection that knows facts, of those that the description
// declares. Called at any time, by any goroutine.
type FactTeller interface{ Facts() []Setting }

// OptionSetter is a connection whose options can be changed and read later.
// Called at any time, by any goroutine.
type OptionSetter interface {
	SetOption(name, value string) error
	GetOption(name string) (string, error)
}

// Marker is a connection whose layer wants to find something again at Encode and
// Decode, which see no connection: the mark of the handle, at most 256 bytes.
// Called once, when Wrap has returned.
type Marker interface{ Mark() []byte }

// Unwrapper is a connection that can be taken off a live socket.
type Unwrapper interface {
	// Unwrap ends the layer in order, as far as the layer has an end, and returns
	// the bytes that it read from below and that are not its own. Reads and writes
	// that are under way have been ended by then. Without this method a layer that
	// keeps no bytes back unwraps by stopping.
	Unwrap(ctx context.Context) (unread []byte, err error)
}

// OptionValuesOf are options as given, checked against their declarations: for a
// test that calls Wrap itself.
func OptionValuesOf(declared []Option, given ...Setting) (OptionValues, error) {
	return checkOptions(declared, given)
}

// Text is the option's value, or its default.
func (v OptionValues) Text(name string) string {
	for i := len(v.given) - 1; i >= 0; i-- {
		if v.given[i].Name == name {
			return v.given[i].Value
		}
	}
	for _, o := range v.declared {
		if o.Name == name {
			return o.Default
		}
	}
	return ""
}

// Given reports whether the option was given.
func (v OptionValues) Given(name string) bool {
	for _, s := range v.given {
		if s.Name == name {
			return true
		}
	}
	return false
}
