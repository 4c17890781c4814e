package plugintest

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Conn is a TCP connection as a layer sees it beneath itself, for tests that call Wrap
// of an [sdk.Layer].
type Conn struct{ *net.TCPConn }

// Reset implements sdk.Below.
func (c Conn) Reset() error { return c.SetLinger(0) }

// belowTime bounds all that is done on one connection, so that no test hangs.
const belowTime = 20 * time.Second

// Below makes c, a TCP connection, what is beneath a layer. It is closed at the test's
// end, and fails after 20 seconds.
func Below(tb testing.TB, c net.Conn) Conn {
	tb.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(belowTime))
	return Conn{c.(*net.TCPConn)}
}

// Dial connects to a TCP address.
func Dial(tb testing.TB, addr string) Conn {
	tb.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	return Below(tb, c)
}

// Pair is both ends of one connection over the loopback.
func Pair(tb testing.TB) (connected, accepted Conn) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	connected = Dial(tb, l.Addr().String())
	c, err := l.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	return connected, Below(tb, c)
}

// Canned is a peer that has already said all that it will say, and keeps what it is
// told. It has no addresses, and its deadlines are not kept.
type Canned struct {
	net.Conn // nil: what is not here is not called
	In       *bytes.Reader
	Out      bytes.Buffer
}

// Says is the peer that has said s.
func Says[S ~string | ~[]byte](s S) *Canned { return &Canned{In: bytes.NewReader([]byte(s))} }

func (c *Canned) Read(b []byte) (int, error)         { return c.In.Read(b) }
func (c *Canned) Write(b []byte) (int, error)        { return c.Out.Write(b) }
func (c *Canned) CloseWrite() error                  { return nil }
func (c *Canned) Reset() error                       { return nil }
func (c *Canned) Close() error                       { return nil }
func (c *Canned) LocalAddr() net.Addr                { return nil }
func (c *Canned) RemoteAddr() net.Addr               { return nil }
func (c *Canned) SetWriteDeadline(_ time.Time) error { return nil }

// Fact is the fact of that name of a layer's connection, "" where it has none.
func Fact(c any, name string) string {
	for _, s := range c.(sdk.FactTeller).Facts() {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

var (
	_ sdk.Below = Conn{}
	_ sdk.Below = (*Canned)(nil)
)
