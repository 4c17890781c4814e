package icmpraw

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Open implements sdk.Protocol.
func (protocol) Open(_ context.Context, req sdk.OpenRequest) (sdk.Handle, error) {
	var c sdk.Calls
	if req.Family == sdk.FamilyUnix {
		return sdk.Handle{FD: -1}, sdk.Faultf(sdk.Usage, "icmp-raw has no unix addresses")
	}
	fd, f, err := openSocket(&c, req.Family)
	if err != nil {
		return sdk.Handle{FD: -1, Report: c.Report}, err
	}
	if err := options.Set(&c, fd, req.Options); err != nil {
		unix.Close(fd)
		return sdk.Handle{FD: -1, Report: c.Report}, err
	}
	return sdk.Handle{FD: fd, Mark: newMark(f, uint16(rand.Uint32())), Report: c.Report}, nil
}

// openSocket makes a raw socket or, where that is not allowed, a ping socket
// (icmp(7), raw(7)).
func openSocket(c *sdk.Calls, family sdk.Family) (int, form, error) {
	proto, raw, ping := unix.IPPROTO_ICMP, raw4, ping4
	if family == sdk.FamilyIP6 {
		proto, raw, ping = unix.IPPROTO_ICMPV6, raw6, ping6
	}
	fd, err := c.Socket(family, unix.SOCK_RAW, proto)
	if err == nil || !errors.Is(err, syscall.EPERM) {
		return fd, raw, err
	}
	fd, err = c.Socket(family, unix.SOCK_DGRAM, proto)
	if errors.Is(err, syscall.EACCES) {
		return -1, 0, notAllowed()
	}
	return fd, ping, err
}

// notAllowed says which commands would allow it. It is EPERM.
func notAllowed() error {
	return &sdk.Error{Op: "icmp-raw", Err: syscall.EPERM,
		Hint: "sudo setcap cap_net_raw+ep " + shellWord(program()) +
			` allows raw sockets; sudo sysctl -w net.ipv4.ping_group_range="0 2147483647" allows ping sockets, for echo only`}
}

// program is the file that this process runs: started through /proc/self/exe it is
// the shell's own.
func program() string {
	path, err := os.Executable()
	if err != nil {
		return "sosh"
	}
	return strings.TrimSuffix(path, " (deleted)")
}

// shellWord quotes a path that has more than the usual characters in it.
func shellWord(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Option implements sdk.Optioner.
func (protocol) Option(_ context.Context, s sdk.Lent, set []sdk.Setting, get []string) ([]sdk.Setting, sdk.Report, error) {
	var c sdk.Calls
	if err := options.Set(&c, s.FD, set); err != nil {
		return nil, c.Report, err
	}
	values, err := options.Read(s.FD, get)
	return values, c.Report, err
}

// Info implements sdk.Informer.
func (protocol) Info(_ context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
	f, id, err := readMark(s.Mark)
	if err != nil {
		return nil, err
	}
	kind := "raw"
	if f.ping() {
		kind = "ping"
		sa, err := syscall.Getsockname(s.FD)
		if err != nil {
			return nil, err
		}
		id = pingID(sa)
	}
	facts := map[string]string{"socket": kind, "id": strconv.Itoa(int(id))}
	if len(names) == 0 {
		names = []string{"socket", "id"}
	}
	var out []sdk.Setting
	for _, n := range names {
		v, ok := facts[n]
		if !ok {
			return nil, sdk.Faultf(sdk.Usage, "icmp-raw has no fact %q", n)
		}
		out = append(out, sdk.Setting{Name: n, Value: v})
	}
	return out, nil
}

// pingID is the id of a ping socket, where other sockets have their port.
func pingID(sa syscall.Sockaddr) uint16 {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return uint16(sa.Port)
	case *syscall.SockaddrInet6:
		return uint16(sa.Port)
	}
	return 0
}
