package wire

import (
	"strings"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	pb "google.golang.org/protobuf/proto"

	"github.com/sosh-shell/sosh/core/socket"
	wirepb "github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

func unmarshal(t *testing.T, m, into pb.Message) error {
	t.Helper()
	b, err := pb.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	half := len(b) / 2 // as it comes: in pieces
	return Codec{}.Unmarshal(mem.BufferSlice{mem.SliceBuffer(b[:half]), mem.SliceBuffer(b[half:])}, into)
}

func TestCodecRefusesMoreThanItsParts(t *testing.T) {
	fields := func(messages, each int) *wirepb.Decoded {
		d := &wirepb.Decoded{}
		for range messages {
			f := &wirepb.Fields{}
			for range each {
				f.Fields = append(f.Fields, &wirepb.Setting{Name: "x"})
			}
			d.Messages = append(d.Messages, f)
		}
		return d
	}
	in := fields(60, 1000)
	var out wirepb.Decoded
	if err := unmarshal(t, in, &out); err != nil || !pb.Equal(in, &out) {
		t.Errorf("60,000 parts: %v", err)
	}
	for _, d := range []*wirepb.Decoded{fields(1, MaxParts), fields(MaxParts+1, 0), fields(300, 300)} {
		if err := unmarshal(t, d, &wirepb.Decoded{}); err == nil || !strings.Contains(err.Error(), "parts") {
			t.Errorf("got %v", err)
		}
	}
	names := &wirepb.Description{Capabilities: make([]string, MaxParts+1)}
	if err := unmarshal(t, names, &wirepb.Description{}); err == nil {
		t.Error("a list of empty strings is taken")
	}
	if err := unmarshal(t, &wirepb.Message{Data: make([]byte, 8<<20)}, &wirepb.Message{}); err != nil {
		t.Errorf("8 MiB in one part: %v", err)
	}
}

func TestCodecRefusesDeepMessages(t *testing.T) {
	e := &wirepb.Error{}
	for range 20 {
		e = &wirepb.Error{Cause: e}
	}
	if err := unmarshal(t, &wirepb.Finish{Error: e}, &wirepb.Finish{}); err != nil {
		t.Errorf("20 deep: %v", err)
	}
	for range 20 {
		e = &wirepb.Error{Cause: e}
	}
	if err := unmarshal(t, &wirepb.Finish{Error: e}, &wirepb.Finish{}); err == nil {
		t.Error("40 deep is taken")
	}
}

// FuzzCodec: whatever comes, what is accepted is what protobuf accepts.
func FuzzCodec(f *testing.F) {
	f.Add([]byte{})
	f.Add(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte{0x0a, 0}))
	f.Add([]byte{0x0b, 0x0b, 0x0c, 0x0c, 0x80, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		var a, c wirepb.Decoded
		err := Codec{}.Unmarshal(mem.BufferSlice{mem.SliceBuffer(b)}, &a)
		if want := pb.Unmarshal(b, &c); err == nil != (want == nil) && !strings.Contains(err.Error(), "parts") {
			t.Errorf("%v, not %v", err, want)
		}
	})
}

func TestDescriptionMustBeText(t *testing.T) {
	whole := func() socket.Description {
		return socket.Description{Name: "x", Synopsis: "is fine: äöü 日本", Version: "1", Kind: socket.Stream, Address: socket.HostPort,
			Options: []socket.Option{{Name: "o", Type: socket.StringOption, Help: "fine"}},
			Facts:   []socket.Fact{{Name: "f", Help: "fine"}},
			Fields:  []socket.Field{{Name: "g", Type: socket.IntField, Help: "fine", Names: []socket.FieldName{{Name: "one", Value: 1}}}},
			Commands: []socket.Command{{Name: "c", Synopsis: "is fine", Usage: []string{"c X"}, Help: "fine\n\n\tfine", Args: []string{"X"},
				Flags: []socket.Flag{{Name: "l", Type: socket.IntOption, Help: "fine"}}, Examples: []socket.Example{{Does: "fine", Code: "c 1\nc 2"}}}}}
	}
	if err := CheckDescription(whole()); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\x1b[2J", "\u009b", "\u202e", "\x00", "\x7f", "\b", "a\rb", "\xff", "\u2028", strings.Repeat("x", maxText+1)} {
		for name, spoil := range map[string]func(*socket.Description){
			"version":       func(d *socket.Description) { d.Version = bad },
			"synopsis":      func(d *socket.Description) { d.Synopsis = bad },
			"default":       func(d *socket.Description) { d.Options[0].Default = bad },
			"unit":          func(d *socket.Description) { d.Options[0].Unit = bad },
			"option's help": func(d *socket.Description) { d.Options[0].Help = bad },
			"fact's help":   func(d *socket.Description) { d.Facts[0].Help = bad },
			"field's name":  func(d *socket.Description) { d.Fields[0].Names[0].Name = bad },
			"usage":         func(d *socket.Description) { d.Commands[0].Usage[0] += " " + bad },
			"help":          func(d *socket.Description) { d.Commands[0].Help += bad },
			"argument":      func(d *socket.Description) { d.Commands[0].Args[0] = bad },
			"flag":          func(d *socket.Description) { d.Commands[0].Flags[0].Default = bad },
			"example":       func(d *socket.Description) { d.Commands[0].Examples[0].Code += bad },
			"capability":    func(d *socket.Description) { d.Capabilities = []string{bad} },
		} {
			d := whole()
			spoil(&d)
			if err := CheckDescription(d); err == nil {
				t.Errorf("%s: %.20q is taken", name, bad)
			} else if strings.ContainsAny(err.Error(), "\x1b\n\r") || len(err.Error()) > 400 {
				t.Errorf("%s: %q", name, err)
			}
		}
	}
}
