package plugintest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
)

// Ports that the kernel hands out by itself begin at 32768 (ip(7),
// ip_local_port_range), those of well-known servers end at about 10000: in between a
// port that was free stays free until the server that is told of it has it.
const (
	firstPort = 10240
	lastPort  = 32767
)

// Port returns a TCP port of the loopback that nobody has, and that no other test,
// also of another program, gets until this one has ended.
func Port(tb testing.TB) int {
	tb.Helper()
	port, release, err := ReservePort()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(release)
	return port
}

// ReservePort is [Port] for who has no test; release gives the port back.
func ReservePort() (port int, release func(), err error) {
	for range 1000 {
		port = firstPort + rand.IntN(lastPort-firstPort+1)
		release = func() {}
		if runtime.GOOS == "linux" { // a name in the abstract namespace ends with its process
			mark, err := net.Listen("unix", fmt.Sprintf("@sosh-test-port-%d", port))
			if err != nil {
				continue
			}
			release = func() { mark.Close() }
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			l.Close()
			return port, release, nil
		}
		release()
	}
	return 0, nil, errors.New("no port of the loopback is free")
}
