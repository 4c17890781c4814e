package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/expect"
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
)

var expectCmd = &Command{
	Name:     "expect",
	Group:    Data,
	Synopsis: "wait until what arrives matches a pattern",
	Usage:    []string{"expect SOCK RE [--timeout D]", "expect SOCK -F TEXT | --hex 'HH ?? (HH HH)' [--timeout D]", "expect SOCK FIELD=VALUE... [--timeout D]", "expect SOCK --where JQ [--timeout D]", "expect --any|--every SOCK RE SOCK RE... [--not RE] [--settle D]", "expect SOCK [RE] --not RE [--settle D]", "expect SOCK --eof|--reset [--not RE]"},
	Help: `RE is a regular expression (RE2), searched from the first byte that is not consumed. ^ and $ are at line ends, which may be \n or \r\n; . matches neither. \xHH is a byte; the other escapes are those of send.

A match is decided by bytes, never by time: as soon as no more bytes could change it. '([0-9]+)' waits for the byte after the number. A match consumes up to its end; a failed expect consumes nothing.

It sets match: ${match[0]} is the match, ${match[1]} the first group, $match_NAME the group (?P<NAME>...), $match_sock the socket. Captured by $(...), it prints the first group, or the match where there is none.

Several pairs of socket and pattern need --any (the match that is final first wins; $match_sock and $match_index tell which) or --every. --not RE fails as soon as RE arrives. --settle D lets D of quiet decide what only more bytes could. --eof and --reset wait for the end of the stream, or a reset, and are done when it comes.

One that fails tells, in a script, what was wanted, how long it waited, what had arrived, as text and in hex with offsets from the first byte that is not consumed, and what came nearest: how far the pattern got there, and the byte that was not wanted. At the prompt it is one line and a hint.

On a socket with messages each message is searched by itself; a match consumes it and those before it. Where messages have fields, FIELD=VALUE... waits for a message that has these values; $match_FIELD are its fields, and $peer is its sender.

--where JQ waits for a JSON value for which an expression of jq holds: gives something that is neither false nor null. On a stream these are the values one after the other, lines or not, and the match is consumed up to its end; what is not JSON is status 1. Of a message it is the data, where that is JSON, else the object of its fields; $fields is that object, too. ${match[0]} is the value, ${match[1]} what the expression gave unless that is true, and captured it prints the latter, else the value on one line. A value for which the expression fails, or takes more than a second, is passed over.`,
	Args:    []Arg{{Name: "SOCK", Kind: Socket}, {Name: "RE"}, {Name: "FIELD=VALUE", Kind: MessageValue, Repeat: true}},
	Escapes: true,
	Examples: []Example{{
		Does: "the status of a reply",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n c; accept srv -n s
send s 'HTTP/1.0 200 OK\r\n'
status=$(expect c '^HTTP/1\.[01] ([0-9]+)')
echo "$status"`,
		Output: "200\n",
	}, {
		Does: "the first JSON value for which an expression of jq holds",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n c; accept srv -n s
send s '{"status": 100}\n{"status": 200, "id": 12345678901234567890}\n'
expect c --where '.status == 200'
echo "${match[0]}"
send s '{"type": "note"} {"type": "ready", "id": 7}'
id=$(expect c --where 'select(.type == "ready").id')
echo "$id"`,
		Output: `{"status": 200, "id": 12345678901234567890}
7
`,
	}, {
		Does: "what does not come is status 3, and what came is kept",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n c; accept srv -n s
send s 'not yet'
expect c ready --timeout 50ms || echo "status $?"
recv c; echo`,
		Output: "status 3\nnot yet\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		literal := f.BoolP("fixed", "F", false, "RE is text, not a pattern")
		hex := f.Bool("hex", false, "RE is hex bytes, ?? any byte, ( ) a group; groups are given in hex")
		any := f.Bool("any", false, "one of several pairs of socket and pattern")
		every := f.Bool("every", false, "all of several pairs of socket and pattern")
		not := f.String("not", "", "fail when `RE` comes")
		settle := f.String("settle", "", "let quiet of `D` decide")
		eof := f.Bool("eof", false, "wait for the end of the stream")
		reset := f.Bool("reset", false, "wait for a reset")
		where := f.String("where", "", "wait for a JSON value for which the expression `JQ` holds")
		limit := limitFlag(f)
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, -1)
			if err != nil {
				return err
			}
			if f.Changed("where") {
				for _, other := range []string{"fixed", "hex", "any", "every", "not", "settle", "eof", "reset"} {
					if f.Changed(other) {
						return c.usage("--where and --%s exclude each other", other)
					}
				}
				return c.expectWhere(ctx, args, *where, *limit)
			}
			if *literal && *hex {
				return c.usage("-F and --hex exclude each other")
			}
			if *any || *every || *eof || *reset || f.Changed("not") || f.Changed("settle") {
				r := race{c: c, kind: patternKind{literal: *literal, hex: *hex}, every: *every, not: *not}
				if err := r.read(args, *any, *eof, *reset, f.Changed("not")); err != nil {
					return err
				}
				if r.settle, err = settleTime(c, *settle); err != nil {
					return err
				}
				if err := r.prepare(); err != nil {
					return err
				}
				if err := c.clearMatch(); err != nil {
					return err
				}
				r.watch = c.Session.watch(*limit)
				step, cancel := c.Session.step(ctx, *limit)
				defer cancel()
				return r.run(step)
			}
			if args, err = c.args(2, -1); err != nil {
				return err
			}
			e := expectation{c: c, hex: *hex, text: strings.Join(args[1:], " ")}
			if len(args) == 2 { // a bad pattern is told before anything else
				if e.p, err = c.compile(patternKind{literal: *literal, hex: *hex}, args[1]); err != nil {
					return err
				}
			}
			if err := c.clearMatch(); err != nil {
				return err
			}
			s, err := c.Session.socket("expect", args[0])
			if err != nil {
				return err
			}
			e.s = s
			fields, byField := wanted(s.Top(), args[1:])
			byField = byField && !*literal && !*hex && s.Messages() && s.Top().Can(socket.CallDecode)
			if s.Messages() && s.Top().Can(socket.CallDecode) && !byField && !*literal && !*hex {
				if name, ok := strange(s.Top(), args[1:]); ok {
					return c.usage("messages of %s have no field %q: help %s lists them; -F waits for text", s.Top().Name, name, s.Top().Name)
				}
			}
			switch {
			case byField:
				e.p = nil
			case len(args) > 2:
				return c.usage("%q is one argument too many", args[2])
			default:
				fields = nil
			}
			e.watch = c.Session.watch(*limit)
			step, cancel := c.Session.step(ctx, *limit)
			defer cancel()
			t, err := s.Read(step)
			if err != nil {
				return err
			}
			defer t.Done()
			e.t = t
			if s.Messages() {
				return e.messages(step, fields)
			}
			return e.run(step)
		}
	},
}

// expectation is one expect under way.
type expectation struct {
	c    *Call
	s    *table.Socket
	t    *table.Turn
	p    *expect.Pattern
	hex  bool
	text string
	// index is which of several pairs it is.
	index int
	watch watch
	// began is how many bytes were unread at first.
	began int
	// fields are waited for in messages; near is the message that had most of
	// them, fitted as many.
	fields []socket.Setting
	near   string
	fitted int
	where  *where
}

func (e *expectation) run(ctx context.Context) error {
	m := e.p.Matcher(e.t.Before())
	e.began = len(e.t.Unread())
	err := search(ctx, m, e.t.Unread(), e.t.Fill)
	if found, ok := m.Match(); ok {
		return e.matched(found)
	}
	if err == nil {
		err = cannotMatch(e.text)
	}
	return e.failed(m, err)
}

// fill brings more bytes, or the next message, as soon as there are; the error is why
// nothing more comes.
type fill func(context.Context) ([]byte, error)

// search feeds m until it is decided. The end of the stream decides, too; any other
// error does not.
func search(ctx context.Context, m *expect.Matcher, have []byte, more fill) (err error) {
	for done := m.Feed(have); !done; done = m.Feed(have) {
		if have, err = more(ctx); errors.Is(err, socket.Ended) {
			m.End()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// place is where it waits, and for what.
func (e *expectation) place() string {
	flag := ""
	if e.where != nil {
		flag = "--where "
	}
	return e.s.Place() + " " + flag + "'" + brief(e.text) + "'"
}

// cannotMatch is the failure of a pattern that no more bytes could help.
func cannotMatch(pattern string) error { return fmt.Errorf("%s cannot match any more", pattern) }

// failed tells what had arrived, and how near it came.
func (e *expectation) failed(m *expect.Matcher, err error) error {
	if errors.Is(err, syscall.ENOTCONN) {
		return e.s.NotConnected("expect")
	}
	have := e.t.Unread()
	fault := &socket.Error{Op: "expect", Place: e.place(), Err: err}
	var r report
	r.add("wanted", shortened(e.text))
	r.add("waited", e.watch.String())
	r.add("arrived", arrived(len(have), e.began))
	if len(have) == 0 {
		fault.Hint = "nothing had arrived"
		return r.fail(fault, causeHint(err))
	}
	near, fits := nearest(e.p, m, e.t.Before(), have)
	r.add("nearest", near)
	r.data("text", have, 0)
	fault.Hint = plural(len(have), "byte") + " had arrived and " + isAre(len(have)) + " kept; the nearest: " + near
	if !fits {
		fault.Hint = plural(len(have), "byte") + " had arrived and " + isAre(len(have)) + " kept: " + preview(have)
	}
	return r.fail(fault, causeHint(err))
}

// matched delivers a match and consumes up to its end.
func (e *expectation) matched(m expect.Match) error {
	if err := e.found(e.t.Unread(), m, nil); err != nil {
		return err
	}
	if c := e.c.caller; c != nil {
		c.Skipped = m.Groups[0].Start
	}
	e.t.Consume(int(m.Groups[0].End))
	return nil
}

// found sets the variables of a match in have, and those given, and prints when captured.
func (e *expectation) found(have []byte, m expect.Match, vars []Assignment) error {
	values := make([]string, len(m.Groups))
	for i, g := range m.Groups {
		if g.Start >= 0 {
			values[i] = e.value(have[g.Start:g.End])
		}
	}
	vars = append(vars, Assignment{Name: "match", Values: values}, Assignment{Name: "match_sock", Value: e.s.Name()}, Assignment{Name: "match_index", Value: itoa(e.index)})
	if e.p != nil {
		for i, name := range e.p.Names() {
			if name != "" {
				vars = append(vars, Assignment{Name: "match_" + name, Value: values[i]})
			}
		}
	}
	if e.c.Captured {
		g := m.Groups[min(1, len(m.Groups)-1)]
		if g.Start >= 0 && !e.hex && bytes.IndexByte(have[g.Start:g.End], 0) >= 0 {
			return &socket.Error{Op: "expect", Place: e.place(), Err: errNUL, Hint: "expect --hex gives groups in hex"}
		}
		if err := e.c.print("%s\n", values[min(1, len(values)-1)]); err != nil {
			return err
		}
	}
	return e.c.setMatch(vars)
}

// value is a group as a variable can hold it: in hex where that was asked for,
// empty where it has NUL.
func (e *expectation) value(p []byte) string {
	switch {
	case e.hex:
		return hexWords(p)
	case bytes.IndexByte(p, 0) >= 0:
		return ""
	}
	return string(p)
}

// setMatch assigns the variables of a match and remembers their names, so that
// the next expect can take them away.
func (c *Call) setMatch(vars []Assignment) error {
	c.Session.mu.Lock()
	c.Session.matched = c.Session.matched[:0]
	for _, v := range vars {
		c.Session.matched = append(c.Session.matched, v.Name)
	}
	c.Session.mu.Unlock()
	return c.SetVars(vars...)
}

// clearMatch unsets what the last match set.
func (c *Call) clearMatch() error {
	c.Session.mu.Lock()
	names := c.Session.matched
	c.Session.matched = nil
	c.Session.mu.Unlock()
	return c.ClearMatch(names...)
}
