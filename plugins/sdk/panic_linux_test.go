package sdk_test

import (
	"context"
	"errors"
	"net"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

// fragile is a layer that panics where its option says.
type fragile struct{}

func newFragile() sdk.Protocol { return sdk.NewLayer(fragile{}) }

func (fragile) Describe() sdk.Description {
	return sdk.Description{Name: "fragile", Synopsis: "panics", Kind: sdk.Stream,
		Options: []sdk.Option{{Name: "in", Type: sdk.StringOption, Help: "where"}},
		Facts:   []sdk.Fact{{Name: "none", Help: "is never told"}}}
}

func (fragile) Wrap(_ context.Context, b sdk.Below, req sdk.LayerRequest) (net.Conn, error) {
	c := breaking{b, req.Options.Text("in")}
	c.at("wrap")
	return c, nil
}

type breaking struct {
	net.Conn
	in string
}

func (b breaking) at(place string) {
	if b.in == place {
		panic("in " + place)
	}
}

func (b breaking) Read(p []byte) (int, error) { b.at("read"); return b.Conn.Read(p) }
func (b breaking) Write(p []byte) (int, error) {
	if b.at("write"); b.in == "short" {
		p = p[:len(p)-1]
	}
	return b.Conn.Write(p)
}
func (b breaking) Close() error                                    { b.at("close"); return b.Conn.Close() }
func (b breaking) CloseWrite() error                               { b.at("closewrite"); return nil }
func (b breaking) Facts() []sdk.Setting                            { b.at("facts"); return nil }
func (b breaking) Mark() []byte                                    { b.at("mark"); return nil }
func (b breaking) Unwrap(context.Context) (unread []byte, e error) { b.at("unwrap"); return nil, nil }

// TestPanicOfALayerIsAnErrorOfThatSocket in the goroutines that the sdk starts as in the
// host's calls.
func TestPanicOfALayerIsAnErrorOfThatSocket(t *testing.T) {
	tb, h := newTable(t, host.Descriptors, newOdd, newFragile)
	for _, place := range []string{"wrap", "mark", "read", "write", "closewrite", "facts", "unwrap", "close"} {
		s := dial(t, tb, "echo")
		err := s.Wrap(patient(t), table.WrapSpec{Layer: "fragile", Options: []socket.Setting{{Name: "in", Value: place}}})
		switch place {
		case "write":
			s.Send(patient(t), []byte("x"))
			_, err = readAll(t, s)
		case "read":
			_, err = readAll(t, s)
		case "closewrite":
			s.Shutdown(patient(t), socket.ShutdownWrite)
			_, err = readAll(t, s)
		case "unwrap":
			err = s.Unwrap(patient(t))
		case "facts":
			s.PluginFacts(patient(t), "")
		}
		if failed := errors.Is(err, socket.Failed); failed == (place == "facts" || place == "close") || err != nil && !strings.Contains(err.Error(), "panic: in "+place) {
			t.Errorf("%s: %v", place, err)
		}
		s.Close(patient(t), false)
		if text := strings.Join(h.Log("fragile"), "\n"); !strings.Contains(text, "in "+place+"\n") || !strings.Contains(text, "panic_linux_test.go") {
			t.Errorf("%s: the log lacks the stack", place)
		}
	}
	for _, p := range h.Plugins() {
		if p.Starts != 1 {
			t.Errorf("%+v", p)
		}
	}
}

// TestWriteOfALayerThatTakesLessIsNotPassedOver as if all had gone out.
func TestWriteOfALayerThatTakesLessIsNotPassedOver(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newOdd, newFragile)
	s := dial(t, tb, "echo")
	if err := s.Wrap(patient(t), table.WrapSpec{Layer: "fragile", Options: []socket.Setting{{Name: "in", Value: "short"}}}); err != nil {
		t.Fatal(err)
	}
	s.Send(patient(t), []byte("hello"))
	s.Shutdown(patient(t), socket.ShutdownWrite)
	if got, err := readAll(t, s); err == nil || err.Error() != "short write" {
		t.Errorf("%q, %v", got, err)
	}
}

// collapsing is a layer that panics in one of its methods, from the second call on.
type collapsing struct {
	in    string
	calls int
}

func (c *collapsing) at(place string) {
	if c.in == place {
		if c.calls++; c.calls > 1 || place != "describe" {
			panic("in " + place)
		}
	}
}

func (c *collapsing) Describe() sdk.Description {
	c.at("describe")
	return sdk.Description{Name: "collapsing", Synopsis: "panics", Kind: sdk.Stream}
}

func (c *collapsing) Wrap(_ context.Context, b sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	c.at("wrap")
	return breaking{b, c.in}, nil
}

// TestPanicOfALayerKeepsNoDescriptor until memory is collected: the socket beneath is
// closed when Wrap has failed.
func TestPanicOfALayerKeepsNoDescriptor(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, place := range []string{"describe", "wrap", "mark"} {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fds[0])
		p := sdk.NewLayer(&collapsing{in: place})
		p.Describe()
		_, err = p.(socket.Wrapper).Wrap(t.Context(), socket.WrapRequest{FD: fds[1], Kind: socket.Stream})
		if !errors.Is(err, socket.Failed) || !strings.Contains(err.Error(), "panic: in "+place) {
			t.Errorf("%s: %v", place, err)
		}
		if n, err := unix.Write(fds[0], []byte("x")); !errors.Is(err, unix.EPIPE) {
			t.Errorf("%s: the other end is open still: %d, %v", place, n, err)
		}
	}
}
