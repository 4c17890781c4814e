package sdk

import (
	"context"
	"errors"
)

// A MessageWrapper is a [Layer] that also wraps sockets whose messages keep their
// bounds: datagram sockets, and layers that give messages. Every other layer
// refuses these. What comes out is of the kind beneath when the description gives
// that kind, else of the description's Kind.
type MessageWrapper interface {
	// WrapMessages is as Wrap, for messages. What it returns may have the same
	// methods more, and SetDeadline, SetReadDeadline and Close, if it waits for
	// anything but below.
	WrapMessages(ctx context.Context, below MessageBelow, req LayerRequest) (MessageConn, error)
}

// MessageBelow is the socket beneath a layer, where it gives messages. A message
// that is read has its sender, unless the socket is connected; one that is written
// goes to its peer. An end is io.EOF; a datagram socket has none.
//
// ICMP errors that come back are passed over: a datagram that nobody takes is lost
// with a layer as without. One that the system does not take (too long, no route, no
// permission) is lost, too, without an error, and the fact "refused" tells.
type MessageBelow interface {
	MessageConn
	// CloseWrite is shutdown(2) for writing.
	CloseWrite() error
	// Reset makes the close that follows a reset, where the socket has one.
	Reset() error
}

// An EndAnswerer is a connection whose end the peer answers with its own, as TLS's
// close_notify and a WebSocket's close frame are. To unwrap it CloseWrite is called
// and reading goes on until the peer's end; Unwrap only then.
type EndAnswerer interface {
	CloseWriter
	Unwrapper
	// AnswersEnd reports whether the peer will answer.
	AnswersEnd() bool
}

// refuses reports whether an error of WriteMessage is about the one message.
func refuses(err error) bool { return errors.Is(err, Usage) || errors.Is(err, Unsupported) }
