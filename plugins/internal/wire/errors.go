package wire

import (
	"context"
	"errors"
	"syscall"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

const (
	maxErrorText  = 1024 // bytes of each text in an error
	maxErrorDepth = 8    // of socket.Errors within each other
)

// identities are those that cross the wire by their text: the faults, and the two
// ends of a context.
var identities = func() map[string]error {
	m := map[string]error{}
	for _, e := range []error{context.Canceled, context.DeadlineExceeded} {
		m[e.Error()] = e
	}
	for _, f := range []socket.Fault{socket.Usage, socket.Unsupported, socket.Unresolved, socket.NoSocket,
		socket.Timeout, socket.Ended, socket.Reset, socket.Truncated, socket.Malformed, socket.Refused, socket.Full, socket.Lost, socket.Failed,
		socket.Interrupted} {
		m[string(f)] = f
	}
	return m
}()

// FromError is the message of an error, nil for nil.
func FromError(err error) *pb.Error { return fromError(err, 0) }

func fromError(err error, depth int) *pb.Error {
	if err == nil {
		return nil
	}
	m := &pb.Error{Text: cut(err.Error())}
	var fault socket.Fault
	switch {
	case errors.As(err, &fault):
		m.Fault = utf8(string(fault))
	case errors.Is(err, context.Canceled):
		m.Fault = context.Canceled.Error()
	case errors.Is(err, context.DeadlineExceeded):
		m.Fault = context.DeadlineExceeded.Error()
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		m.Errno = errnoName(errno)
	}
	var at *socket.Error
	if depth < maxErrorDepth && errors.As(err, &at) {
		m.Located = true
		m.Op, m.Place, m.Hint = cut(at.Op), cut(at.Place), cut(at.Hint)
		m.Cause = fromError(at.Err, depth+1)
	}
	return m
}

// ToError is the inverse of FromError: the same text, and for errors.Is and
// errors.As the same fault, errno and socket.Error. An identity that this side
// does not know is dropped; the text stays.
func ToError(m *pb.Error) error { return toError(m, 0) }

func toError(m *pb.Error, depth int) error {
	if m == nil {
		return nil
	}
	e := &remote{text: string(cutBytes(m.Text))}
	if e.text == "" && !m.Located {
		e.text = "failed without a reason"
	}
	if m.Located && depth <= maxErrorDepth {
		at := &socket.Error{Op: string(cutBytes(m.Op)), Place: string(cutBytes(m.Place)), Hint: string(cutBytes(m.Hint)), Err: toError(m.Cause, depth+1)}
		if at.Error() == e.text {
			return at // its cause has the identities
		}
		e.is = append(e.is, at)
	}
	if f, ok := identities[m.Fault]; ok {
		if e.text == f.Error() && m.Errno == "" && !m.Located {
			return f
		}
		e.is = append(e.is, f)
	}
	if n, ok := errnoByName(m.Errno); ok {
		if e.text == n.Error() && m.Fault == "" && !m.Located {
			return n
		}
		e.is = append(e.is, n)
	}
	return e
}

// remote is an error from the other process: its text and its identities.
type remote struct {
	text string
	is   []error
}

func (e *remote) Error() string   { return e.text }
func (e *remote) Unwrap() []error { return e.is }

// Status is the gRPC error of a failed call: the error, what the call did before
// it failed, and, for a socket that the plugin holds, its facts.
func Status(err error, report socket.Report, facts *pb.Facts) error {
	code := codes.Aborted // never one that gRPC makes itself
	s, _ := status.New(code, utf8(string(cut(err.Error())))).WithDetails(&pb.Failure{
		Error: FromError(err), Report: FromReport(report), Facts: facts})
	return s.Err()
}

// FromStatus is the inverse of Status. ok is false when err did not come from
// Status: then gRPC or the other process broke.
func FromStatus(err error) (f *pb.Failure, ok bool) {
	s, ok := status.FromError(err)
	if !ok || s.Code() != codes.Aborted {
		return nil, false
	}
	for _, d := range s.Details() {
		if f, ok := d.(*pb.Failure); ok && f.GetError() != nil {
			return f, true
		}
	}
	return nil, false
}

func cut(s string) []byte { return []byte(s[:min(len(s), maxErrorText)]) }

// cutBytes is cut for what comes from somebody who may not have cut it.
func cutBytes(b []byte) []byte { return b[:min(len(b), maxErrorText)] }
