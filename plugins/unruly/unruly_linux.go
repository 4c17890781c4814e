// Package unruly is a plugin that misbehaves on demand, for tests. It is in no
// program: only test programs serve it. What it does wrong is a table, [All], by name.
//
// There are several of it. [Name] is a protocol made with the sdk, as an author makes
// one, whose code is at fault. [WildName] speaks the wire without the sdk, and breaks
// it. [LayerName] is a layer. "unruly-NAME" misbehaves before it can be called. It
// harms nothing but itself and sosh, and ends by itself within a minute or two.
package unruly

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// The protocols.
const (
	Name      = "unruly"
	WildName  = "unruly-wild"
	LayerName = "unruly-layer"
)

// Misbehaviour is one thing that it does wrong.
type Misbehaviour struct {
	// Name chooses it: the option do of Open, of Name and WildName, and of Wrap, of
	// LayerName; or what follows "unruly-" in the protocol's name, for one at the start,
	// or "sosh-plugin-" in the file's name, for a description.
	Name string
	Of   string // the protocol that does it: Name, WildName, LayerName; Start or Description
	Does string // one line
}

// The values of Of that are no protocol.
const (
	Start       = "start"
	Description = "description"
)

// All are the misbehaviours.
func All() []Misbehaviour {
	var all []Misbehaviour
	for _, d := range atStart {
		all = append(all, Misbehaviour{d.name, Start, d.does})
	}
	for _, d := range inCalls {
		all = append(all, Misbehaviour{d.name, Name, d.does})
	}
	for _, d := range onTheWire {
		all = append(all, Misbehaviour{d.name, WildName, d.does})
	}
	for _, d := range aboveSockets {
		all = append(all, Misbehaviour{d.name, LayerName, d.does})
	}
	for _, d := range described {
		all = append(all, Misbehaviour{d.name, Description, d.does})
	}
	return all
}

// ServeIfAsked makes this process the plugin that its arguments, or its own name, ask
// for, if they do: call it first in TestMain.
func ServeIfAsked() {
	base := filepath.Base(os.Args[0])
	if name, ok := strings.CutPrefix(base, "sosh-plugin-"); ok {
		serveInstalled(name)
		os.Exit(0)
	}
	if len(os.Args) != 4 || os.Args[1] != "plugin" || !strings.HasPrefix(os.Args[3], Name) {
		return
	}
	name := os.Args[3]
	for _, d := range atStart {
		if name == Name+"-"+d.name {
			d.do()
		}
	}
	switch name {
	case WildName:
		serveWild(nil)
	case LayerName:
		sdk.Serve(Layer())
	default:
		sdk.Serve(Named(name)())
	}
	os.Exit(0)
}

// New returns the protocol [Name]: a TCP that does as it is told by the option do, and
// by the option later in the calls on that socket.
func New() sdk.Protocol { return protocol{name: Name} }

// Named returns it under another name.
func Named(name string) func() sdk.Protocol {
	return func() sdk.Protocol { return protocol{name: name} }
}

// Bare returns a protocol with Open alone.
func Bare() sdk.Protocol { return bare{protocol{name: "bare"}} }

type bare struct{ p protocol }

func (b bare) Describe() sdk.Description { return b.p.Describe() }
func (b bare) Open(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
	return b.p.Open(ctx, r)
}

type protocol struct{ name string }

func (p protocol) Describe() sdk.Description {
	d := sdk.Description{Name: p.name, Synopsis: "misbehaves on demand", Version: "0", Kind: sdk.Stream,
		Address: sdk.HostPort,
		Options: []sdk.Option{
			{Name: "do", Type: sdk.StringOption, Help: "what open does"},
			{Name: "later", Type: sdk.StringOption, Help: "what calls on the socket do"}},
		Facts:  []sdk.Fact{{Name: "says", Help: "what it sees around it"}},
		Fields: []sdk.Field{{Name: "text", Type: sdk.TextField, Help: "all of a message"}},
	}
	if p.name == Name {
		d.Commands = []sdk.Command{{Name: "unruly-run", Synopsis: "misbehaves in a command", Usage: []string{"unruly-run HOW"},
			Args: []string{"how"}, Min: 1, Max: 1, Fields: []sdk.Field{{Name: "text", Type: sdk.TextField, Help: "the row"}}}}
	}
	return d
}

func (p protocol) Open(_ context.Context, req sdk.OpenRequest) (sdk.Handle, error) {
	var c sdk.Calls
	var mark sdk.Mark
	for _, o := range req.Options {
		if o.Name == "later" {
			mark = sdk.Mark(o.Value)
			continue
		}
		for _, d := range inCalls {
			if d.name == o.Value && d.open != nil {
				if h, err := d.open(req); h.FD >= 0 || err != nil {
					return h, err
				}
			}
		}
	}
	fd, err := c.Socket(req.Family, unix.SOCK_STREAM, 0)
	return sdk.Handle{FD: fd, Mark: mark, Report: c.Report}, err
}

// later does what the mark asks for in a call on a socket.
func later(call string, s sdk.Lent) {
	for _, d := range inCalls {
		if d.name == string(s.Mark) && d.later != nil {
			d.later(call, s)
		}
	}
}

func (protocol) Resolve(ctx context.Context, r sdk.ResolveRequest) ([]sdk.Address, error) {
	switch {
	case strings.HasPrefix(r.Text, "escapes"):
		zone := strings.ToValidUTF8(Escapes[:60], "")
		return []sdk.Address{{Family: sdk.FamilyIP6, IP: netip.MustParseAddr("fe80::1").WithZone(zone), Port: 9}}, nil
	case strings.HasPrefix(r.Text, "many"):
		as := make([]sdk.Address, 1_000_000)
		for i := range as {
			as[i] = sdk.Address{Family: sdk.FamilyIP4, IP: netip.AddrFrom4([4]byte{127, byte(i >> 16), byte(i >> 8), byte(i)}), Port: 9}
		}
		return as, nil
	case strings.HasPrefix(r.Text, "none"):
		return nil, nil
	}
	return sdk.ResolveHostPort(ctx, "tcp", r)
}

func (protocol) Bind(_ context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
	later("bind", s)
	var c sdk.Calls
	err := c.Bind(s.FD, a)
	return c.Report, err
}

func (protocol) Listen(_ context.Context, s sdk.Lent, n int) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Listen(s.FD, n)
	return c.Report, err
}

func (protocol) Connect(_ context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
	later("connect", s)
	var c sdk.Calls
	err := c.Connect(s.FD, a)
	return c.Report, err
}

func (protocol) Accept(_ context.Context, s sdk.Lent) (sdk.Handle, error) {
	var c sdk.Calls
	fd, err := c.Accept(s.FD)
	later("accept", s)
	return sdk.Handle{FD: fd, Mark: sdk.Mark("accepted"), Report: c.Report}, err
}

// Info says what the process sees of its surroundings.
func (protocol) Info(_ context.Context, s sdk.Lent, _ []string) ([]sdk.Setting, error) {
	if string(s.Mark) == "escapes" {
		return []sdk.Setting{{Name: "says", Value: Escapes}, {Name: Escapes, Value: Escapes}}, nil
	}
	stdin, _ := os.Readlink("/proc/self/fd/0")
	sid, _ := unix.Getsid(0)
	return []sdk.Setting{
		{Name: "stdin", Value: stdin},
		{Name: "tty", Value: openTerminal()},
		{Name: "environment", Value: strings.Join(os.Environ(), "\n")},
		{Name: "session", Value: fmt.Sprint(sid == os.Getpid())},
	}, nil
}

// Option implements sdk.Optioner.
func (protocol) Option(_ context.Context, s sdk.Lent, _ []sdk.Setting, _ []string) ([]sdk.Setting, sdk.Report, error) {
	later("option", s)
	switch string(s.Mark) {
	case "huge":
		return []sdk.Setting{{Name: "do", Value: strings.Repeat("x", 16<<20)}}, nil, nil
	case "escapes":
		return []sdk.Setting{{Name: "do", Value: Escapes}}, sdk.Report{{Call: Escapes, Result: Escapes}}, nil
	}
	return []sdk.Setting{{Name: "do", Value: ""}}, nil, nil
}

// Decode implements sdk.Decoder.
func (protocol) Decode(_ context.Context, mark sdk.Mark, ms []sdk.Message) ([][]sdk.Setting, error) {
	out := make([][]sdk.Setting, len(ms))
	for i := range out {
		out[i] = []sdk.Setting{{Name: "text", Value: string(ms[i].Data)}}
		switch string(mark) {
		case "undeclared":
			out[i] = append(out[i], sdk.Setting{Name: "PATH", Value: "x"})
		case "many":
			for range 1_000_000 {
				out[i] = append(out[i], sdk.Setting{Name: "text"})
			}
		case "fewer":
			return out[:i], nil
		case "escapes":
			out[i][0].Value = Escapes
		}
	}
	return out, nil
}

func openTerminal() string {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return fmt.Sprint(err)
	}
	tty.Close()
	return "opened"
}

func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func stop() {
	syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	select {} // this thread may run a little longer than the signal
}
