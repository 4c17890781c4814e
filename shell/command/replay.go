package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/capture"
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
)

var replayCmd = &Command{
	Name:     "replay",
	Group:    Data,
	Synopsis: "send again what one side of a recorded conversation sent",
	Usage:    []string{"replay FILE SOCK [--timing] [--from client|server] [--stream N] [--timeout D]"},
	Help: `FILE is of record, tcpdump, Wireshark, or anything else that writes pcapng or pcap. Of TCP the bytes are sent in order, each once, however they were sent again or came out of order; of other protocols each datagram. To a socket with messages each datagram is one; a TCP stream, which has none, is sent to streams only.

Without --from it is the side whose socket was recorded, else the client: who began. A file with several streams needs --stream; without it the error lists them.

It sends as fast as the socket takes it; --timing keeps the distances of the file. It does not read: answers are for recv, and a peer that answers much and is not read may stop reading, too. The time allowed is for one wait for room.

Bytes that are missing in the file are status 1, when all before them is sent.`,
	Args: []Arg{{Name: "FILE", Kind: File}, {Name: "SOCK", Kind: Socket}},
	Examples: []Example{{
		Does: "each datagram again, as the one that it was",
		Code: `f=$(mktemp)
open udp --listen 127.0.0.1:0 -n u; open udp $(show u local) -n a
record a "$f"
send a one; send a two; recv u; echo; recv u; echo
record a off
replay "$f" a --timing
recv u; echo; recv u; echo
rm "$f"`,
		Output: "one\ntwo\none\ntwo\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		timing := f.Bool("timing", false, "at the distances in time that the file has")
		from := f.String("from", "", "what `SIDE` sent: client or server")
		stream := f.Int("stream", 0, "of stream `N`")
		limit := limitFlag(f)
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(2, 2)
			if err != nil {
				return err
			}
			side, ok := sides[*from]
			if !ok {
				return c.usage("--from %s: client or server", *from)
			}
			if f.Changed("stream") && *stream < 1 {
				return c.usage("--stream %d: the first is 1", *stream)
			}
			s, err := c.Session.socket("replay", args[1])
			if err != nil {
				return err
			}
			p := player{c: c, s: s, path: args[0], side: side, stream: *stream, timing: *timing}
			return p.run(ctx, c.Session.idle(ctx, *limit))
		}
	},
}

var sides = map[string]capture.Side{"": 0, "client": capture.ClientSide, "server": capture.ServerSide}

// player is one replay.
type player struct {
	c      *Call
	s      *table.Socket
	path   string
	side   capture.Side
	stream int // the first is 1; 0 for the only one
	timing bool

	begin, first time.Time // of the replay, and in the file
	pieces, sent int64
}

func (p *player) run(ctx, step context.Context) error {
	fail := func(err error) error {
		return &socket.Error{Op: "replay", Place: p.path + " " + p.s.Name(), Err: cause(err)}
	}
	f, err := p.c.OpenFile(p.path)
	if err != nil {
		return fail(err)
	}
	if p.path != "-" {
		defer f.Close()
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return fail(socket.Faultf(socket.Usage, "not a regular file: it is read twice"))
	}
	list, err := capture.List(&cancelled{ctx, f})
	if err != nil {
		return fail(err)
	}
	n, err := p.choose(list)
	if err != nil {
		return err
	}
	chosen := list[n]
	switch {
	case chosen.Ordered && p.s.Messages():
		return fail(socket.Faultf(socket.Usage, "stream %d is TCP, which has no messages, and %s takes messages", n+1, p.s.Name()))
	case p.side == 0:
		if p.side = chosen.Recorded; p.side == 0 {
			p.side = capture.ClientSide
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fail(err)
	}
	err = capture.Play(&cancelled{ctx, f}, n, p.side, func(at time.Time, b []byte) error { return p.give(ctx, step, at, b) })
	var own *socket.Error
	if err != nil && !errors.As(err, &own) {
		err = fail(err)
	}
	if err == nil && p.pieces == 0 {
		err = fail(socket.Faultf(socket.Usage, "this side of stream %d sent nothing", n+1))
	}
	p.c.notice("replay %s: %s sent", p.s.Name(), plural(int(p.sent), "byte"))
	return tellPart(err, p.sent, -1)
}

// choose finds the stream: the one that was asked for, or the only one.
func (p *player) choose(list []capture.Stream) (int, error) {
	fail := func(format string, args ...any) error {
		e := &socket.Error{Op: "replay", Place: p.path, Err: socket.Faultf(socket.Usage, format, args...)}
		if len(list) > 0 {
			e.Hint = "--stream N chooses: " + listStreams(list)
		}
		return e
	}
	switch {
	case p.stream > len(list):
		return 0, fail("stream %d of %d", p.stream, len(list))
	case p.stream > 0:
		return p.stream - 1, nil
	}
	only := -1
	for i, s := range list {
		if s.FromClient+s.FromServer == 0 {
			continue
		}
		if only >= 0 {
			return 0, fail("the file has %d streams", len(list))
		}
		only = i
	}
	switch {
	case only >= 0:
		return only, nil
	case len(list) == 1:
		return 0, nil
	}
	return 0, fail("nothing in it has data")
}

// listed is how many streams an error lists.
const listed = 20

func listStreams(list []capture.Stream) string {
	var b strings.Builder
	for i, s := range list[:min(len(list), listed)] {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%d %s %s > %s, %d and %d bytes", i+1, s.Protocol, s.Client, s.Server, s.FromClient, s.FromServer)
	}
	if len(list) > listed {
		fmt.Fprintf(&b, "; and %d more", len(list)-listed)
	}
	return b.String()
}

// give sends a piece, at its time.
func (p *player) give(ctx, step context.Context, at time.Time, b []byte) error {
	if p.pieces++; p.pieces == 1 {
		p.begin, p.first = time.Now(), at
	}
	if p.timing {
		if err := sleep(ctx, time.Until(p.begin.Add(at.Sub(p.first)))); err != nil {
			return &socket.Error{Op: "replay", Place: p.s.Name(), Err: err}
		}
	}
	n, err := p.s.Send(step, b)
	p.sent += int64(n)
	return err
}

// sleep waits that long, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return table.Ended(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return table.Ended(ctx)
	}
}

// cancelled reads a file until ctx ends.
type cancelled struct {
	ctx context.Context
	f   *os.File
}

func (r *cancelled) Read(p []byte) (int, error) {
	if err := table.Ended(r.ctx); err != nil {
		return 0, err
	}
	return r.f.Read(p)
}
