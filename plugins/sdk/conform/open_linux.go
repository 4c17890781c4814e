package conform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

var opening = []check{
	{"Open opens a socket", nil, func(t *trial, s *subject) { s.open(t) }},
	{"Open makes a socket of the described kind, close-on-exec and non-blocking", nil, func(t *trial, s *subject) {
		k := s.open(t)
		isFit(t, k)
		if s.carried {
			return
		}
		if got, err := unix.GetsockoptInt(k.FD, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || got != kinds[s.kind] || !s.desc.Gives(s.kind) {
			t.Errorf("SO_TYPE %d (%v), described are %s and %v", got, err, s.desc.Kind, s.desc.Kinds)
		}
	}},
	{"Open makes the asked-for family, and chooses IPv4 or the one that it has", nil, func(t *trial, s *subject) {
		if s.desc.Held {
			t.notApplicable("its families are its own")
		}
		families := map[socket.Family]int{socket.FamilyNone: unix.AF_INET, socket.FamilyIP4: unix.AF_INET, socket.FamilyIP6: unix.AF_INET6}
		others := []socket.Family{socket.FamilyUnix, "no-such-family"}
		if s.desc.Address == socket.PathForm {
			families = map[socket.Family]int{socket.FamilyNone: unix.AF_UNIX, socket.FamilyUnix: unix.AF_UNIX}
			others = []socket.Family{socket.FamilyIP4, socket.FamilyIP6, "no-such-family"}
		}
		for _, f := range others {
			req := s.request()
			req.Family = f
			if err := s.tryOpen(t, req); !errors.Is(err, socket.Usage) {
				t.Errorf("family %q: %v", f, err)
			}
		}
		for f, want := range families {
			req := s.request()
			req.Family = f
			h, err := s.Open(t.Context(), req)
			if err != nil {
				t.Fatalf("family %q: %v", f, err)
			}
			k := s.hold(t, h)
			if s.carried {
				if got := k.local().Family; f != socket.FamilyNone && got != f {
					t.Errorf("family %q: got %q", f, got)
				}
				continue
			}
			if got, err := unix.GetsockoptInt(k.FD, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || got != want {
				t.Errorf("family %q: SO_DOMAIN %d (%v), want %d", f, got, err, want)
			}
		}
	}},
	{"Open refuses an unknown option as wrong usage", nil, func(t *trial, s *subject) {
		err := s.tryOpen(t, s.request(socket.Setting{Name: "no-such-option", Value: "1"}))
		if !errors.Is(err, socket.Usage) {
			t.Errorf("got %v", err)
		}
	}},
	{"Open and its refusals keep no descriptor", nil, func(t *trial, s *subject) {
		s.open(t).close() // it runs, and has what it needs
		before := descriptors(t, s.pid())
		for range 50 {
			s.open(t).close()
			s.tryOpen(t, s.request(socket.Setting{Name: "no-such-option", Value: "1"}))
		}
		settles(t, func() string {
			if n := descriptors(t, s.pid()); n > before {
				return fmt.Sprintf("%d descriptors, before %d", n, before)
			}
			return ""
		})
	}},
	{"A mark has at most 256 bytes", nil, func(t *trial, s *subject) {
		if n := len(s.open(t).Mark); n > socket.MaxMark {
			t.Errorf("%d bytes", n)
		}
	}},
}

// tryOpen opens a socket and closes it.
func (s *subject) tryOpen(t *trial, r socket.OpenRequest) error {
	h, err := s.Open(t.Context(), r)
	if err == nil {
		unix.Close(h.FD)
	}
	return err
}

// isFit checks what every descriptor on its way to the core must be.
func isFit(t *trial, k *sock) {
	if fl, err := unix.FcntlInt(uintptr(k.FD), unix.F_GETFD, 0); err != nil || fl&unix.FD_CLOEXEC == 0 {
		t.Errorf("not close-on-exec (%v)", err)
	}
	if fl, err := unix.FcntlInt(uintptr(k.FD), unix.F_GETFL, 0); err != nil || fl&unix.O_NONBLOCK == 0 {
		t.Errorf("not non-blocking (%v)", err)
	}
	if (k.Carrier != nil) != k.s.carried {
		t.Errorf("carrier %v", k.Carrier)
	}
}

// descriptors counts a process's open sockets: other descriptors are the runtime's.
func descriptors(t *trial, pid int) int {
	n, err := socketsOf(pid)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func socketsOf(pid int) (int, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n, nil
}

// settles waits until what is wrong is "": a process closes its copies just after
// it has answered.
func settles(t *trial, wrong func() string) {
	w := wrong()
	for end := time.Now().Add(t.patience); w != "" && time.Now().Before(end) && t.ctx.Err() == nil; w = wrong() {
		unix.Poll(nil, 1)
	}
	if w != "" {
		t.Error(w)
	}
}

// identity is what must not change of a lent descriptor: which file it is, and its
// flags.
func identity(fd int) string {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "nothing"
	}
	own, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	shared, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return fmt.Sprintf("socket %d (flags %#x, %#x)", st.Ino, own, shared)
}
