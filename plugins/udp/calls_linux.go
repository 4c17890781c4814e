package udp

import (
	"context"
	"errors"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Open implements sdk.Protocol.
//
// IP_RECVERR is on from the start: without it an ICMP error that comes back (port
// unreachable) is told to connected sockets only, and some not even to them. Who
// sends then meets ECONNREFUSED at a later call. recverr=off takes it back.
func (protocol) Open(_ context.Context, req sdk.OpenRequest) (sdk.Handle, error) {
	var c sdk.Calls
	if req.Family == sdk.FamilyUnix {
		return sdk.Handle{FD: -1}, sdk.Faultf(sdk.Usage, "udp has no unix addresses")
	}
	fd, err := c.Socket(req.Family, unix.SOCK_DGRAM, unix.IPPROTO_UDP)
	if err != nil {
		return sdk.Handle{FD: -1, Report: c.Report}, err
	}
	if err = setRecvErr(&c, fd, "on"); err == nil {
		err = setFresh(&c, fd, req.Options)
	}
	if err != nil {
		unix.Close(fd)
		return sdk.Handle{FD: -1, Report: c.Report}, err
	}
	return sdk.Handle{FD: fd, Report: c.Report}, nil
}

// setFresh sets options on a socket that is new. A socket that is made again with
// the options of an older one leaves groups that this one has never joined.
func setFresh(c *sdk.Calls, fd int, set []sdk.Setting) error {
	for _, s := range set {
		err := options.Set(c, fd, []sdk.Setting{s})
		if s.Name == "leave" && errors.Is(err, unix.EADDRNOTAVAIL) {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Connect implements sdk.Connector. It never waits: it only says who the peer is,
// from whom alone datagrams are then taken. A socket that has a peer gets another.
func (protocol) Connect(_ context.Context, s sdk.Lent, remote sdk.Address) (sdk.Report, error) {
	var c sdk.Calls
	if _, err := remote.Sockaddr(); err != nil {
		return nil, err
	}
	err := leavePeer(&c, s.FD)
	if err == nil {
		err = c.Connect(s.FD, remote)
	}
	if errors.Is(err, unix.EACCES) {
		err = &sdk.Error{Op: "connect", Err: err, Hint: "a broadcast address needs broadcast=on"}
	}
	return c.Report, err
}

// leavePeer dissolves the connection to an earlier peer: with it the socket would
// keep a local address that may not lead to the new one. The kernel then takes away
// a port that it had chosen itself, also at a bind to port 0: the socket is bound to
// that again.
func leavePeer(c *sdk.Calls, fd int) error {
	if !hasPeer(fd) {
		return nil
	}
	before, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	if err := c.Disconnect(fd); err != nil {
		return err
	}
	after, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	local := address(after)
	if local.Port != 0 {
		return nil
	}
	local.Port = address(before).Port
	return c.Bind(fd, local)
}

// address is getsockname(2)'s answer.
func address(sa unix.Sockaddr) sdk.Address {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sdk.Address{Family: sdk.FamilyIP4, IP: netip.AddrFrom4(sa.Addr), Port: uint16(sa.Port)}
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(sa.Addr)
		if sa.ZoneId != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(sa.ZoneId), 10))
		}
		return sdk.Address{Family: sdk.FamilyIP6, IP: ip, Port: uint16(sa.Port)}
	}
	return sdk.Address{}
}

// Shutdown implements sdk.Shutdowner. shutdown(2) of a socket without a peer fails
// with ENOTCONN and does it all the same, and nothing undoes it: so it is not called.
func (protocol) Shutdown(_ context.Context, s sdk.Lent, how sdk.How) (sdk.Report, error) {
	var c sdk.Calls
	if !hasPeer(s.FD) {
		return nil, unix.ENOTCONN
	}
	err := c.Shutdown(s.FD, how)
	return c.Report, err
}

func hasPeer(fd int) bool {
	_, err := unix.Getpeername(fd)
	return err == nil
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
	if len(names) == 0 {
		names = []string{"pmtu"}
	}
	var out []sdk.Setting
	for _, n := range names {
		if n != "pmtu" {
			return nil, sdk.Faultf(sdk.Usage, "udp has no fact %q", n)
		}
		v, err := pmtu(s.FD)
		if err != nil {
			return nil, err
		}
		out = append(out, sdk.Setting{Name: n, Value: v})
	}
	return out, nil
}

// pmtu is what the kernel knows of the path to the peer (ip(7), IP_MTU).
func pmtu(fd int) (string, error) {
	level, opt := unix.IPPROTO_IP, unix.IP_MTU
	if sdk.Is6(fd) {
		level, opt = unix.IPPROTO_IPV6, unix.IPV6_MTU
	}
	n, err := unix.GetsockoptInt(fd, level, opt)
	switch {
	case errors.Is(err, unix.ENOTCONN):
		return "", nil
	case err != nil:
		return "", err
	}
	return strconv.Itoa(n), nil
}
