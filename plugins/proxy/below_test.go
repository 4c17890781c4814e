package proxy

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// tcp is a socket beneath a layer.
type tcp struct{ *net.TCPConn }

func (c tcp) Reset() error { return c.SetLinger(0) }

// dial connects, with a limit on everything that follows, so that no test hangs.
func dial(t *testing.T, addr string) tcp {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return tcp{c.(*net.TCPConn)}
}

func wrap(below sdk.Below, set ...sdk.Setting) (net.Conn, error) {
	values, err := sdk.OptionValuesOf(options, set...)
	if err != nil {
		return nil, err
	}
	return layer{}.Wrap(context.Background(), below, sdk.LayerRequest{Options: values})
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

func says(b string) *canned                   { return &canned{in: bytes.NewReader([]byte(b))} }
func (c *canned) Read(b []byte) (int, error)  { return c.in.Read(b) }
func (c *canned) Write(b []byte) (int, error) { return c.out.Write(b) }
func (c *canned) CloseWrite() error           { return nil }
func (c *canned) Reset() error                { return nil }
func (c *canned) Close() error                { return nil }
func (c *canned) LocalAddr() net.Addr         { return nil }
func (c *canned) RemoteAddr() net.Addr        { return nil }

func rest(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
