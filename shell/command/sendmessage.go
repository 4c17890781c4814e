package command

import (
	"context"
	"io"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// message is one message to send, as it was typed.
type message struct {
	to, file        string
	words           []string
	hex, raw, lines bool
	empty, whole    bool
}

func (m message) send(ctx context.Context, c *Call, s *table.Socket) error {
	if !s.Messages() && m.empty {
		return c.usage("--empty sends an empty message: %s is a stream, which has none", s.Name())
	}
	var peer socket.Address
	var err error
	if m.to != "" {
		if peer, err = s.Address(ctx, c.address(s.Description().Word(), m.to)); err != nil {
			return err
		}
	}
	out, err := m.make(ctx, c, s)
	if err != nil {
		return err
	}
	if !peer.IsZero() {
		out.Peer = peer
	}
	return s.SendMessage(ctx, out)
}

func (m message) make(ctx context.Context, c *Call, s *table.Socket) (socket.Message, error) {
	switch {
	case m.empty:
		return socket.Message{}, nil
	case m.file != "":
		data, err := m.read(c, s)
		return socket.Message{Data: data}, err
	case s.Top().Can(socket.CallEncode) && !m.hex && !m.whole:
		return m.encode(ctx, c, s)
	}
	data, err := c.data(strings.Join(m.words, " "), m.hex, m.raw, m.lines)
	return socket.Message{Data: data}, err
}

// read is a whole file as one message.
func (m message) read(c *Call, s *table.Socket) ([]byte, error) {
	f, err := c.OpenFile(m.file)
	if err == nil {
		if m.file != "-" {
			defer f.Close()
		}
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(f, socket.MaxMessage+1)); err == nil {
			if len(data) == 0 {
				return nil, c.usage("there is nothing to send: %s is empty; --empty sends an empty message", m.file)
			}
			if m.lines {
				var l lineEnds
				data = l.last(l.next(nil, data))
			}
			return data, nil
		}
	}
	return nil, &socket.Error{Op: "send", Place: s.Name() + " -f " + m.file, Err: cause(err)}
}

// encode makes a message of FIELD=VALUE words.
func (m message) encode(ctx context.Context, c *Call, s *table.Socket) (socket.Message, error) {
	d := s.Top()
	fields := make([]socket.Setting, 0, len(m.words))
	for _, w := range m.words {
		name, value, cut := strings.Cut(w, "=")
		f, known := socket.FieldNamed(d.Fields, name)
		switch {
		case !cut:
			return socket.Message{}, c.usage("messages of %s are made of FIELD=VALUE words, and %q is none; --message sends text as a message", d.Name, w)
		case !known:
			return socket.Message{}, c.usage("messages of %s have no field %q: help %s lists them", d.Name, name, d.Name)
		case f.Decoded:
			return socket.Message{}, c.usage("%s is a field of messages that arrive only", name)
		}
		if !m.raw {
			plain, err := render.Unescape(value)
			if err != nil {
				return socket.Message{}, &socket.Error{Op: "send", Err: err}
			}
			value = string(plain)
		}
		fields = append(fields, socket.Setting{Name: name, Value: value})
	}
	out, err := s.Encode(ctx, fields)
	if err != nil {
		return out, &socket.Error{Op: "send", Place: s.Name() + " " + brief(strings.Join(m.words, " ")), Err: err}
	}
	return out, nil
}

// briefly is how much of what was typed an error repeats, in bytes.
const briefly = 80

func brief(text string) string {
	if len(text) <= briefly {
		return text
	}
	return strings.ToValidUTF8(text[:briefly], "") + "..."
}
