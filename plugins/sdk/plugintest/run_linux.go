package plugintest

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
)

// check is one promise of the contract.
type check struct {
	promise string
	needs   []socket.Call // a protocol without them cannot keep it, and need not
	run     func(*testing.T, *subject)
}

// Run holds the protocol to every promise of the contract that it makes, in each
// form. Its sockets are opened with the options, which may choose their kind: what is
// promised depends on that. The test program's TestMain must call [Main].
func Run(t *testing.T, construct func() socket.Protocol, options ...socket.Setting) {
	forms := []struct {
		name string
		make func(*testing.T) *subject
	}{
		{"in process", func(*testing.T) *subject { return inProcess(construct()) }},
		{"by descriptors", func(t *testing.T) *subject { return inHost(t, construct, host.Descriptors) }},
		{"by stream", func(t *testing.T) *subject { return inHost(t, construct, host.Stream) }},
	}
	kind := construct().Describe().Kind
	if construct().Describe().Held { // there is one form, whatever the host's
		forms = forms[1:2]
		forms[0].name = "held"
	} else {
		kind = kindOf(t, construct(), options)
	}
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			s := f.make(t)
			s.options, s.kind = options, kind
			for _, c := range checks(s.desc, kind) {
				t.Run(c.promise, func(t *testing.T) { c.run(t, s) })
			}
			t.Run("every call it lacks is refused", func(t *testing.T) { refusesWhatItLacks(t, s) })
		})
	}
}

// kindOf is the kind of the sockets that the protocol opens with those options. A
// protocol may have to be asked: an option, or a right, decides.
func kindOf(t *testing.T, p socket.Protocol, options []socket.Setting) socket.Kind {
	t.Helper()
	h, err := p.Open(t.Context(), socket.OpenRequest{Options: options})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer unix.Close(h.FD)
	n, err := unix.GetsockoptInt(h.FD, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		t.Fatal(err)
	}
	for k, number := range kinds {
		if n == number {
			return k
		}
	}
	t.Fatalf("sockets of the unknown type %d", n)
	return ""
}

// kinds are the numbers of socket(2).
var kinds = map[socket.Kind]int{socket.Stream: unix.SOCK_STREAM, socket.Datagram: unix.SOCK_DGRAM,
	socket.Seqpacket: unix.SOCK_SEQPACKET, socket.Raw: unix.SOCK_RAW}

// checks are those that apply.
func checks(d socket.Description, kind socket.Kind) []check {
	all := slices.Concat(describing, opening)
	if d.Held { // its addresses and families are its own
		return slices.DeleteFunc(all, func(c check) bool { return strings.Contains(c.promise, "the asked-for family") })
	}
	switch d.Address {
	case socket.HostPort:
		all = slices.Concat(all, resolving, ports)
		if kind == socket.Stream {
			all = append(all, waiting...)
		}
	case socket.PathForm:
		all = slices.Concat(all, paths)
	}
	if d.Address == socket.HostPort || d.Address == socket.PathForm {
		switch kind {
		case socket.Stream:
			all = slices.Concat(all, connections, bytesAndEnds)
		case socket.Seqpacket:
			all = slices.Concat(all, connections, packets)
		case socket.Datagram:
			all = slices.Concat(all, datagrams)
		}
	}
	all = slices.Concat(all, options)
	var out []check
next:
	for _, c := range all {
		for _, n := range c.needs {
			if !d.Can(n) {
				continue next
			}
		}
		out = append(out, c)
	}
	return out
}
