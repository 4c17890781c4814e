package host

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
)

// whyNot says why a plugin did not start.
func (pr *process) whyNot(h *Host, err error, late bool) error {
	if h.ctx.Err() != nil {
		return errClosed
	}
	c := pr.run
	var text, hint string
	how, crash := "", true
	switch {
	case c == nil || c.pid == 0:
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return startFailed(pr.name, err)
	case late || strings.Contains(err.Error(), "timeout while waiting"):
		how = fmt.Sprintf("did not start within %v", h.cfg.StartTimeout)
		text = how + " and was ended"
		if hint = "the next command starts it again"; pr.desc == nil { // it is not installed
			hint = "a plugin's main function calls sdk.Serve, and Describe does not wait"
		}
	case strings.Contains(err.Error(), "incompatible API version"):
		text, hint = otherVersion(err)
		how, crash = text, false // it was refused, and would not be otherwise: its hint is to stay
	case !c.greeted:
		how, crash = c.ending()
		text, hint = "ended before it was ready: it "+how, "sosh -v shows what it prints"
		if how == "exited with status 0" {
			hint = "a plugin's main function calls sdk.Serve, which does not return"
		}
	default:
		text, hint = "is no plugin: it did not greet as one", "the first line that a plugin prints is its handshake: docs/wire.md; in Go sdk.Serve prints it"
		if strings.Count(c.first, "|") < 4 {
			text = fmt.Sprintf("is no plugin: it printed %q where its greeting must be", c.first)
		}
	}
	if words := reasonOf(pr.log.lines()); words != "" && !late {
		hint += fmt.Sprintf("; its last words: %q", words)
	}
	if how == "" {
		how = text
	}
	e := pluginError(pr.name, hint, "%s", text).(*socket.Error)
	e.Err = fmt.Errorf("%w%w", e.Err, hidden{&earlyEnd{how, crash}})
	return e
}

// earlyEnd is a process that ended, or was ended, before it could be called.
type earlyEnd struct {
	how   string
	crash bool // by its own fault
}

func (*earlyEnd) Error() string { return "" }

func startFailed(name string, err error) error {
	e := pluginError(name, "", "cannot be started: %v", err).(*socket.Error)
	e.Err = fmt.Errorf("%w%w", e.Err, hidden{err})
	return e
}

// hidden adds an identity to an error without adding to its text.
type hidden struct{ error }

func (hidden) Error() string   { return "" }
func (h hidden) Unwrap() error { return h.error }

// pluginError is a failure of the plugin: one line, and what to do.
func pluginError(name, hint, format string, args ...any) error {
	return &socket.Error{Op: "the " + name + " plugin", Err: socket.Faultf(socket.Failed, format, args...), Hint: hint}
}
