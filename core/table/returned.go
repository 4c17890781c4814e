package table

import (
	"slices"
	"syscall"

	"github.com/sosh-shell/sosh/core/inspect"
	"github.com/sosh-shell/sosh/core/socket"
)

// Returned is what the network answered to a message that was sent: an ICMP error,
// as the kernel hands it up (ip(7), IP_RECVERR), or why a plugin that carries the socket
// would not send it. Its errno is its identity.
type Returned struct {
	Errno syscall.Errno
	To    socket.Address // where the message was going
	By    socket.Address // who sent the error; zero where the kernel itself did
	What  string         // "ICMP port unreachable"
	Text  string         // why a plugin would not send it, in its own words; "" for none
}

func (r *Returned) Error() string {
	if r.Text != "" {
		return r.Text
	}
	text := r.Errno.Error()
	if r.What == "" {
		return text
	}
	if by := r.By.Host(); by != "" {
		return text + ": " + by + " answered with " + r.What
	}
	return text + ": " + r.What
}

// Unwrap gives the errno, and [socket.Reset] for a message to a port that nobody has.
func (r *Returned) Unwrap() []error {
	if r.Errno == syscall.ECONNREFUSED {
		return []error{r.Errno, socket.Reset}
	}
	return []error{r.Errno}
}

// comesBack reports whether the errno may be that of an earlier send, told now.
func comesBack(err error) bool {
	errno, ok := err.(syscall.Errno)
	return ok && slices.Contains(returnable, errno)
}

// takeReturned empties the kernel's queue of errors and returns the last one, nil
// for none. A queue that is not emptied makes every poll return at once.
func (s *Socket) takeReturned(fd int) error {
	if s.currentFamily() == socket.FamilyUnix {
		return nil
	}
	var last *Returned
	for {
		q, ok := sysErrorQueue(fd)
		if !ok {
			break
		}
		last = &Returned{Errno: syscall.Errno(q.errno), To: q.to, By: q.by, What: inspect.ICMP(q.origin, q.typ, q.code)}
		s.mu.Lock()
		s.returned, s.returns = last, s.returns+1
		s.mu.Unlock()
	}
	if last == nil {
		return nil
	}
	return last
}

func isReturn(err error) bool {
	_, ok := err.(*cameBack)
	return ok
}

// remember is takeReturned for what came back for a message of a carried socket.
func (s *Socket) remember(err error) *Returned {
	r := err.(*cameBack)
	s.mu.Lock()
	defer s.mu.Unlock()
	told := &Returned{Errno: r.Errno, To: known(r.To), By: r.By, Text: r.Text}
	if r.Origin != 0 {
		told.What = inspect.ICMP(r.Origin, r.Type, r.Code)
	}
	if told.To.IsZero() {
		told.To = s.peer
	}
	s.returned, s.returns = told, s.returns+1
	return told
}

// Returned is the last error that came back for a message of the socket's, and how
// many there were; nil and 0 for none.
func (s *Socket) Returned() (*Returned, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.returned, s.returns
}
