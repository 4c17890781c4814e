package conform

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/sosh-shell/sosh/core/socket"
)

var (
	needEncode = []socket.Call{socket.CallEncode}
	needDecode = []socket.Call{socket.CallDecode}
)

// fields are promises of messages with fields.
var fields = []check{
	{"Encode refuses a field that is not declared as wrong usage", needEncode, func(t *trial, s *subject) {
		mark := s.mark(t)
		for _, name := range append(slices.Clone(hostileNames), longName) {
			if _, declared := socket.FieldNamed(s.desc.Fields, name); declared {
				continue
			}
			if m, err := s.Encode(t.Context(), mark, []socket.Setting{{Name: name, Value: "1"}}); !errors.Is(err, socket.Usage) {
				t.Errorf("field %.20q: %d bytes, %v", name, len(m.Data), err)
			}
		}
		for _, f := range s.desc.Fields {
			if f.Decoded && !strings.HasSuffix(f.Name, ".*") {
				if m, err := s.Encode(t.Context(), mark, []socket.Setting{{Name: f.Name, Value: "1"}}); !errors.Is(err, socket.Usage) {
					t.Errorf("field %s, which is only read: %d bytes, %v", f.Name, len(m.Data), err)
				}
			}
		}
	}},
	{"Encode refuses a value that the field cannot take as wrong usage", needEncode, func(t *trial, s *subject) {
		mark := s.mark(t)
		for i, f := range s.desc.Fields {
			if f.Decoded || strings.HasSuffix(f.Name, ".*") {
				continue
			}
			for _, v := range hostileTo(i) {
				m, err := s.Encode(t.Context(), mark, []socket.Setting{{Name: f.Name, Value: v}})
				number := f.Type == socket.IntField || f.Type == socket.FloatField && v != "1e999" && v != "NaN" && v[max(0, len(v)-1):] != "9"
				switch {
				case (number || f.Type == socket.BoolField) && !errors.Is(err, socket.Usage):
					t.Errorf("%s=%.20q: %d bytes, %v", f.Name, v, len(m.Data), err)
				case errors.Is(err, socket.Failed):
					t.Errorf("%s=%.20q: %v", f.Name, v, err)
				}
			}
		}
	}},
	{"Decode answers each message, also a hostile one, with declared fields", needDecode, func(t *trial, s *subject) {
		mark := s.mark(t)
		s.decodes(t, mark, nil)
		s.decodes(t, mark, hostileMessages())
	}},
	{"Encode makes a message of no fields, or says as wrong usage what it lacks", needEncode, func(t *trial, s *subject) {
		m, err := s.Encode(t.Context(), s.mark(t), nil)
		if err != nil && !errors.Is(err, socket.Usage) || len(m.Data) > socket.MaxMessage {
			t.Errorf("%d bytes, %v", len(m.Data), err)
		}
	}},
	{"Encode and Decode may be called at once", needDecode, func(t *trial, s *subject) {
		mark, messages := s.mark(t), hostileMessages()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				s.decodes(t, mark, messages[i:i+20])
				if s.desc.Can(socket.CallEncode) {
					if _, err := s.Encode(t.Context(), mark, nil); errors.Is(err, socket.Failed) {
						t.Errorf("encode: %v", err)
					}
				}
			})
		}
		wg.Wait()
	}},
}

// mark is that of a new socket, or of a layer.
func (s *subject) mark(t *trial) socket.Mark {
	if !s.desc.Layer {
		return s.open(t).Mark
	}
	if s.Alone {
		c, _ := tcpPair(t)
		w, err := s.wrap(t, c, false, nil)
		if err != nil {
			t.notApplicable("it has no mark without a far end: %v", err)
		}
		t.Cleanup(w.close)
		return w.Mark
	}
	c, k := s.ends(t)
	t.Cleanup(func() { c.close(); k.close() })
	return c.Mark
}

// decodes decodes messages, and looks at the answer.
func (s *subject) decodes(t *trial, mark socket.Mark, messages []socket.Message) [][]socket.Setting {
	all, err := s.Decode(t.Context(), mark, messages)
	if err != nil || len(all) != len(messages) {
		t.Errorf("%d answers to %d messages: %v", len(all), len(messages), err)
		return make([][]socket.Setting, max(1, len(messages)))
	}
	for i, answer := range all {
		for _, f := range answer {
			if _, ok := socket.FieldNamed(s.desc.Fields, f.Name); !ok && f.Name != "error" {
				t.Errorf("a message of %d bytes has the field %.40q, which is not declared", len(messages[i].Data), f.Name)
			}
		}
	}
	return all
}

// hostileMessages are what nobody would send, the same every time.
func hostileMessages() []socket.Message {
	random := rand.NewChaCha8([32]byte{7})
	var out []socket.Message
	add := func(b []byte) { out = append(out, socket.Message{Data: b}) }
	for n := range 64 {
		b := make([]byte, n)
		random.Read(b)
		add(b)
		add(make([]byte, n))
	}
	for _, n := range []int{100, 576, 1500, 65535} {
		for _, fill := range []byte{0, 0xff, ' ', '\n'} {
			add([]byte(strings.Repeat(string([]byte{fill}), n)))
		}
		b := make([]byte, n)
		random.Read(b)
		add(b)
	}
	for n := range 50 {
		add(fmt.Appendf(nil, "%0*d \x00\xff %%s\r\n", n, n))
	}
	return out
}
