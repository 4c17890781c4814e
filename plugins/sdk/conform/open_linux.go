package conform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

var describing = []check{
	{"Describe is whole", nil, func(t *trial, s *subject) {
		if err := sdk.CheckDescription(s.desc); err != nil {
			t.Error(err)
		}
	}},
	{"Describe returns the same every time", nil, func(t *trial, s *subject) {
		if a, b := s.Describe(), s.Describe(); !reflect.DeepEqual(a, b) {
			t.Errorf("first %+v, then %+v", a, b)
		}
	}},
}

var opening = []check{
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
		families := map[socket.Family]int{socket.FamilyNone: unix.AF_INET, socket.FamilyIP4: unix.AF_INET, socket.FamilyIP6: unix.AF_INET6}
		others := []socket.Family{socket.FamilyUnix, "no-such-family"}
		if s.desc.Address == socket.PathForm {
			families = map[socket.Family]int{socket.FamilyNone: unix.AF_UNIX, socket.FamilyUnix: unix.AF_UNIX}
			others = []socket.Family{socket.FamilyIP4, socket.FamilyIP6, "no-such-family"}
		}
		for _, f := range others {
			req := s.request()
			req.Family = f
			if h, err := s.Open(t.Context(), req); !errors.Is(err, socket.Usage) {
				t.Errorf("family %q: fd %d, %v", f, h.FD, err)
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
		h, err := s.Open(t.Context(), s.request(socket.Setting{Name: "no-such-option", Value: "1"}))
		if !errors.Is(err, socket.Usage) {
			t.Errorf("got %v (fd %d)", err, h.FD)
		}
	}},
	{"Open and its refusals keep no descriptor", nil, func(t *trial, s *subject) {
		s.open(t).close() // it runs, and has what it needs
		before := descriptors(t, s.pid())
		for range 50 {
			s.open(t).close()
			s.Open(t.Context(), s.request(socket.Setting{Name: "no-such-option", Value: "1"}))
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
	{"Several goroutines may call at once", nil, func(t *trial, s *subject) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 10 {
					h, err := s.Open(t.Context(), s.request())
					if err != nil {
						t.Error(err)
						return
					}
					if s.desc.Can(socket.CallInfo) {
						s.Info(t.Context(), socket.Lent{FD: h.FD, Mark: h.Mark, Carrier: h.Carrier}, nil)
					}
					unix.Close(h.FD)
				}
			})
		}
		wg.Wait()
	}},
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

var lacking = []check{{"Every call that it lacks is refused", nil, refusesWhatItLacks}}

func refusesWhatItLacks(t *trial, s *subject) {
	if !s.remote {
		return // it has no such method
	}
	k := s.open(t)
	ctx := t.Context()
	for c, call := range map[socket.Call]func() error{
		socket.CallResolve:  func() error { _, err := s.Resolve(ctx, socket.ResolveRequest{Text: "x"}); return err },
		socket.CallBind:     func() error { _, err := s.Bind(ctx, k.lent(), socket.Address{}); return err },
		socket.CallListen:   func() error { _, err := s.Listen(ctx, k.lent(), 1); return err },
		socket.CallConnect:  func() error { _, err := s.Connect(ctx, k.lent(), socket.Address{}); return err },
		socket.CallAccept:   func() error { _, err := s.Accept(ctx, k.lent()); return err },
		socket.CallShutdown: func() error { _, err := s.Shutdown(ctx, k.lent(), socket.ShutdownBoth); return err },
		socket.CallOption:   func() error { _, _, err := s.Option(ctx, k.lent(), nil, nil); return err },
		socket.CallInfo:     func() error { _, err := s.Info(ctx, k.lent(), nil); return err },
		socket.CallEncode:   func() error { _, err := s.Encode(ctx, k.Mark, nil); return err },
		socket.CallDecode:   func() error { _, err := s.Decode(ctx, k.Mark, []socket.Message{{}}); return err },
		socket.CallRun: func() error {
			return s.Run(ctx, socket.RunRequest{Command: "x"}, func(socket.Row) error { return nil })
		},
		socket.CallWrap: func() error {
			fd, err := unix.FcntlInt(uintptr(k.FD), unix.F_DUPFD_CLOEXEC, 0) // the layer's own, also when it fails
			if err == nil {
				_, err = s.Wrap(ctx, socket.WrapRequest{FD: fd, Kind: s.kind})
			}
			return err
		},
	} {
		if s.desc.Can(c) {
			continue
		}
		if err := call(); !errors.Is(err, socket.Unsupported) {
			t.Errorf("%s: got %v", c, err)
		}
	}
}
