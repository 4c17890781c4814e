package conform_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/conform"
)

// filtered attaches a filter to a socket (socket(7), SO_ATTACH_FILTER): what it
// receives is cut to as many bytes as the filter says, or dropped at 0.
func filtered(fd int, program ...unix.SockFilter) {
	unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// cutAfter lets at most n bytes through.
func cutAfter(fd int, n uint32) { filtered(fd, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: n}) }

// noShorter drops what has at most n bytes.
func noShorter(fd int, n uint32) {
	filtered(fd,
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_LEN},
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: n, Jf: 1},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 18},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K})
}

const udpHeader = 8 // bytes; the filter sees it

// packetsOpenedBy changes what Open has opened.
func packetsOpenedBy(change func(fd int)) func(*faultyPackets) {
	return func(f *faultyPackets) {
		f.open = func(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
			h, err := f.good.Open(ctx, r)
			if err == nil {
				change(h.FD)
			}
			return h, err
		}
	}
}

const (
	whole    = "A message arrives whole, with its sender"
	bounds   = "Messages keep their bounds and their order, also empty ones"
	ofPeer   = "A connected socket takes messages of its peer alone"
	toPeer   = "A connected socket sends to its peer, and connects to another from the same address"
	deadPeer = "A peer that is not there is told, and the socket lives"
	shutOne  = "Shutdown for writing ends that, and leaves reading"
	noPeer   = "Shutdown of what has no peer fails, and ends nothing"
)

var packetsOf = conform.How{Options: []socket.Setting{{Name: "kind", Value: "seqpacket"}}}

var brokenMessages = []broken{
	{does: "Long messages are cut", construct: badUDP(packetsOpenedBy(func(fd int) { cutAfter(fd, 100+udpHeader) })), fails: []string{whole}},
	{does: "Empty messages are dropped", construct: badUDP(packetsOpenedBy(func(fd int) { noShorter(fd, udpHeader) })), fails: []string{bounds}},
	{does: "Bind shares an address with another datagram socket", construct: badUDP(packetsOpenedBy(func(fd int) {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})), fails: []string{"Bind refuses an address that another socket has", "Option reads every option that is declared"}},
	{does: "Connect of a datagram socket does nothing", construct: badUDP(func(f *faultyPackets) {
		f.connect = func(context.Context, sdk.Lent, sdk.Address) (sdk.Report, error) { return nil, nil }
	}), fails: []string{ofPeer, toPeer, deadPeer, shutOne, copies}},
	{does: "Connect keeps the first peer", construct: badUDP(func(f *faultyPackets) {
		f.connect = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			if _, err := syscall.Getpeername(s.FD); err == nil {
				return nil, nil
			}
			return f.good.Connect(ctx, s, a)
		}
	}), fails: []string{toPeer, deadPeer}},
	{does: "A bind keeps a copy", construct: badUDP(func(f *faultyPackets) {
		f.bind = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			r, err := f.good.Bind(ctx, s, a)
			unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 0)
			return r, err
		}
	}), fails: []string{deadPeer, left}},
	{does: "Shutdown of a datagram socket does nothing", construct: badUDP(func(f *faultyPackets) {
		f.shutdown = func(context.Context, sdk.Lent, sdk.How) (sdk.Report, error) { return nil, nil }
	}), fails: []string{shutOne, noPeer}},
	{does: "Empty packets of a connection are dropped", how: packetsOf, construct: badUnix(acceptedBy(func(_ sdk.Lent, h *sdk.Handle) {
		noShorter(h.FD, 0)
	})), fails: []string{bounds}},
	{does: "A call keeps a copy of a connection", how: packetsOf, construct: badUnix(lentBy(func(s sdk.Lent) {
		unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 0)
	})), fails: []string{"No call leaves a copy of a connection behind", left}},
}

var brokenPaths = []broken{
	{does: "Bind removes the file that is there", construct: badUnix(func(f *faulty) {
		f.bind = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			os.Remove(a.Path)
			return f.good.Bind(ctx, s, a)
		}
	}), fails: []string{"Bind refuses a file that exists, and leaves it", "Bind refuses an address that is listened on"}},
	{does: "Bind makes its file elsewhere", construct: badUnix(func(f *faulty) {
		f.bind = func(ctx context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
			if _, err := os.Lstat(a.Path); errors.Is(err, os.ErrNotExist) {
				a.Path += "-" // in the check's own directory still
			}
			return f.good.Bind(ctx, s, a)
		}
	}), fails: []string{"Bind makes the socket's file"}},
	{does: "Resolve takes a path that is too long", construct: badUnix(resolvedBy(func(r sdk.ResolveRequest, as []sdk.Address, err error) ([]sdk.Address, error) {
		if len(r.Text) == 4097 {
			return []sdk.Address{{Family: sdk.FamilyUnix, Path: r.Text}}, nil
		}
		return as, err
	})), fails: []string{"Resolve refuses what is no path as wrong usage"}},
	{does: "Resolve gives a path for another family", construct: badUnix(func(f *faulty) {
		f.resolve = func(ctx context.Context, r sdk.ResolveRequest) ([]sdk.Address, error) {
			r.Family = sdk.FamilyNone
			return f.good.Resolve(ctx, r)
		}
	}), fails: []string{"Resolve refuses a family without paths as wrong usage"}},
}

// badHosts is a protocol without ports, with a fault in Resolve.
func badHosts(fault func(ctx context.Context, r sdk.ResolveRequest, good func(context.Context, sdk.ResolveRequest) ([]sdk.Address, error)) ([]sdk.Address, error)) func() sdk.Protocol {
	good := func(ctx context.Context, r sdk.ResolveRequest) ([]sdk.Address, error) {
		if strings.HasSuffix(r.Text, ":80") || strings.HasPrefix(r.Text, "[") || r.Text == "" {
			return nil, sdk.Faultf(sdk.Usage, "no host: %q", r.Text)
		}
		ips, err := sdk.ResolveHost(ctx, r.Text, r)
		var as []sdk.Address
		for _, ip := range ips {
			family := sdk.FamilyIP4
			if ip.Is6() {
				family = sdk.FamilyIP6
			}
			as = append(as, sdk.Address{Family: family, IP: ip})
		}
		return as, err
	}
	return badUDP(func(f *faultyPackets) {
		f.describe = func(d sdk.Description) sdk.Description { d.Address = sdk.HostOnly; return d }
		f.resolve = func(ctx context.Context, r sdk.ResolveRequest) ([]sdk.Address, error) { return fault(ctx, r, good) }
	})
}

var brokenHosts = []broken{
	{does: "A host has a port", construct: badHosts(func(ctx context.Context, r sdk.ResolveRequest, good func(context.Context, sdk.ResolveRequest) ([]sdk.Address, error)) ([]sdk.Address, error) {
		as, err := good(ctx, r)
		for i := range as {
			as[i].Port = 1
		}
		return as, err
	}), fails: []string{"Resolve returns hosts without ports, of the asked-for family"}},
	{does: "A host may be written with a port", construct: badHosts(func(ctx context.Context, r sdk.ResolveRequest, good func(context.Context, sdk.ResolveRequest) ([]sdk.Address, error)) ([]sdk.Address, error) {
		if r.Text == "127.0.0.1:80" {
			r.Text = "127.0.0.1"
		}
		return good(ctx, r)
	}), fails: []string{"Resolve refuses a malformed host as wrong usage"}},
	{does: "A host without an address is wrong usage", construct: badHosts(func(ctx context.Context, r sdk.ResolveRequest, good func(context.Context, sdk.ResolveRequest) ([]sdk.Address, error)) ([]sdk.Address, error) {
		as, err := good(ctx, r)
		if errors.Is(err, sdk.Unresolved) {
			err = sdk.Faultf(sdk.Usage, "%v", err)
		}
		return as, err
	}), fails: []string{"Resolve says that a host has no address"}},
}
