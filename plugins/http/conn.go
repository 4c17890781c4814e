package http

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// conn is a stream that speaks HTTP.
type conn struct {
	sdk.Below
	r      *bufio.Reader
	client bool
	host   string // for the Host header of requests
	raw    []byte // the reader's: of the message that is under way, as it came

	woken chan struct{} // closed when reads are to end
	wake  sync.Once

	turn sync.Mutex // of writing
	mu   sync.Mutex // of what follows; never held while reading or writing

	max                 int
	chunked             bool
	unanswered          []byte // the methods of requests without their response, in order
	requests, responses int
	over                string // why what follows is no HTTP; "" while it is
}

// The methods that decide how a response is read, by a byte.
var methodBytes = map[string]byte{"HEAD": 'H', "CONNECT": 'C'}

var byteMethods = map[byte]string{'H': "HEAD", 'C': "CONNECT", 'G': "GET"}

// mostUnanswered bounds the requests that are remembered.
const mostUnanswered = 64 << 10

// expected is the method of the request whose response is next, and the bound of a
// body. A response that nobody asked for (408 before a close) is read as GET's.
func (c *conn) expected() (method string, max int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client && len(c.unanswered) > 0 {
		return byteMethods[c.unanswered[0]], c.max
	}
	return "GET", c.max
}

// asked remembers a request.
func (c *conn) asked(method string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.unanswered) == mostUnanswered {
		fault := sdk.Malformed // the client sends on and on
		if c.client {
			fault = sdk.Usage
		}
		return sdk.Faultf(fault, "%d requests have no response yet", mostUnanswered)
	}
	b, ok := methodBytes[method]
	if !ok {
		b = 'G'
	}
	c.unanswered = append(c.unanswered, b)
	c.requests++
	return nil
}

// answered notes a response. An interim one answers nothing.
func (c *conn) answered(h head, method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.responses++
	switch {
	case h.switches(method):
		c.over = "switched"
	case h.status < 200:
		return
	case h.closes || h.length < 0 && !h.chunked && !h.bodyless(method):
		c.over = "last"
	}
	if len(c.unanswered) > 0 {
		c.unanswered = c.unanswered[1:]
	}
}

// took notes a message that came.
func (c *conn) took(h head, method string) error {
	c.raw = nil
	if !c.client {
		return c.asked(h.method)
	}
	c.answered(h, method)
	return nil
}

// isOver reports whether what comes is no HTTP. A server's last response says
// nothing of what comes: the client may have more requests under way.
func (c *conn) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over == "switched" || c.over == "last" && c.client
}

// Facts implements sdk.FactTeller.
func (c *conn) Facts() []sdk.Setting {
	c.mu.Lock()
	defer c.mu.Unlock()
	role := "client"
	if !c.client {
		role = "server"
	}
	return []sdk.Setting{
		{Name: "role", Value: role},
		{Name: "requests", Value: strconv.Itoa(c.requests)},
		{Name: "responses", Value: strconv.Itoa(c.responses)},
		{Name: "pending", Value: strconv.Itoa(len(c.unanswered))},
		{Name: "over", Value: c.over},
	}
}

// SetOption implements sdk.OptionSetter.
func (c *conn) SetOption(name, value string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch name {
	case "max":
		n, err := sdk.ParseSize(value)
		if err != nil || n > maxLimit {
			return usage("max is a size up to 60M, not %q", value)
		}
		c.max = int(n)
	case "chunked":
		if value != "on" && value != "off" {
			return usage("chunked is on or off, not %q", value)
		}
		c.chunked = value == "on"
	default:
		return usage("%s is fixed when http is put on", name)
	}
	return nil
}

// GetOption implements sdk.OptionSetter.
func (c *conn) GetOption(name string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	word := map[bool]string{true: "on", false: "off"}
	switch name {
	case "max":
		return strconv.Itoa(c.max), nil
	case "chunked":
		return word[c.chunked], nil
	}
	return word[!c.client], nil
}

// Mark implements sdk.Marker: the side, and for a client the host of its requests.
func (c *conn) Mark() []byte {
	if !c.client {
		return []byte("s")
	}
	return append([]byte("c"), c.host[:min(len(c.host), 255)]...)
}

// Unwrap implements sdk.Unwrapper: what came and was not delivered, a message's
// beginning too.
func (c *conn) Unwrap(context.Context) ([]byte, error) {
	b, _ := c.r.Peek(c.r.Buffered())
	unread := append(bytes.Clone(c.raw), b...)
	c.raw = nil
	c.r.Reset(strings.NewReader(""))
	return unread, nil
}

// SetReadDeadline implements net.Conn. A deadline that is over also ends hold.
func (c *conn) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && !t.After(time.Now()) {
		c.wake.Do(func() { close(c.woken) })
	}
	return c.Below.SetReadDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return firstError(c.SetReadDeadline(t), c.Below.SetWriteDeadline(t))
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.wake.Do(func() { close(c.woken) })
	return c.Below.Close()
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// proceed lets a client that waits for it send its body (RFC 9110, section 10.1.1).
func (c *conn) proceed() error {
	c.turn.Lock()
	defer c.turn.Unlock()
	_, err := io.WriteString(c.Below, "HTTP/1.1 100 Continue\r\n\r\n")
	return err
}

// hostHeader is the host that was opened, with a port that is no web server's own.
func hostHeader(req sdk.LayerRequest) string {
	host, port := req.Host, req.Remote.Port
	if host == "" {
		host = req.Remote.Host()
	}
	switch {
	case host == "" || !visible(host):
		return "localhost"
	case port != 0 && port != 80 && port != 443:
		return net.JoinHostPort(host, strconv.Itoa(int(port)))
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	}
	return host
}

// visible says that nothing in it can end or split a line.
func visible(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
