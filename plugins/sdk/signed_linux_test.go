package sdk_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// abrupt is a layer to which every end beneath is a cut.
type abrupt struct{ plain }

type abruptConn struct{ net.Conn }

func (abrupt) Wrap(_ context.Context, b sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	return abruptConn{b}, nil
}

func (c abruptConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// stacked is a layer over another, as a host stacks them, and the peer.
func stacked(t *testing.T, lower, upper sdk.Protocol) (top *above, low sdk.Handle, peer *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	peer = os.NewFile(uintptr(fds[1]), "peer")
	t.Cleanup(func() { peer.Close() })
	low, err = lower.(sdk.Wrapper).Wrap(t.Context(), sdk.WrapRequest{FD: fds[0], Kind: sdk.Stream})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(low.FD) })
	between, err := unix.FcntlInt(uintptr(low.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	h, err := upper.(sdk.Wrapper).Wrap(t.Context(), sdk.WrapRequest{FD: between, Kind: sdk.Stream})
	if err != nil {
		t.Fatal(err)
	}
	top = &above{t: t, Handle: h, File: os.NewFile(uintptr(h.FD), "above")}
	top.SetDeadline(time.Now().Add(patience))
	t.Cleanup(top.gone)
	return top, low, peer
}

func TestCutOfTheLayerBeneathIsNoEnd(t *testing.T) {
	for name, upper := range map[string]sdk.Layer{"read": opaque{}, "written to": plain{}} {
		for _, halfClosed := range []bool{false, true} {
			for lower, want := range map[sdk.Layer]error{plain{}: nil, abrupt{}: sdk.Truncated} {
				top, _, peer := stacked(t, sdk.NewLayer(lower), sdk.NewLayer(upper))
				if halfClosed {
					unix.Shutdown(top.FD, unix.SHUT_WR)
					io.ReadAll(peer)
				}
				peer.Write([]byte("what came before"))
				peer.Close()
				got, err := io.ReadAll(top)
				if string(got) != "what came before" || err != nil {
					t.Errorf("%s over %T: %q, %v", name, lower, got, err)
				}
				if err := top.Carrier.End(t.Context()); !errors.Is(err, want) {
					t.Errorf("%s over %T, half closed %v: %v", name, lower, halfClosed, err)
				}
			}
		}
	}
}

func TestDeathOfTheLayerBeneathIsNoEnd(t *testing.T) {
	for _, unread := range []bool{false, true} {
		h := plugintest.Host(t, host.Descriptors, nil, newPlain)
		lower, err := h.Protocol("plain")
		if err != nil {
			t.Fatal(err)
		}
		top, low, peer := stacked(t, lower, newOpaque())
		peer.Write([]byte("x"))
		if _, err := io.ReadFull(top, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if unread { // more than the layer beneath takes, as the peer takes nothing
			go top.Write(make([]byte, 4<<20))
			for left := 0; left == 0; unix.Poll(nil, 1) {
				if left, err = unix.IoctlGetInt(low.FD, unix.SIOCOUTQ); err != nil {
					t.Fatal(err)
				}
			}
		}
		unix.Kill(h.Plugins()[0].PID, unix.SIGKILL)
		if got, err := io.ReadAll(top); len(got) > 0 || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if err := top.Carrier.End(t.Context()); !errors.Is(err, sdk.Truncated) {
			t.Errorf("the end, unread %v: %v", unread, err)
		}
	}
}
