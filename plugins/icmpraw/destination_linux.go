package icmpraw

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// destination is the address to send to: of several the first that there is a way to.
func destination(ctx context.Context, host string, family sdk.Family, from source) (netip.Addr, error) {
	as, err := protocol{}.Resolve(ctx, sdk.ResolveRequest{Text: host, Family: family})
	if err != nil {
		return netip.Addr{}, err
	}
	var ips []netip.Addr
	for _, a := range as {
		ip := a.IP
		// The kernel takes "any address" for this machine, which answers as itself.
		switch {
		case ip == netip.IPv4Unspecified():
			ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		case ip == netip.IPv6Unspecified():
			ip = netip.IPv6Loopback()
		}
		if !from.address.IsValid() || from.address.Is4() == ip.Is4() {
			ips = append(ips, ip)
		}
	}
	if len(ips) == 0 {
		return netip.Addr{}, sdk.Faultf(sdk.Usage, "%s has no address of the family of %s", host, from.address)
	}
	return routable(ips, from)
}

// routable chooses the first address that this machine has a way to, and says from
// where it would send. It sends nothing.
func routable(ips []netip.Addr, from source) (netip.Addr, error) {
	var first error
	for _, ip := range ips {
		if from.address.IsValid() && from.address.Is4() != ip.Is4() {
			continue
		}
		if err := hasRoute(ip, from.device); err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		return ip, nil
	}
	return netip.Addr{}, first
}

func hasRoute(ip netip.Addr, device string) error {
	domain := unix.AF_INET
	if ip.Is6() {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	if device != "" {
		if err := unix.BindToDevice(fd, device); err != nil {
			return fmt.Errorf("interface %s: %w", device, err)
		}
	}
	a := hostAddress(ip)
	a.Port = 1
	sa, err := a.Sockaddr()
	if err != nil {
		return err
	}
	if err := syscall.Connect(fd, sa); err != nil && err != syscall.EACCES { // EACCES: a broadcast address
		return err
	}
	return nil
}
