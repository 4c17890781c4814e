package icmpraw

import (
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// An optionCall is one setsockopt(2) of an int.
type optionCall struct {
	name              string
	level, opt, value int
}

// setUp sets what every sort of probe needs: times, hop limits (headers says that
// packets come with theirs), the source.
func (l *link) setUp(p probing, headers bool) error {
	calls := []optionCall{{"SO_TIMESTAMPNS", unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1}}
	if l.ip6 {
		calls = append(calls, optionCall{"IPV6_RECVHOPLIMIT", unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1})
	} else if !headers {
		calls = append(calls, optionCall{"IP_RECVTTL", unix.IPPROTO_IP, unix.IP_RECVTTL, 1})
	}
	if p.tos >= 0 && l.ip6 {
		calls = append(calls, optionCall{"IPV6_TCLASS", unix.IPPROTO_IPV6, unix.IPV6_TCLASS, p.tos})
	} else if p.tos >= 0 {
		calls = append(calls, optionCall{"IP_TOS", unix.IPPROTO_IP, unix.IP_TOS, p.tos})
	}
	for _, c := range calls {
		if err := l.set(c); err != nil {
			return err
		}
	}
	if p.ttl > 0 {
		if err := l.setTTL(p.ttl); err != nil {
			return err
		}
	}
	// As much as the kernel allows: a flood's errors are larger than its requests.
	unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
	if p.source.device != "" {
		if err := unix.BindToDevice(l.fd, p.source.device); err != nil {
			return fmt.Errorf("interface %s: %w", p.source.device, err)
		}
	}
	if p.source.address.IsValid() {
		sa, err := hostAddress(p.source.address).Sockaddr()
		if err != nil {
			return err
		}
		if err := syscall.Bind(l.fd, sa); err != nil {
			return fmt.Errorf("from %s: %w", p.source.address, err)
		}
	}
	return nil
}

func (l *link) set(c optionCall) error {
	if err := unix.SetsockoptInt(l.fd, c.level, c.opt, c.value); err != nil {
		return fmt.Errorf("setsockopt %s: %w", c.name, err)
	}
	return nil
}

// setTTL sets the hop limit of what is sent from now on.
func (l *link) setTTL(n int) error {
	if !l.ip6 {
		return l.set(optionCall{"IP_TTL", unix.IPPROTO_IP, unix.IP_TTL, n})
	}
	if err := l.set(optionCall{"IPV6_MULTICAST_HOPS", unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, n}); err != nil {
		return err
	}
	return l.set(optionCall{"IPV6_UNICAST_HOPS", unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, n})
}

// queueErrors asks for the errors that come back, to be read with readError.
func (l *link) queueErrors() error {
	if l.ip6 {
		return l.set(optionCall{"IPV6_RECVERR", unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1})
	}
	return l.set(optionCall{"IP_RECVERR", unix.IPPROTO_IP, unix.IP_RECVERR, 1})
}

// bound gives the socket its number, a port or an id, if it has none, and returns it.
func (l *link) bound() (uint16, error) {
	sa, err := syscall.Getsockname(l.fd)
	if err == nil && pingID(sa) == 0 {
		any := netip.IPv4Unspecified()
		if l.ip6 {
			any = netip.IPv6Unspecified()
		}
		to, aerr := hostAddress(any).Sockaddr()
		if aerr != nil {
			return 0, aerr
		}
		if err = syscall.Bind(l.fd, to); err == nil {
			sa, err = syscall.Getsockname(l.fd)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("bind: %w", err)
	}
	return pingID(sa), nil
}
