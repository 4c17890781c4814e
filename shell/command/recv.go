package command

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/expect"
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
)

var recv = &Command{
	Name:     "recv",
	Group:    Data,
	Synopsis: "receive data: consume it and print it",
	Usage: []string{
		"recv SOCK [--timeout D] [--hex] [--raw] [--json] [-v VAR]",
		"recv SOCK --bytes N | --lines N | --until RE | --all [...]",
		"recv SOCK FIELD... [...]",
	},
	Help: `Without more it waits for data and prints what one read gives. --bytes, --lines and --until wait until that much is there and consume exactly it; when it does not come nothing is consumed. --all prints what comes until the peer ends the stream. The variable peer is set to the sender's address.

Of a socket with messages (datagrams, packets, frames) it gives one message, whole. Where messages have fields (help PROTO lists them), recv SOCK FIELD... prints the values of those, a line each; at a terminal recv shows all fields, and --json gives them as an object.

At a terminal what arrives is escaped, so that a peer cannot send commands to the terminal; --raw prints it as it is. Elsewhere it is always printed as it is. --hex prints it in hex, which variables can hold even where the data has NUL.`,
	Args:    []Arg{{Name: "SOCK", Kind: Socket}, {Name: "FIELD", Kind: MessageField, Repeat: true}},
	Escapes: true,
	Examples: []Example{{
		Does: "by length, by line, by pattern, and the rest",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n c; accept srv -n s
send c 'HEADone line\r\nkey=value;rest'; close c
recv s --bytes 4; echo
recv s --lines 1
recv s --until ';'; echo
recv s --all; echo`,
		Output: "HEAD\none line\nkey=value;\nrest\n",
	}, {
		Does: "into a variable",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n c; accept srv -n s
send c hello
recv s -v msg; echo "$msg, world"`,
		Output: "hello, world\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		var r receiver
		f.Int64Var(&r.bytes, "bytes", 0, "exactly `N` bytes")
		f.IntVar(&r.lines, "lines", 0, "exactly `N` lines, printed without their ends")
		f.StringVar(&r.until, "until", "", "up to and with the first match of `RE`")
		f.BoolVar(&r.all, "all", false, "all until the end of the stream")
		f.BoolVar(&r.hex, "hex", false, "print in hex")
		f.BoolVar(&r.raw, "raw", false, "at a terminal too, print bytes as they are")
		f.StringVarP(&r.variable, "var", "v", "", "into the variable `VAR`, without a subshell")
		json := f.Bool("json", false, "an object: the data or the fields, the sender, the size")
		limit := limitFlag(f)
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, -1)
			if err != nil {
				return err
			}
			if err := r.check(c, f); err != nil {
				return err
			}
			s, err := c.Session.socket("recv", args[0])
			if err != nil {
				return err
			}
			r.fields = args[1:]
			if err := r.checkMessages(c, s); err != nil {
				return err
			}
			r.json = *json || c.Session.JSON
			r.out = newSink(c, s, r.raw, r.hex, r.json, r.variable)
			step, cancel := c.Session.step(ctx, *limit)
			if r.all || r.bytes > s.Inbox() { // what comes without end has time between its pieces
				cancel()
				step, cancel = context.WithCancel(c.Session.idle(ctx, *limit))
			}
			defer cancel()
			t, err := s.Read(step)
			if err != nil {
				return err
			}
			defer t.Done()
			if err := r.run(step, c, s, t); err != nil {
				return err
			}
			if !s.Messages() {
				f, _ := s.Facts()
				r.peer = f.Remote
			}
			return c.SetVars(Assignment{Name: "peer", Value: r.peer.Text(s.Description().Address)})
		}
	},
}

// receiver is one recv under way.
type receiver struct {
	bytes    int64
	lines    int
	until    string
	all      bool
	hex, raw bool
	json     bool
	variable string

	fields  []string // of messages
	pattern *expect.Pattern
	out     *sink
	peer    socket.Address // of the last message
}

func (r *receiver) check(c *Call, f *pflag.FlagSet) (err error) {
	r.pattern = nil
	given := 0
	for _, name := range []string{"bytes", "lines", "until", "all"} {
		if f.Changed(name) {
			given++
		}
	}
	switch {
	case given > 1:
		return c.usage("--bytes, --lines, --until and --all exclude each other")
	case f.Changed("bytes") && r.bytes < 1:
		return c.usage("--bytes %d: at least 1", r.bytes)
	case f.Changed("lines") && r.lines < 1:
		return c.usage("--lines %d: at least 1", r.lines)
	case f.Changed("var") && f.Changed("json"):
		return c.usage("-v and --json exclude each other: $(recv ... --json) is an object in a variable")
	case f.Changed("var") && !isName(r.variable):
		return c.usage("-v %s: no name for a variable", r.variable)
	}
	if f.Changed("until") {
		r.pattern, err = c.compile(patternKind{}, r.until)
	}
	return err
}

// checkMessages refuses what the socket's kind does not have.
func (r *receiver) checkMessages(c *Call, s *table.Socket) error {
	r.peer = socket.Address{}
	switch {
	case !s.Messages() && len(r.fields) > 0:
		return c.usage("%q is one argument too many: %s is a stream, whose bytes have no fields", r.fields[0], s.Name())
	case s.Messages() && (r.lines > 0 || r.pattern != nil):
		return c.usage("--lines and --until are for streams: %s gives whole messages", s.Name())
	case len(r.fields) > 1 && r.variable != "" || len(r.fields) > 0 && r.bytes > 0:
		return c.usage("-v takes one FIELD, and --bytes none")
	}
	return c.checkFields(s, r.fields)
}

func (r *receiver) run(ctx context.Context, c *Call, s *table.Socket, t *table.Turn) error {
	var err error
	switch {
	case s.Messages():
		err = r.message(ctx, c, s, t)
	case r.all && r.out.whole():
		err = r.wholeStream(ctx, t)
	case r.all:
		err = r.stream(ctx, t, -1)
	case r.bytes > s.Inbox():
		err = r.stream(ctx, t, r.bytes)
	case r.bytes > 0:
		err = r.gather(ctx, t, func(have, _ []byte) (int, bool) { return int(r.bytes), int64(len(have)) >= r.bytes })
	case r.lines > 0:
		err = r.byLines(ctx, t)
	case r.pattern != nil:
		err = r.byPattern(ctx, t)
	default:
		err = r.gather(ctx, t, func(have, _ []byte) (int, bool) { return len(have), len(have) > 0 })
	}
	var e *socket.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	if errors.Is(err, syscall.ENOTCONN) {
		return s.NotConnected("recv")
	}
	e = &socket.Error{Op: "recv", Place: s.Place(), Err: err}
	if errors.Is(err, syscall.ECONNREFUSED) {
		e.Hint = "no process has that port there"
	}
	if errors.Is(err, socket.Timeout) && s.Messages() && len(t.UnreadMessages()) == 0 {
		if r, n := s.Returned(); n > 0 {
			e.Hint = "to " + r.To.Text(s.Description().Address) + ": " + r.Error()
		}
	}
	if n := len(t.Unread()); n > 0 {
		e.Hint = plural(n, "byte") + " had arrived and " + isAre(n) + " kept: " + preview(t.Unread())
	}
	return e
}

// gather waits until enough is there, then consumes and prints it. The
// function sees all that is unread and what is new.
func (r *receiver) gather(ctx context.Context, t *table.Turn, enough func(have, fresh []byte) (int, bool)) error {
	fresh := t.Unread()
	for {
		have := t.Unread()
		if n, ok := enough(have, fresh); ok {
			return r.deliver(t, have[:n], n)
		}
		var err error
		if fresh, err = t.Fill(ctx); err != nil {
			return err
		}
	}
}

// deliver prints text and then consumes the n bytes that it was made of: what
// could not be printed, or not be assigned, is not lost.
func (r *receiver) deliver(t *table.Turn, text []byte, n int) error {
	if err := r.out.write(text); err != nil {
		return err
	}
	if err := r.out.end(); err != nil {
		return err
	}
	t.Consume(n)
	return nil
}

// byLines prints lines without their ends, each on a line.
func (r *receiver) byLines(ctx context.Context, t *table.Turn) error {
	ends := 0
	var text []byte
	take := -1
	err := r.await(ctx, t, func(have, fresh []byte) bool {
		ends += bytes.Count(fresh, []byte{'\n'})
		if ends < r.lines {
			return false
		}
		rest := have
		for range r.lines {
			line, after, _ := bytes.Cut(rest, []byte{'\n'})
			text = append(append(text, bytes.TrimSuffix(line, []byte{'\r'})...), '\n')
			rest = after
		}
		take = len(have) - len(rest)
		return true
	})
	if err != nil {
		return err
	}
	switch {
	case r.hex: // hex shows the bytes, ends and all
		text = t.Unread()[:take]
	case r.variable != "" || r.json: // the ends are between the lines, as $(...) has them
		text = text[:len(text)-1]
	}
	return r.deliver(t, text, take)
}

func (r *receiver) byPattern(ctx context.Context, t *table.Turn) error {
	m := r.pattern.Matcher(t.Before())
	err := r.await(ctx, t, func(_, fresh []byte) bool { return m.Feed(fresh) })
	if errors.Is(err, socket.Ended) && m.End() {
		err = nil
	}
	if err != nil {
		return err
	}
	found, ok := m.Match()
	if !ok {
		return cannotMatch(r.until)
	}
	n := int(found.Groups[0].End)
	return r.deliver(t, t.Unread()[:n], n)
}

// wholeStream delivers all until the end at once, to a variable or an object.
func (r *receiver) wholeStream(ctx context.Context, t *table.Turn) error {
	t.Bound = maxCapture
	err := r.await(ctx, t, func(_, _ []byte) bool { return false })
	if !errors.Is(err, socket.Ended) {
		return err
	}
	return r.deliver(t, t.Unread(), len(t.Unread()))
}

// await fills until done says so.
func (r *receiver) await(ctx context.Context, t *table.Turn, done func(have, fresh []byte) bool) error {
	fresh := t.Unread()
	for !done(t.Unread(), fresh) {
		var err error
		if fresh, err = t.Fill(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stream prints as it comes: n bytes, or with -1 all until the end.
func (r *receiver) stream(ctx context.Context, t *table.Turn, n int64) error {
	buf := make([]byte, 256<<10)
	for n != 0 {
		p := buf
		if n > 0 && n < int64(len(p)) {
			p = p[:n]
		}
		m, err := t.Take(ctx, p)
		if errors.Is(err, socket.Ended) && n < 0 {
			return r.out.end()
		}
		if err != nil {
			if ferr := r.out.end(); ferr != nil { // what came is printed all the same
				return ferr
			}
			return err
		}
		if err := r.out.write(p[:m]); err != nil {
			t.PutBack(p[:m])
			return err
		}
		if n > 0 {
			n -= int64(m)
		}
	}
	return r.out.end()
}

func isName(s string) bool {
	ok := s != "" && !('0' <= s[0] && s[0] <= '9')
	return ok && !slices.ContainsFunc([]byte(s), func(b byte) bool {
		return b != '_' && (b < '0' || b > '9') && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z')
	})
}
