// Package conform holds a protocol to the MUSTs of core/socket: in process, through a
// real plugin process that passes descriptors, and through one that carries the bytes.
//
// [Check] does so for any executable, and is what "sosh plugin check" runs. An
// author's tests use package plugintest, which runs the same checks under go test.
//
// It tests what every protocol promises, never what only one does. It knows no
// protocol by name, prints nothing, and talks to nobody but over the loopback and to
// the one address that it is told.
package conform

import (
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// How says how a protocol is to be used: what its checks cannot know. The zero How
// will do for a protocol that can listen and accept, and for a layer that can talk to
// itself.
type How struct {
	// Options are what every socket is opened with; they may choose its kind. A layer
	// is put on with them at the end that connected.
	Options []socket.Setting
	// Kind is that of the sockets that Options choose, where no descriptor tells it; the
	// described one when empty.
	Kind socket.Kind
	// Server are the options of a layer at the end that accepted; Options when nil.
	Server []socket.Setting
	// Host is the host that a layer's socket was opened with, in words.
	Host string

	// Address is a peer's, in the protocol's words: that of a server, or of whatever
	// the protocol can talk to. Without it a protocol that cannot listen is not
	// checked for what needs a peer.
	Address string
	// Echo says that what is sent to Address comes back, perhaps in upper case.
	Echo bool

	// Alone says that a layer cannot talk to itself: only what needs no far end is
	// checked.
	Alone bool
	// OwnEnd says that a layer has an end of its own, so that one of the stream beneath
	// alone is a cut. When it is false that is found out.
	OwnEnd bool
	// Text says that a layer or a protocol carries text only, perhaps in upper case, and
	// Largest is the length in bytes of the largest message that a layer is given: 1 MiB
	// when it is 0.
	Text    bool
	Largest int
	// Message makes a message of so many bytes that a layer or a protocol carries
	// unchanged; nil for random ones, or capital letters and digits where Text is set.
	Message func(size int) []byte

	// Limit bounds one check: 30 seconds when it is 0. One that does not end by then is
	// broken, and the plugin is ended.
	Limit time.Duration
	// Patience bounds one wait within a check: 10 seconds when it is 0.
	Patience time.Duration
}

// Outcome is what became of a promise.
type Outcome string

// The outcomes.
const (
	Kept   Outcome = "kept"
	Broken Outcome = "broken"
	// NotApplicable is a promise that the protocol does not make, or that could not be
	// looked at: the reason says which.
	NotApplicable Outcome = "not applicable"
)

// The forms in which a protocol is checked.
const (
	FormProcess     = "in process"     // its methods are called
	FormDescriptors = "by descriptors" // a plugin process passes them
	FormStream      = "by stream"      // a plugin process carries the bytes
)

// Result is what became of one promise in one form. Its texts may hold what the plugin
// said: escape them before they reach a terminal.
type Result struct {
	Form    string
	Promise string // in words: "Accept does not wait"
	Outcome Outcome
	// Reasons are what was found where the promise is broken, and why it was not looked
	// at where it is not applicable; one line each.
	Reasons []string
	// Log is what the plugin printed meanwhile, where the promise is broken.
	Log  []string
	Took time.Duration
}

// Summary counts the results of one [Check].
type Summary struct {
	Description                 socket.Description // as the plugin gives it
	Kept, Broken, NotApplicable int
}

func (s *Summary) count(r Result) {
	switch r.Outcome {
	case Kept:
		s.Kept++
	case Broken:
		s.Broken++
	default:
		s.NotApplicable++
	}
}
