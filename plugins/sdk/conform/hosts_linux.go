package conform

import (
	"errors"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
)

// hosts are promises of addresses without ports.
var hosts = []check{
	{"Resolve refuses a malformed host as wrong usage", needResolve, func(t *trial, s *subject) {
		for _, text := range []string{"", "127.0.0.1:80", "localhost:80", "[::1]:80", "[::1", "*", "256.1.1.1", "a b"} {
			as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: text})
			if !errors.Is(err, socket.Usage) {
				t.Errorf("%q: got %v, %v", text, as, err)
			}
		}
	}},
	{"Resolve says that a host has no address", needResolve, func(t *trial, s *subject) {
		as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: "nosuch.invalid"})
		if !errors.Is(err, socket.Unresolved) {
			t.Errorf("got %v, %v", as, err)
		}
	}},
	{"Resolve returns hosts without ports, of the asked-for family", needResolve, func(t *trial, s *subject) {
		for _, f := range []socket.Family{socket.FamilyNone, socket.FamilyIP4, socket.FamilyIP6} {
			as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: "localhost", Family: f})
			if err != nil || len(as) == 0 {
				t.Errorf("%q: got %v, %v", f, as, err)
			}
			for _, a := range as {
				if f != socket.FamilyNone && a.Family != f || !a.IP.IsLoopback() || a.Port != 0 {
					t.Errorf("%q: got %+v", f, a)
				}
			}
		}
	}},
}

// addresses are promises of every form of them.
var addresses = []check{
	{"Resolve answers hostile words with an error or an address", needResolve, func(t *trial, s *subject) {
		// None of these is a name that somebody could be asked for.
		for _, text := range []string{"\x00", "\xff\xfe:80", "a\x00b:80", "\x1b[2J", strings.Repeat("x", longWord),
			strings.Repeat(":", 1<<16), strings.Repeat("[", 1<<16), "127.0.0.1:" + strings.Repeat("9", longWord), "%", "::%\x00", ":\n80"} {
			for _, passive := range []bool{false, true} {
				as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: text, Passive: passive})
				switch {
				case err == nil && len(as) == 0:
					t.Errorf("%.20q: neither an address nor an error", text)
				case err != nil && !errors.Is(err, socket.Usage) && !errors.Is(err, socket.Unresolved):
					t.Errorf("%.20q: %v", text, err)
				}
			}
		}
	}},
}
