package conform

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
)

// paths are promises of protocols whose addresses are paths.
var paths = []check{
	{"Resolve refuses what is no path as wrong usage", needResolve, func(t *trial, s *subject) {
		for _, passive := range []bool{false, true} {
			for _, text := range []string{"", "/tmp/a\x00b", "/" + strings.Repeat("x", 4096), "relative"} {
				as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: text, Passive: passive})
				if !errors.Is(err, socket.Usage) {
					t.Errorf("%.20q: got %v, %v", text, as, err)
				}
			}
		}
	}},
	{"Resolve refuses a family without paths as wrong usage", needResolve, func(t *trial, s *subject) {
		for _, f := range []socket.Family{socket.FamilyIP4, socket.FamilyIP6} {
			if as, err := s.Resolve(t.Context(), socket.ResolveRequest{Text: "/tmp/s", Family: f}); !errors.Is(err, socket.Usage) {
				t.Errorf("%q: got %v, %v", f, as, err)
			}
		}
	}},
}

// files are promises of sockets that have files.
var files = []check{
	{"Bind makes the socket's file", needBind, func(t *trial, s *subject) {
		k, a := s.open(t), s.free(t)
		if _, err := s.Bind(t.Context(), k.lent(), a); err != nil {
			t.Fatal(err)
		}
		if st, err := os.Lstat(a.Path); err != nil || st.Mode().Type() != os.ModeSocket {
			t.Errorf("%v, %v", st, err)
		}
		if k.local() != a {
			t.Errorf("bound to %v", k.local())
		}
	}},
	{"Bind refuses a file that exists, and leaves it", needBind, func(t *trial, s *subject) {
		k, a := s.open(t), s.free(t)
		if err := os.WriteFile(a.Path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Bind(t.Context(), k.lent(), a); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("got %v", err)
		}
		if got, err := os.ReadFile(a.Path); err != nil || string(got) != "precious" {
			t.Errorf("the file is %q, %v", got, err)
		}
	}},
}
