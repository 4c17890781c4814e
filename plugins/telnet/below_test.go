//go:build linux

package telnet

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// tcp is a socket beneath a layer.
type tcp struct{ *net.TCPConn }

func (c tcp) Reset() error { return c.SetLinger(0) }

func below(t *testing.T, c net.Conn) tcp {
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second)) // so that no test hangs
	return tcp{c.(*net.TCPConn)}
}

// pair is two ends of a connection; b accepted it.
func pair(t *testing.T) (a, b tcp) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	x, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	y, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return below(t, x), below(t, y)
}

func wrap(t *testing.T, b sdk.Below, accepted bool, set ...sdk.Setting) *conn {
	t.Helper()
	values, err := sdk.OptionValuesOf(options, set...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := layer{}.Wrap(context.Background(), b, sdk.LayerRequest{Host: "example.com", Accepted: accepted, Options: values})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*conn)
}

func set(name, value string) sdk.Setting { return sdk.Setting{Name: name, Value: value} }

func fact(c any, name string) string {
	for _, s := range c.(sdk.FactTeller).Facts() {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

// canned is a peer that has already said all it will say.
type canned struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func says(b []byte) *canned                          { return &canned{in: bytes.NewReader(b)} }
func (c *canned) Read(b []byte) (int, error)         { return c.in.Read(b) }
func (c *canned) Write(b []byte) (int, error)        { return c.out.Write(b) }
func (c *canned) CloseWrite() error                  { return nil }
func (c *canned) Reset() error                       { return nil }
func (c *canned) Close() error                       { return nil }
func (c *canned) SetWriteDeadline(_ time.Time) error { return nil }
