package command

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

var send = &Command{
	Name:     "send",
	Group:    Data,
	Synopsis: "send data",
	Usage:    []string{"send [--to ADDR] [-l] [--hex] [--raw] [--message] [--timeout D] SOCK DATA...", "send [--to ADDR] -f FILE [-l] SOCK", "send [--to ADDR] SOCK FIELD=VALUE...", "send [--to ADDR] --empty SOCK"},
	Help: `The words are joined by one space; no newline is added. The escapes \r \n \t \0 \a \e \\ \xHH \uHHHH are decoded: quote them, or the shell takes the backslash away. Variables can hold anything: send --raw SOCK "$x" sends it as it is.

On a socket with messages (datagrams, packets, frames) it sends one, and --to names another peer than the one it is connected to. Where messages are made of fields (icmp-raw, http: help PROTO lists them), the words are FIELD=VALUE; --hex, -f and --message send a message as it is.

Flags stand before SOCK. After it everything is data, so that no data can become a flag.

The time allowed is for one wait for room, not for the whole.`,
	Args:     []Arg{{Name: "SOCK", Kind: Socket}, {Name: "DATA", Kind: MessageValue, Repeat: true}},
	DataLast: true,
	Escapes:  true,
	Examples: []Example{{
		Does: "a line, with the line end of network protocols",
		Code: `open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n c
accept srv -n s
send -l c EHLO example.org
send c 'NOOP\r\n'
recv s --lines 2`,
		Output: "EHLO example.org\nNOOP\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		file := f.StringP("file", "f", "", "send `FILE`; - is standard input")
		lines := f.BoolP("lines", "l", false, `make each line end in \r\n, the last one too`)
		hex := f.Bool("hex", false, "DATA is hex: 0d 0a ff")
		raw := f.Bool("raw", false, "decode no escapes")
		to := f.String("to", "", "send to `ADDR`")
		empty := f.Bool("empty", false, "send an empty message")
		whole := f.Bool("message", false, "DATA is a whole message, not fields")
		limit := limitFlag(f)
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, -1)
			if err != nil {
				return err
			}
			switch {
			case f.Changed("to") && *to == "":
				return c.usage("--to names no address")
			case *empty && (len(args) > 1 || *file != ""):
				return c.usage("--empty sends no data")
			case f.Changed("file") && *file == "":
				return c.usage("-f names no file")
			case *file != "" && (len(args) > 1 || *hex || *raw):
				return c.usage("-f FILE sends the file and nothing else")
			case *hex && (*raw || *lines):
				return c.usage("--hex goes with neither -l nor --raw")
			case *file == "" && len(args) == 1 && !*lines && !*empty:
				return c.usage("there is nothing to send")
			}
			s, err := c.Session.socket("send", args[0])
			if err != nil {
				return err
			}
			if s.Messages() || *to != "" || *empty {
				m := message{to: *to, file: *file, words: args[1:], hex: *hex, raw: *raw, lines: *lines, empty: *empty, whole: *whole}
				step, cancel := c.Session.step(ctx, *limit)
				defer cancel()
				return m.send(step, c, s)
			}
			ctx = c.Session.idle(ctx, *limit)
			if *file != "" {
				return c.sendFile(ctx, s, *file, *lines)
			}
			data, err := c.data(strings.Join(args[1:], " "), *hex, *raw, *lines)
			if err != nil {
				return err
			}
			n, err := s.Send(ctx, data)
			return tellPart(err, int64(n), int64(len(data)))
		}
	},
}

// data turns what was typed into bytes.
func (c *Call) data(text string, hex, raw, lines bool) ([]byte, error) {
	var data []byte
	var err error
	switch {
	case hex:
		data, err = render.ParseHex(text)
	case raw:
		data = []byte(text)
	default:
		data, err = render.Unescape(text)
	}
	if err != nil {
		return nil, &socket.Error{Op: c.command.Name, Err: err}
	}
	if lines {
		var l lineEnds
		data = l.last(l.next(nil, data))
	}
	if len(data) == 0 {
		return nil, c.usage("there is nothing to send")
	}
	return data, nil
}

// sendFile sends a file from where its offset is: a regular one without copying.
func (c *Call) sendFile(ctx context.Context, s *table.Socket, path string, lines bool) error {
	f, err := c.OpenFile(path)
	if err != nil {
		return &socket.Error{Op: "send", Place: s.Name() + " -f " + path, Err: cause(err)}
	}
	if path != "-" {
		defer f.Close()
	}
	if !lines {
		n, err := s.SendFile(ctx, f)
		if err == nil && n == 0 {
			return c.usage("there is nothing to send: %s is empty", path)
		}
		return tellPart(err, n, -1)
	}
	var l lineEnds
	var got, sent int64
	in, out := make([]byte, 64<<10), make([]byte, 0, 128<<10)
	for {
		n, rerr := f.Read(in)
		if got += int64(n); rerr == io.EOF && got == 0 {
			return c.usage("there is nothing to send: %s is empty", path)
		}
		out = l.next(out[:0], in[:n])
		if rerr == io.EOF {
			out = l.last(out)
		}
		m, err := s.Send(ctx, out)
		sent += int64(m)
		switch {
		case err != nil:
			return tellPart(err, sent, -1)
		case rerr == io.EOF:
			return nil
		case rerr != nil:
			return &socket.Error{Op: "send", Place: s.Name() + " -f " + path, Err: cause(rerr)}
		}
	}
}

// cause takes the path out of an error whose place is told already.
func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// tellPart adds to a failure how much the kernel had taken.
func tellPart(err error, sent, of int64) error {
	var e *socket.Error
	if err == nil || sent == 0 || !errors.As(err, &e) {
		return err
	}
	told := *e
	told.Hint = "the kernel took " + render.Count(sent) + " bytes before that"
	if of >= 0 {
		told.Hint = "the kernel took " + render.Count(sent) + " of " + render.Count(of) + " bytes before that"
	}
	return &told
}

// lineEnds makes line ends of network protocols out of any, over pieces.
type lineEnds struct{ prev byte }

func (l *lineEnds) next(dst, src []byte) []byte {
	for len(src) > 0 {
		i := bytes.IndexByte(src, '\n')
		if i < 0 {
			l.prev = src[len(src)-1]
			return append(dst, src...)
		}
		dst = append(dst, src[:i]...)
		if i > 0 {
			l.prev = src[i-1]
		}
		if l.prev != '\r' {
			dst = append(dst, '\r')
		}
		dst = append(dst, '\n')
		l.prev = '\n'
		src = src[i+1:]
	}
	return dst
}

// last ends the last line, if it has no end yet.
func (l *lineEnds) last(dst []byte) []byte {
	switch l.prev {
	case '\n':
		return dst
	case '\r':
		return append(dst, '\n')
	}
	return append(dst, "\r\n"...)
}
