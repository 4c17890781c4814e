package command

import (
	"context"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// field is a fact of a socket by its name: the same word in the table, in show
// SOCK FIELD and in JSON.
type field struct {
	name  string
	help  string
	value func(f *snapshot) any // string, int or int64; nil where the socket has none
	port  bool                  // a protocol without ports lacks it
}

// snapshot is a socket with its facts of one moment.
type snapshot struct {
	s     *table.Socket
	desc  socket.Description
	facts socket.Facts
	fd    int
}

func take(s *table.Socket) *snapshot {
	f := &snapshot{s: s, desc: s.Description()}
	f.facts, f.fd = s.Facts()
	return f
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// layerNames are the layers of a socket, the innermost first.
func layerNames(s *table.Socket) string {
	var names []string
	for _, l := range s.Layers() {
		names = append(names, l.Name)
	}
	return strings.Join(names, " ")
}

// returned is the last error that the network sent back.
func returned(s *table.Socket) any {
	r, n := s.Returned()
	if n == 0 {
		return nil
	}
	return r.To.Text(s.Description().Address) + ": " + r.Error()
}

func port(a socket.Address) any {
	if !a.IP.IsValid() {
		return nil
	}
	return int(a.Port)
}

var fields = []field{
	{name: "name", help: "the name in the table", value: func(f *snapshot) any { return f.s.Name() }},
	{name: "proto", help: "the protocol", value: func(f *snapshot) any { return f.desc.Word() }},
	{name: "kind", help: "stream, datagram, seqpacket or raw", value: func(f *snapshot) any { return string(f.s.Kind()) }},
	{name: "state", help: "the kernel's word for it, where it has one", value: func(f *snapshot) any { return f.facts.State }},
	{name: "local", help: "our end's address", value: func(f *snapshot) any { return text(f.facts.Local.Text(f.desc.Address)) }},
	{name: "local.host", help: "its IP address", value: func(f *snapshot) any { return text(f.facts.Local.Host()) }},
	{name: "local.port", help: "its port", port: true, value: func(f *snapshot) any { return port(f.facts.Local) }},
	{name: "remote", help: "the peer's address", value: func(f *snapshot) any { return text(f.facts.Remote.Text(f.desc.Address)) }},
	{name: "remote.host", help: "its IP address", value: func(f *snapshot) any { return text(f.facts.Remote.Host()) }},
	{name: "remote.port", help: "its port", port: true, value: func(f *snapshot) any { return port(f.facts.Remote) }},
	{name: "fd", help: "the descriptor's number in this process", value: func(f *snapshot) any { return f.fd }},
	{name: "held", help: "who has the socket, where this process has not", value: func(f *snapshot) any {
		if !f.s.Carried() {
			return nil
		}
		return "by the " + f.desc.Name + " plugin, with which it dies"
	}},
	{name: "layers", help: "what is wrapped around it, the innermost first", value: func(f *snapshot) any { return text(layerNames(f.s)) }},
	{name: "sent", help: "bytes given to the kernel", value: func(f *snapshot) any { return f.s.Sent() }},
	{name: "received", help: "bytes taken from the kernel", value: func(f *snapshot) any { return f.s.Received() }},
	{name: "age", help: "time since it was made", value: func(f *snapshot) any { return render.FormatAge(f.s.Age().Round(time.Millisecond)) }},
	{name: "returns", help: "errors that the network sent back", value: func(f *snapshot) any {
		if _, n := f.s.Returned(); n > 0 {
			return n
		}
		return nil
	}},
	{name: "returned", help: "the last of them", value: func(f *snapshot) any { return returned(f.s) }},
	{name: "inbox", help: "the bound of its unread bytes", value: func(f *snapshot) any { return f.s.Inbox() }},
}

// hasPorts reports whether the protocol's addresses have ports.
func (f *snapshot) hasPorts() bool { return f.desc.Address == socket.HostPort }

// get finds a field by name; an unknown one is an error that says what there is.
func (f *snapshot) get(ctx context.Context, name string) (any, error) {
	fail := func(format string, args ...any) error {
		return &socket.Error{Op: "show", Place: f.s.Name() + " " + name, Err: socket.Faultf(socket.Usage, format, args...),
			Hint: "show " + f.s.Name() + " lists its fields"}
	}
	for _, d := range fields {
		if d.name != name {
			continue
		}
		if d.port && !f.hasPorts() {
			return nil, fail("%s has no ports", f.desc.Name)
		}
		return d.value(f), nil
	}
	if group, _, ok := strings.Cut(name, "."); ok {
		for _, k := range f.s.KernelFacts() {
			if k.Name == name {
				return k.Value, nil
			}
		}
		if f.declares(group, name) {
			v, err := f.s.PluginFact(ctx, group, name)
			if err != nil {
				return nil, &socket.Error{Op: "show", Place: f.s.Name() + " " + name, Err: err}
			}
			if v != "" {
				return v, nil
			}
			return nil, nil
		}
	}
	return nil, fail("no such field")
}

// all lists every field that the socket has, the kernel's last.
func (f *snapshot) all(ctx context.Context) render.Object {
	var o render.Object
	for _, d := range fields {
		if d.port && !f.hasPorts() {
			continue
		}
		if v := d.value(f); v != nil {
			o = append(o, render.Member{Key: d.name, Value: v})
		}
	}
	seen := map[string]bool{}
	for _, k := range append(f.s.KernelFacts(), f.s.PluginFacts(ctx, "")...) {
		if !seen[k.Name] && k.Value != "" { // the kernel's own word comes first
			o = append(o, render.Member{Key: k.Name, Value: k.Value})
		}
		seen[k.Name] = true
	}
	return o
}

// declares reports whether the socket's protocol or a layer of it declares the fact.
func (f *snapshot) declares(group, name string) bool {
	for _, l := range append(f.s.Layers(), table.Layer{Name: f.desc.Name, Description: f.desc}) {
		for _, fact := range l.Description.Facts {
			if l.Name == group && group+"."+fact.Name == name {
				return true
			}
		}
	}
	return false
}
