package conform

import (
	"context"
	"errors"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

var needRun = []socket.Call{socket.CallRun}

// errNoMore is the error of one who takes no more rows.
var errNoMore = errors.New("no more rows are taken")

// commands are promises of the commands that a plugin adds. What their arguments
// mean only their author knows: each is run with an address of the loopback for all
// that it must have.
var commands = []check{
	{"A run ends with the error of who takes its rows", needRun, func(t *trial, s *subject) {
		tried := false
		for _, c := range s.desc.Commands {
			ctx, cancel := context.WithTimeout(t.Context(), t.patience)
			taken := 0
			err := s.Run(ctx, s.run(c, nil), func(socket.Row) error { taken++; return errNoMore })
			late := ctx.Err() != nil
			cancel()
			switch {
			case taken == 0:
				continue // its arguments were of no use
			case late:
				t.Errorf("%s went on", c.Name)
			case taken > 1 || !errors.Is(err, errNoMore):
				t.Errorf("%s gave %d rows after the error: %v", c.Name, taken-1, err)
			}
			tried = true
		}
		if !tried {
			t.notApplicable("no command gave a row")
		}
	}},
	{"A run that is interrupted ends", needRun, func(t *trial, s *subject) {
		for _, c := range s.desc.Commands {
			// As a host does: the interrupt, and 250 ms later the cancel.
			ctx, cancel := context.WithCancel(t.Context())
			interrupt, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				s.Run(ctx, s.run(c, interrupt), func(socket.Row) error { return nil })
			}()
			close(interrupt)
			timer := time.AfterFunc(250*time.Millisecond, cancel)
			select {
			case <-done:
			case <-time.After(t.patience):
				t.Errorf("%s goes on", c.Name)
			}
			timer.Stop()
			cancel()
		}
	}},
	{"Run refuses what is no command", needRun, func(t *trial, s *subject) {
		for _, name := range []string{"", "\x00", "no such command", "\x1b[2J", longName} {
			err := s.Run(t.Context(), socket.RunRequest{Command: name}, func(socket.Row) error { return nil })
			if err == nil || errors.Is(err, socket.Failed) {
				t.Errorf("command %.20q: %v", name, err)
			}
		}
	}},
}

// run is a call of the command with the arguments that it must have.
func (s *subject) run(c socket.Command, interrupt <-chan struct{}) socket.RunRequest {
	req := socket.RunRequest{Command: c.Name, Width: 80, Interrupt: interrupt}
	for range c.Min {
		req.Args = append(req.Args, "127.0.0.1")
	}
	return req
}
