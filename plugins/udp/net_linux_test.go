package udp_test

import (
	"errors"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/udp"
)

// alone runs f in a network namespace of its own, whose loopback is up and takes
// multicasts. The thread that was in it ends with the test.
func alone(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Errorf("unshare: %v", err)
			return
		}
		if err := raise("lo", unix.IFF_UP|unix.IFF_MULTICAST); err != nil {
			t.Errorf("lo: %v", err)
			return
		}
		f(t)
	}()
	<-done
}

// raise sets an interface's flags (netdevice(7)).
func raise(name string, flags uint16) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	ifr.SetUint16(flags)
	return ifreq(fd, unix.SIOCSIFFLAGS, ifr)
}

func ifreq(fd int, what uintptr, ifr *unix.Ifreq) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), what, uintptr(unsafe.Pointer(ifr)))
	if errno != 0 {
		return errno
	}
	return nil
}

// another gives the loopback one more address.
func another(ip [4]byte) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo:1")
	if err != nil {
		return err
	}
	if err := ifr.SetInet4Addr(ip[:]); err != nil {
		return err
	}
	return ifreq(fd, unix.SIOCSIFADDR, ifr)
}

// sock is a socket of the test's. Its methods mark the test as failed and go on:
// they may run beside the test's goroutine.
type sock struct {
	t *testing.T
	sdk.Lent
}

func open(t *testing.T, family sdk.Family, options ...string) *sock {
	t.Helper()
	h, err := udp.New().Open(t.Context(), sdk.OpenRequest{Family: family, Options: settings(options)})
	if err != nil {
		t.Errorf("open %v: %v", options, err)
		return &sock{t, sdk.Lent{FD: -1}}
	}
	t.Cleanup(func() { unix.Close(h.FD) })
	return &sock{t, sdk.Lent{FD: h.FD, Mark: h.Mark}}
}

func settings(options []string) (out []sdk.Setting) {
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		out = append(out, sdk.Setting{Name: name, Value: value})
	}
	return out
}

// set sets options.
func (k *sock) set(options ...string) error {
	_, _, err := udp.New().(sdk.Optioner).Option(k.t.Context(), k.Lent, settings(options), nil)
	return err
}

// reads checks an option's value.
func (k *sock) reads(name, want string) {
	k.t.Helper()
	v, _, err := udp.New().(sdk.Optioner).Option(k.t.Context(), k.Lent, nil, []string{name})
	if err != nil || v[0].Value != want {
		k.t.Errorf("%s reads %v, %v, want %q", name, v, err, want)
	}
}

// bind binds to an address with port 0 and returns what the socket got.
func (k *sock) bind(ip string) sdk.Address {
	k.t.Helper()
	a := address(ip, 0)
	if _, err := udp.New().(sdk.Binder).Bind(k.t.Context(), k.Lent, a); err != nil {
		k.t.Errorf("bind %s: %v", ip, err)
	}
	return k.local()
}

func (k *sock) connect(a sdk.Address) error {
	_, err := udp.New().(sdk.Connector).Connect(k.t.Context(), k.Lent, a)
	return err
}

func (k *sock) local() sdk.Address {
	k.t.Helper()
	sa, err := unix.Getsockname(k.FD)
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sdk.Address{Family: sdk.FamilyIP4, IP: netip.AddrFrom4(sa.Addr), Port: uint16(sa.Port)}
	case *unix.SockaddrInet6:
		return sdk.Address{Family: sdk.FamilyIP6, IP: netip.AddrFrom16(sa.Addr), Port: uint16(sa.Port)}
	}
	k.t.Errorf("getsockname: %v", err)
	return sdk.Address{}
}

func address(ip string, port uint16) sdk.Address {
	a := sdk.Address{Family: sdk.FamilyIP4, IP: netip.MustParseAddr(ip), Port: port}
	if a.IP.Is6() {
		a.Family = sdk.FamilyIP6
	}
	return a
}

func (k *sock) sendTo(a sdk.Address, text string) error {
	k.t.Helper()
	sa, err := a.Sockaddr()
	if err != nil {
		return err
	}
	return syscall.Sendto(k.FD, []byte(text), unix.MSG_DONTWAIT, sa)
}

// next waits for a message, or an error.
func (k *sock) next() (string, error) {
	p := []unix.PollFd{{Fd: int32(k.FD), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(p, 10_000)
		if err == unix.EINTR {
			continue
		}
		if n == 0 {
			return "", errors.New("waited in vain")
		}
		b := make([]byte, 256)
		n, _, err = unix.Recvfrom(k.FD, b, unix.MSG_DONTWAIT)
		return string(b[:max(n, 0)]), err
	}
}

// gets checks that the next message is that one.
func (k *sock) gets(want string) {
	k.t.Helper()
	if got, err := k.next(); err != nil || got != want {
		k.t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
