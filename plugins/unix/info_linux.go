package unix

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// facts are what SO_PEERCRED says of the peer (unix(7)): of the process that
// connected or listened, at that time. Where the peer is a socket of sosh, that is
// its unix plugin, which made the call. Without a peer, and of datagrams, they are empty.
var facts = []struct {
	name, help string
	of         func(*unix.Ucred) string
}{
	{"peer.pid", "the process that connected, or listened", func(u *unix.Ucred) string { return strconv.Itoa(int(u.Pid)) }},
	{"peer.uid", "its user, as a number", func(u *unix.Ucred) string { return number(u.Uid) }},
	{"peer.gid", "its group, as a number", func(u *unix.Ucred) string { return number(u.Gid) }},
	{"peer.user", "its user's name", func(u *unix.Ucred) string {
		if found, err := user.LookupId(number(u.Uid)); err == nil {
			return found.Username
		}
		return ""
	}},
	{"peer.process", "its program's name, while it lives", func(u *unix.Ucred) string { return processName(u.Pid) }},
}

// declaredFacts is made once: Describe must answer at once, and always the same.
var declaredFacts = func() (out []sdk.Fact) {
	for _, f := range facts {
		out = append(out, sdk.Fact{Name: f.name, Help: f.help})
	}
	return out
}()

// Info implements sdk.Informer.
func (protocol) Info(_ context.Context, s sdk.Lent, names []string) ([]sdk.Setting, error) {
	if len(names) == 0 {
		for _, f := range facts {
			names = append(names, f.name)
		}
	}
	peer, err := unix.GetsockoptUcred(s.FD, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return nil, err
	}
	// A listener has its own credentials there.
	_, perr := unix.Getpeername(s.FD)
	known := perr == nil && peer.Pid > 0
	var out []sdk.Setting
names:
	for _, n := range names {
		for _, f := range facts {
			if f.name == n {
				value := ""
				if known {
					value = f.of(peer)
				}
				out = append(out, sdk.Setting{Name: n, Value: value})
				continue names
			}
		}
		return nil, sdk.Faultf(sdk.Usage, "unix has no fact %q", n)
	}
	return out, nil
}

// processName is the name in /proc, at most 15 bytes (proc_pid_comm(5)).
func processName(pid int32) string {
	f, err := os.Open(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	defer f.Close()
	name, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(name), "\n")
}

func number(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
