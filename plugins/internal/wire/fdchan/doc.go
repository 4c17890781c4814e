// Package fdchan passes descriptors between sosh and a plugin process: over a
// pair of SOCK_SEQPACKET sockets, each message a kind, a call's number, at most
// a mark, and at most one descriptor by SCM_RIGHTS (unix(7)).
//
// It does not know what the descriptors are, and it blocks no thread: waiting
// goes through Go's poller. Whatever arrives, no descriptor is leaked: one that
// nobody takes is closed here.
package fdchan

import "errors"

// Kind says what a message does.
type Kind byte

// The kinds.
const (
	Lend Kind = 1 // to the plugin: the descriptor of this call
	Drop Kind = 2 // to the plugin: the call is over, close what came with it
	Give Kind = 3 // to the host: the call's new descriptor and its mark
)

// MaxMark is the most bytes that a mark may have.
const MaxMark = 256

// Message is one message. FD is -1 when it has no descriptor. A received Lend or
// Give without one was sent with one for which this process had no free slot.
type Message struct {
	Kind Kind
	Call uint64
	Mark []byte
	FD   int
}

// ErrGarbage is what a malformed message is: its sender cannot be trusted.
var ErrGarbage = errors.New("garbage on the descriptor channel")

// headerLen is the kind and the call's number.
const headerLen = 9
