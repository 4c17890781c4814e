package socket

import (
	"fmt"
	"strings"
)

// A Fault is the identity of an error that is no errno. It compares with
// errors.Is on both sides of a process boundary.
type Fault string

func (f Fault) Error() string { return string(f) }

// The faults.
const (
	Usage       Fault = "wrong usage"               // what was typed cannot be meant
	Unsupported Fault = "not supported"             // the protocol lacks the call
	Unresolved  Fault = "no address"                // a name without an address
	NoSocket    Fault = "no such socket"            // a name that the table lacks
	Timeout     Fault = "timed out"                 // the time allowed for the step is over
	Ended       Fault = "the peer ended the stream" // EOF where more was needed
	Reset       Fault = "connection reset by peer"  // RST, or sent to a peer that is gone
	Truncated   Fault = "the stream was cut short"  // a layer's end without its closing word
	Malformed   Fault = "malformed input"           // what the peer sent breaks the protocol
	Refused     Fault = "refused by the peer"       // its answer was a no
	Full        Fault = "the inbox is full"         // unread bytes reached their bound
	Lost        Fault = "the socket is lost"        // what carried it has died
	Failed      Fault = "the plugin failed"         // died, hung, lied or would not start
	Interrupted Fault = "interrupted"               // the user cancelled
)

// Error is a failed operation: what was done, where, why, and what to do now.
type Error struct {
	Op    string // the command or call: "connect"
	Place string // the socket and address: "tcp1 127.0.0.1:9"; may be empty
	Err   error  // the cause
	Hint  string // what to do, one line; may be empty
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Place != "" {
		b.WriteString(" " + e.Place)
	}
	if e.Err != nil {
		text := e.Err.Error()
		if text == "" { // an author's, say
			text = "failed without a reason"
		}
		b.WriteString(": " + text)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Faultf returns an error that is fault and reads as the given text.
func Faultf(fault Fault, format string, args ...any) error {
	return &faultText{fault, fmt.Sprintf(format, args...)}
}

type faultText struct {
	fault Fault
	text  string
}

func (e *faultText) Error() string { return e.text }
func (e *faultText) Unwrap() error { return e.fault }
