package conform

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

var needReach = []socket.Call{socket.CallConnect}

// reaching are promises of what can be connected to the address that was given.
var reaching = []check{
	{"Connect reaches the address that was given", needReach, func(t *trial, s *subject) {
		k := s.reach(t)
		if k.Carrier == nil && s.kind != socket.Raw && remote(t, k).IsZero() {
			t.Errorf("the peer has no address")
		}
	}},
	{"Many connect at once, and leave no descriptors behind", needReach, func(t *trial, s *subject) {
		s.reach(t).close()
		before := descriptors(t, s.pid())
		wg := t.group()
		for range 8 {
			wg.Go(func() {
				for range 3 {
					h, err := s.Open(t.Context(), s.request())
					if err != nil {
						t.Errorf("open: %v", err)
						return
					}
					k := s.hold(t, h)
					if err := s.connectTo(t.Context(), k); err != nil {
						t.Errorf("connect: %v", err)
					}
					k.close()
				}
			})
		}
		wg.Wait()
		settles(t, func() string {
			if n := descriptors(t, s.pid()); n > before {
				return fmt.Sprintf("%d descriptors, before %d", n, before)
			}
			return ""
		})
	}},
	{"A connect that is given up leaves nothing", needReach, func(t *trial, s *subject) {
		k := s.open(t)
		t.within("connect", func(ctx context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			s.connectTo(ctx, k)
		})
		k.close()
	}},
}

// echoing are promises of what is sent to a peer that sends it back.
var echoing = []check{
	{"What is sent comes back whole and in order", needReach, func(t *trial, s *subject) {
		k := s.reach(t)
		if s.kind.Messages() {
			for _, n := range []int{1, 100, 1000} {
				must(t, k.packet(upper(n)))
				if got, _ := k.message(); !bytes.Equal(got, upper(n)) {
					t.Errorf("a message of %d bytes came back as %d", n, len(got))
				}
			}
			return
		}
		data := upper(1 << 20)
		sent := make(chan error, 1)
		t.Go(func() { sent <- k.write(data) })
		got, err := k.read(len(data))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes of %d came back, %v", len(got), len(data), err)
			return
		}
		must(t, <-sent)
	}},
	{"After the end of writing all comes back, then the peer's end", append([]socket.Call{socket.CallShutdown}, needReach...), func(t *trial, s *subject) {
		if s.kind.Messages() {
			t.notApplicable("messages have no end")
		}
		s.needsHalves(t, func() *sock { return s.reach(t) })
		k := s.reach(t)
		data := upper(100 << 10)
		sent := make(chan error, 1)
		t.Go(func() {
			err := k.write(data)
			if err == nil {
				_, err = s.Shutdown(t.Context(), k.lent(), socket.ShutdownWrite)
			}
			sent <- err
		})
		got, err := k.read(-1)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes of %d came back, %v", len(got), len(data), err)
		}
		must(t, <-sent)
	}},
}

// reach is a socket that is connected to the address that was given.
func (s *subject) reach(t *trial) *sock {
	k := s.open(t)
	if err := s.connectTo(t.Context(), k); err != nil {
		t.Fatalf("connect %s: %v", s.Address, err)
	}
	return k
}

// connectTo connects k to the first address that takes it.
func (s *subject) connectTo(ctx context.Context, k *sock) error {
	if !s.desc.Can(socket.CallResolve) {
		return errors.New("what has no resolve takes no address in words")
	}
	as, err := s.Resolve(ctx, socket.ResolveRequest{Text: s.Address})
	if err != nil {
		return err
	}
	for _, a := range as {
		if k.Carrier == nil && !sameFamily(k.FD, a.Family) {
			err = fmt.Errorf("a socket of another family than %s", a.Family)
			continue
		}
		if err = k.connect(ctx, a); err == nil {
			return nil
		}
	}
	return err
}

func sameFamily(fd int, f socket.Family) bool {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	want := map[socket.Family]int{socket.FamilyIP4: unix.AF_INET, socket.FamilyIP6: unix.AF_INET6, socket.FamilyUnix: unix.AF_UNIX}[f]
	return err != nil || want == 0 || n == want
}

// upper is n bytes that one who makes capitals of letters leaves as they are.
func upper(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(i*7+i/36)%36]
	}
	return p
}
