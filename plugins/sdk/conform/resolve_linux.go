package conform

import (
	"errors"

	"github.com/sosh-shell/sosh/core/socket"
)

var needResolve = []socket.Call{socket.CallResolve}

// hostPorts are promises of addresses with ports.
var hostPorts = []check{
	{"Resolve refuses a malformed address as wrong usage", needResolve, func(t *trial, s *subject) {
		for _, text := range []string{"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:-1",
			"127.0.0.1:no-such-service-x", "::1:80", "[::1", "[127.0.0.1]:80", "*:80", "256.1.1.1:80", "a b:80", "127.0.0.1:80:90"} {
			as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: text})
			if !errors.Is(err, socket.Usage) {
				t.Errorf("%q: got %v, %v", text, as, err)
			}
		}
	}},
	{"Resolve says that a name has no address", needResolve, func(t *trial, s *subject) {
		as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: "nosuch.invalid:80"})
		if !errors.Is(err, socket.Unresolved) {
			t.Errorf("got %v, %v", as, err)
		}
	}},
	{"Resolve returns an address or an error, of the asked-for family", needResolve, func(t *trial, s *subject) {
		for _, f := range []socket.Family{socket.FamilyNone, socket.FamilyIP4, socket.FamilyIP6} {
			for _, text := range []string{"localhost:80", ":80"} {
				as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: text, Family: f})
				if err != nil || len(as) == 0 {
					t.Errorf("%q %q: got %v, %v", text, f, as, err)
				}
				for _, a := range as {
					if f != socket.FamilyNone && a.Family != f || !a.IP.IsLoopback() || a.Port != 80 {
						t.Errorf("%q %q: got %+v", text, f, a)
					}
				}
			}
		}
	}},
	{"Resolve of no host to bind to is the loopback", needResolve, func(t *trial, s *subject) {
		as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: ":0", Passive: true})
		if err != nil || len(as) == 0 {
			t.Fatalf("got %v, %v", as, err)
		}
		for _, a := range as {
			if !a.IP.IsLoopback() {
				t.Errorf("got %v", a)
			}
		}
	}},
}
