package socket

import "context"

// A Wrapper is a layer: a protocol that works between a live socket and its user
// (tls, telnet, framing, fault injection). A descriptor in, a descriptor out. A
// layer has state, so it dies with its plugin: it is then [Lost]; the socket
// beneath lives, its bytes at an unknown place.
//
// The core keeps a copy of the descriptor beneath, and does not read, write or
// wait on it while the layer is on: that is why Unwrap need not give it back.
type Wrapper interface {
	// Wrap takes the socket over and returns the descriptor above, one end of a
	// stream socketpair, with a carrier. It may wait for the peer, to shake hands,
	// as long as ctx allows. When it fails nobody reads or writes the socket any
	// more, and the error says so with [Truncated], [Reset] or what went wrong.
	//
	// What comes out is of the described Kind, but of the kind beneath where that is
	// one with messages and among the described Kinds. Messages are framed
	// ([AppendFrame]).
	//
	// What is written to the descriptor MUST go out in order; a half close of it
	// MUST become the layer's own end (a close_notify) and, where the layer has
	// none, a half close beneath; when both directions of it are closed, what was
	// written MUST be sent before the layer closes FD.
	//
	// An end beneath is an end above, and the carrier's End tells which: nil only
	// for the peer's orderly end.
	Wrap(ctx context.Context, req WrapRequest) (Handle, error)

	// Unwrap ends the layer in order (a close_notify, a last frame) and waits, as
	// long as ctx allows, until nothing of it is left: no read or write of the
	// socket beneath is under way. It returns the bytes that were read from beneath
	// and are not the layer's own.
	Unwrap(ctx context.Context, s Lent) (unread []byte, err error)
}

// WrapRequest says what is to be wrapped.
type WrapRequest struct {
	// FD is a copy of the descriptor beneath. It becomes the layer's own, also when
	// Wrap fails: the layer closes it when it ends.
	FD int
	// Kind is what FD gives and takes; where Framed is set it is a socketpair's end,
	// and its messages are frames ([AppendFrame]).
	Kind   Kind
	Framed bool
	// Unread are bytes that were read from beneath and nobody has consumed: they
	// come before what FD gives. None for sockets with messages.
	Unread []byte
	// Host is the host that the socket was opened with, in words: what a
	// certificate is checked against. "" where there is none.
	Host string
	// Remote is the peer's address, as far as it is known.
	Remote Address
	// Accepted says that the peer connected to us: the layer is the server's side.
	Accepted bool
	// Options are set in this order; a name that the description lacks MUST be
	// refused with [Usage] before anything is sent.
	Options []Setting
}

// LayerCarrier is the carrier of a layer's descriptor.
type LayerCarrier interface {
	Carrier
	// Gone waits until the layer has ended and has closed its copy of the
	// descriptor beneath, or ctx is done. Only then is all sent that was written.
	Gone(ctx context.Context) error
}

// An Encoder makes messages of fields.
type Encoder interface {
	// Encode makes one message. A field that the description lacks, and a value
	// that it cannot take, MUST be [Usage]. It needs no socket: what it must know of
	// one is in its mark.
	Encode(ctx context.Context, mark Mark, fields []Setting) (Message, error)
}

// A Decoder makes fields of messages.
type Decoder interface {
	// Decode answers each message with its fields, in order of their importance.
	// One that is malformed is no error of the call: it MUST have the fields that
	// could be read, and one named "error" that says what is wrong with the rest.
	Decode(ctx context.Context, mark Mark, messages []Message) ([][]Setting, error)
}
