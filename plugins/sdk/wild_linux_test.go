package sdk_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

// wild is a dialer whose connections break the rules of net.Conn, each as its address
// says.
type wild struct{}

func newWild() sdk.Protocol { return sdk.NewDialer(wild{}) }

func (wild) Describe() sdk.Description {
	return sdk.Description{Name: "wild", Synopsis: "breaks the rules of net.Conn"}
}

func (wild) Dial(_ context.Context, req sdk.DialRequest) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		for buf := make([]byte, 64); ; {
			if _, err := theirs.Read(buf); err != nil {
				return
			}
		}
	}()
	return &wildConn{Conn: ours, how: req.Address}, nil
}

type wildConn struct {
	net.Conn
	how    string
	closes atomic.Int32
}

func (c *wildConn) Read(p []byte) (int, error) {
	switch c.how {
	case "gives nothing":
		return 0, nil
	case "gives too much":
		return len(p) + 1, nil
	case "gives less than nothing":
		return -1, nil
	case "reads on":
		select {}
	case "talks on":
		return 1, nil
	}
	return c.Conn.Read(p)
}

func (c *wildConn) Write(p []byte) (int, error) {
	if c.how == "takes too much" {
		return len(p) + 1, nil
	}
	return c.Conn.Write(p)
}

func (c *wildConn) Close() error {
	if c.closes.Add(1) > 1 {
		panic("closed twice")
	}
	return c.Conn.Close()
}

// SetLinger makes a reset close it, as *net.TCPConn's does.
func (c *wildConn) SetLinger(int) error { return nil }

func (c *wildConn) CloseWrite() error {
	switch c.how {
	case "fails to end":
		return errors.New("out of thread")
	case "panics at the end":
		panic("in CloseWrite")
	}
	return nil
}

func open(t *testing.T, tb *table.Table, how string) *table.Socket {
	t.Helper()
	s, err := tb.Open(patient(t), table.Spec{Protocol: "wild", Connect: how})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestReadThatBreaksItsRulesEndsTheSocket and is not repeated for ever.
func TestReadThatBreaksItsRulesEndsTheSocket(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newWild)
	for how, want := range map[string]string{
		"gives nothing":           "multiple Read calls return no data or error",
		"gives too much":          "Read says that it read 2049 bytes into 2048",
		"gives less than nothing": "Read says that it read -1 bytes into 2048",
	} {
		s := open(t, tb, how)
		if _, err := readAll(t, s); err == nil || err.Error() != want {
			t.Errorf("%s: %v", how, err)
		}
		if _, err := s.Close(patient(t), false); err != nil {
			t.Errorf("%s: close: %v", how, err)
		}
	}
}

// TestCloseNeedsNoReadThatEnds nor one that has nothing more to give, also where reading
// was ended before.
func TestCloseNeedsNoReadThatEnds(t *testing.T) {
	tb, h := newTable(t, host.Descriptors, newWild)
	for _, how := range []string{"reads on", "talks on", "takes too much"} {
		for _, both := range []bool{false, true} {
			s := open(t, tb, how)
			if _, err := s.Send(patient(t), []byte("x")); err != nil {
				t.Errorf("%s: %v", how, err)
			}
			if both {
				if err := s.Shutdown(patient(t), socket.ShutdownBoth); err != nil {
					t.Errorf("%s: shutdown: %v", how, err)
				}
			}
			if _, err := s.Close(patient(t), false); err != nil {
				t.Errorf("%s, both ended %v: %v", how, both, err)
			}
		}
	}
	if log := strings.Join(h.Log("wild"), "\n"); !strings.Contains(log, "Close has returned, and a Read or an Accept goes on") {
		t.Errorf("the author hears nothing: %q", log)
	}
}

func TestConnectionIsClosedOnce(t *testing.T) {
	ours, _ := net.Pipe()
	c := &wildConn{Conn: ours}
	p := sdk.NewDialer(given{c: c})
	h, err := p.Open(t.Context(), socket.OpenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	to := socket.Address{Family: socket.FamilyText, Path: "x"}
	if _, err := p.(socket.Connector).Connect(t.Context(), socket.Lent{FD: -1, Carrier: h.Carrier}, to); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		h.Carrier.Abort() // sets the linger, and closes
	}
	if n := c.closes.Load(); n != 1 {
		t.Errorf("closed %d times", n)
	}
}

// given is a dialer that gives one connection.
type given struct {
	wild
	c net.Conn
}

func (d given) Dial(context.Context, sdk.DialRequest) (net.Conn, error) { return d.c, nil }

func TestHalfEndThatFailsIsTold(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newWild)
	for how, want := range map[string]string{"fails to end": "out of thread", "panics at the end": "panic: in CloseWrite"} {
		s := open(t, tb, how)
		if err := s.Shutdown(patient(t), socket.ShutdownWrite); err != nil {
			t.Errorf("%s: %v", how, err)
		}
		if _, err := readAll(t, s); err == nil || err.Error() != want {
			t.Errorf("%s: %v", how, err)
		}
	}
}
