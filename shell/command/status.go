package command

import (
	"errors"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// The exit statuses of commands, and so of scripts.
const (
	StatusDone        = 0
	StatusFailed      = 1
	StatusUsage       = 2   // what was typed cannot be meant
	StatusTimeout     = 3   // the time allowed is over
	StatusEnded       = 4   // the peer ended the stream
	StatusReset       = 5   // reset by the peer, or sent to one that is gone
	StatusFull        = 6   // the inbox is full
	StatusLost        = 7   // the plugin failed, or the socket is lost
	StatusInterrupted = 130 // 128 + SIGINT
)

// Signalled is the cause with which a signal that asks the shell to end ends a run.
type Signalled struct {
	Signal syscall.Signal
	Name   string // "SIGTERM"
}

func (s *Signalled) Error() string { return "ended by " + s.Name }

// Unwrap makes it an interruption, as Ctrl-C is.
func (s *Signalled) Unwrap() error { return socket.Interrupted }

var statuses = []struct {
	fault  socket.Fault
	status int
}{
	{socket.Usage, StatusUsage},
	{socket.Timeout, StatusTimeout},
	{socket.Ended, StatusEnded},
	{socket.Truncated, StatusEnded},
	{socket.Reset, StatusReset},
	{socket.Full, StatusFull},
	{socket.Lost, StatusLost},
	{socket.Failed, StatusLost},
	{socket.Interrupted, StatusInterrupted},
}

// Status is the exit status that an error means.
func Status(err error) int {
	if err == nil {
		return StatusDone
	}
	if s, ok := errors.AsType[*Signalled](err); ok {
		return 128 + int(s.Signal)
	}
	for _, s := range statuses {
		if errors.Is(err, s.fault) {
			return s.status
		}
	}
	return StatusFailed
}
