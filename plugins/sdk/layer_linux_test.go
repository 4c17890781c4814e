package sdk_test

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) {
	plugintest.Main(m, newPlain, newOpaque, newOdd, newSullen, newPackets, newSilentPackets, newFragile, newWild)
}

func newPlain() sdk.Protocol  { return sdk.NewLayer(plain{}) }
func newOpaque() sdk.Protocol { return sdk.NewLayer(opaque{}) }

// plain is a layer that changes nothing.
type plain struct{}

func (plain) Describe() sdk.Description {
	return sdk.Description{Name: "plain", Synopsis: "nothing between", Kind: sdk.Stream,
		Options: []sdk.Option{{Name: "size", Type: sdk.SizeOption, Default: "1K", Help: "a size"}}}
}

func (plain) Wrap(_ context.Context, b sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	return b, nil
}

// opaque is a layer whose connection is of its own type.
type opaque struct{}

func (opaque) Describe() sdk.Description {
	d := plain{}.Describe()
	d.Name = "opaque"
	return d
}

func (opaque) Wrap(_ context.Context, b sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	return struct{ net.Conn }{b}, nil
}

func TestLayerConformance(t *testing.T) {
	for name, construct := range map[string]func() sdk.Protocol{"below itself": newPlain, "a connection of its own": newOpaque} {
		t.Run(name, func(t *testing.T) {
			plugintest.RunLayer(t, construct, plugintest.LayerTest{})
		})
	}
}

// Who sees the end can ask why at once, without waiting.
func TestReasonIsKnownBeforeTheEndIsSeen(t *testing.T) {
	for range 200 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		f, err := c.(*net.TCPConn).File()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		a := put(t, plain{}, sdk.WrapRequest{FD: fd, Kind: sdk.Stream})
		peer.(*net.TCPConn).SetLinger(0)
		peer.Close()
		a.Read(make([]byte, 1))
		now, cancel := context.WithCancel(t.Context())
		cancel()
		if err := a.Carrier.End(now); !errors.Is(err, sdk.Reset) {
			t.Fatalf("after a reset: %v", err)
		}
		c.Close()
	}
}

// A layer's failure is told to who writes, even when nothing more can be read.
type picky struct{ plain }

type pickyConn struct{ sdk.Below }

func (picky) Wrap(_ context.Context, b sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	return pickyConn{b}, nil
}

func (pickyConn) Write(p []byte) (int, error) { return 0, sdk.Faultf(sdk.Usage, "not this: %q", p) }

func TestRefusedWriteEndsTheLayerWithItsReason(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	a := put(t, picky{}, sdk.WrapRequest{FD: fds[0], Kind: sdk.Stream})
	a.Write([]byte("that"))
	if _, err := a.Read(make([]byte, 1)); err == nil {
		t.Error("bytes came")
	}
	if err := a.Carrier.End(t.Context()); !errors.Is(err, sdk.Usage) || err.Error() != `not this: "that"` {
		t.Errorf("%v", err)
	}
}

// deaf is a layer that reads nothing of its own accord.
type deaf struct{ plain }

type deafConn struct {
	sdk.Below
	stop chan struct{}
	once sync.Once
}

func (deaf) Wrap(_ context.Context, b sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	return &deafConn{Below: b, stop: make(chan struct{})}, nil
}

func (d *deafConn) Read([]byte) (int, error) {
	<-d.stop
	return 0, os.ErrDeadlineExceeded
}

func (d *deafConn) SetReadDeadline(time.Time) error {
	d.once.Do(func() { close(d.stop) })
	return nil
}

func (d *deafConn) Unwrap(context.Context) ([]byte, error) { return []byte("its own, "), nil }

func TestUnwrapReturnsWhatNobodyRead(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	a := put(t, deaf{}, sdk.WrapRequest{FD: fds[0], Kind: sdk.Stream, Unread: []byte("the host's")})
	rest, err := sdk.NewLayer(deaf{}).(sdk.Wrapper).Unwrap(t.Context(), sdk.Lent{Carrier: a.Carrier})
	if string(rest) != "its own, the host's" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	// What was unwrapped has nothing more to give.
	if rest, err := sdk.NewLayer(deaf{}).(sdk.Wrapper).Unwrap(t.Context(), sdk.Lent{Carrier: a.Carrier}); len(rest) > 0 || err != nil {
		t.Errorf("a second time: %q, %v", rest, err)
	}
}
