package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

var pipeCmd = &Command{
	Name:     "pipe",
	Group:    Data,
	Synopsis: "relay between two sockets, both ways",
	Usage:    []string{"pipe SOCK SOCK [--log FILE] [--timeout D]"},
	Help: `What comes from the one goes to the other, until both have ended; input that is unread goes first. The end of one side is passed on as an end of writing (shutdown SOCK write), so that the other side can still answer. The sockets stay open: close them when it is done. Ctrl-C ends the relay; what was read and could not be delivered is unread again.

When one side is reset the other is reset, too, and closed, as its peer must not take what it has for all (status 5).

Bytes of streams are not copied (splice(2)) unless they are logged or recorded. Sockets with messages go with sockets with messages, message by message: one that is connected sends to its peer, one that is not to whoever sent to it last; messages for nobody yet wait. A message that the network refuses is counted and the relay goes on. A stream and a socket with messages are refused: wrap the stream in frames first.

--log writes what passed, escaped, with its direction and time. The time allowed is for both sides being quiet.`,
	Args: []Arg{{Name: "SOCK", Kind: Socket}, {Name: "SOCK", Kind: Socket}},
	Examples: []Example{{
		Does: "a client and a server that do not know that there is something between",
		Code: `open tcp --listen 127.0.0.1:0 -n front; open tcp --listen 127.0.0.1:0 -n back
open tcp 127.0.0.1:$(show front local.port) -n client; accept front -n in
open tcp 127.0.0.1:$(show back local.port) -n out; accept back -n server
pipe in out &
send client question; shutdown client write
recv server --all; echo
send server answer; close server
recv client --all; echo
wait`,
		Output: "question\nanswer\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		path := f.String("log", "", "write what passes to `FILE`")
		limit := limitFlag(f)
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(2, 2)
			if err != nil {
				return err
			}
			if f.Changed("log") && *path == "" {
				return c.usage("--log names no file")
			}
			var ends [2]*table.Socket
			for i := range ends {
				if ends[i], err = c.Session.socket("pipe", args[i]); err != nil {
					return err
				}
			}
			spec := table.RelaySpec{Idle: c.Session.quiet(*limit)}
			if *path != "" {
				log, err := c.create("pipe", *path)
				if err != nil {
					return err
				}
				defer log.Close()
				l := &relayLog{w: log, tell: func(err error) { c.warn("pipe --log %s: %v: the log ends here", *path, cause(err)) }}
				spec.Log = l.write
			}
			done, err := table.Relay(ctx, ends[0], ends[1], spec)
			c.notice("pipe: %s from %s to %s, %s back", plural(int(done.There), "byte"), ends[0].Name(), ends[1].Name(), plural(int(done.Back), "byte"))
			if done.Undelivered > 0 {
				c.warn("pipe %s %s: %s did not come through, the last one: %v", ends[0].Name(), ends[1].Name(), plural(done.Undelivered, "message"), innermost(done.Last))
			}
			return err
		}
	},
}

// quiet is the time that the limit allows without a byte; 0 for no bound. A limit of
// nothing is the least that there is.
func (s *Session) quiet(limit render.Duration) time.Duration {
	if !limit.Set {
		limit = s.Limit
	}
	if limit.None || !limit.Set {
		return 0
	}
	return max(limit.D, time.Nanosecond)
}

// innermost is an error without the place that is told already.
func innermost(err error) error {
	var e *socket.Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err
	}
	return err
}

// create makes a file, or empties it, for what a socket does. Only a regular one: a
// pipe that nobody reads would hold the socket up.
func (c *Call) create(op, path string) (*os.File, error) {
	fail := func(err error) error { return &socket.Error{Op: op, Place: path, Err: cause(err)} }
	if c.NoFiles {
		return nil, fail(socket.Faultf(socket.Unsupported, "files are closed to this script (--no-external)"))
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.Dir, path)
	}
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return nil, fail(socket.Faultf(socket.Usage, "not a regular file"))
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fail(err)
	}
	return f, nil
}
