package websocket

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// longestHead bounds the peer's half of the handshake in bytes.
const longestHead = 64 << 10

// secret is what a server proves with that it knows the protocol (section 1.3).
const secret = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + secret))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// dial is the client's half (section 4.1).
func (c *conn) dial(req sdk.LayerRequest) error {
	more, err := moreHeaders(c.settings["header"])
	if err != nil {
		return err
	}
	target, host, origin, protocols := c.settings["target"], c.settings["host"], c.settings["origin"], list(c.settings["protocol"])
	if host == "" {
		host = hostHeader(req)
	}
	if u, err := url.ParseRequestURI(target); err != nil || u.Host != "" || target[0] != '/' || !visible(target) {
		return sdk.Faultf(sdk.Usage, "target is a path such as /chat?room=1, not %q", target)
	}
	if !visible(host) || origin != "" && !visible(origin) || !tokens(protocols) {
		return sdk.Faultf(sdk.Usage, "host, origin and protocol have no blanks and no control characters")
	}
	var nonce [16]byte
	rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", target, host)
	fmt.Fprintf(&b, "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n", key)
	if len(protocols) > 0 {
		fmt.Fprintf(&b, "Sec-WebSocket-Protocol: %s\r\n", strings.Join(protocols, ", "))
	}
	if origin != "" {
		fmt.Fprintf(&b, "Origin: %s\r\n", origin)
	}
	b.WriteString(more + "\r\n")
	if _, err := io.WriteString(c.Below, b.String()); err != nil {
		return fmt.Errorf("sending the handshake: %w", err)
	}
	head, err := readHead(c.r)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), &http.Request{Method: "GET"})
	if err != nil {
		return sdk.Faultf(sdk.Malformed, "the peer's answer is no HTTP: %.80q", head)
	}
	agreed := resp.Header.Get("Sec-WebSocket-Protocol")
	switch {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return c.refusal(resp)
	case !has(resp.Header, "Upgrade", "websocket") || !has(resp.Header, "Connection", "upgrade"):
		return sdk.Faultf(sdk.Malformed, "the server switches to %q, not to websocket", resp.Header.Get("Upgrade"))
	case resp.Header.Get("Sec-WebSocket-Accept") != acceptKey(key):
		return sdk.Faultf(sdk.Malformed, "the server's proof is wrong: what answered is no WebSocket server, or an old answer from a cache")
	case resp.Header.Get("Sec-WebSocket-Extensions") != "":
		return sdk.Faultf(sdk.Malformed, "the server uses the extension %.80q, which was not offered", resp.Header.Get("Sec-WebSocket-Extensions"))
	case agreed != "" && !contains(protocols, agreed):
		return sdk.Faultf(sdk.Malformed, "the server chose the subprotocol %.80q, which was not offered", agreed)
	}
	c.tell("role", "client")
	c.tell("target", target)
	c.tell("protocol", agreed)
	return nil
}

// refusal says what a server answered in place of the handshake, with the beginning
// of its words.
func (c *conn) refusal(resp *http.Response) error {
	hint := ""
	switch code := resp.StatusCode; {
	case code == 400 || code == 426:
		hint = ": it does not take this handshake"
	case code == 401 || code == 403:
		hint = ": it wants proof of who you are: give header='Authorization: ...', or another origin"
	case code == 404:
		hint = ": give target=/PATH"
	case code >= 300 && code < 400:
		hint = fmt.Sprintf(": it is at %.200q", resp.Header.Get("Location"))
	case code == 200:
		hint = ": a web page is there; give target=/PATH"
	}
	words, _ := c.r.Peek(min(c.r.Buffered(), 200))
	if len(words) > 0 {
		hint += fmt.Sprintf(" (it says %q)", words)
	}
	return sdk.Faultf(sdk.Refused, "the server answers %.80q%s", resp.Status, hint)
}

// serve is the server's half (section 4.2).
func (c *conn) serve(sdk.LayerRequest) error {
	more, err := moreHeaders(c.settings["header"])
	if err != nil {
		return err
	}
	protocols, origin := list(c.settings["protocol"]), c.settings["origin"]
	if !tokens(protocols) {
		return sdk.Faultf(sdk.Usage, "protocol is a list of names without blanks, not %q", c.settings["protocol"])
	}
	head, err := readHead(c.r)
	if err != nil {
		return err
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return c.decline(400, "", "the client's request is no HTTP: %.80q", head)
	}
	h := req.Header
	key := h.Get("Sec-WebSocket-Key")
	nonce, err := base64.StdEncoding.DecodeString(key)
	switch {
	case req.Method != "GET" || !req.ProtoAtLeast(1, 1) || !has(h, "Upgrade", "websocket") || !has(h, "Connection", "upgrade"):
		return c.decline(426, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
			"the client asks for %.80q without a WebSocket", req.Method+" "+req.RequestURI)
	case h.Get("Sec-WebSocket-Version") != "13":
		return c.decline(426, "Sec-WebSocket-Version: 13\r\n", "the client speaks version %.20q, not 13", h.Get("Sec-WebSocket-Version"))
	case err != nil || len(nonce) != 16:
		return c.decline(400, "", "the client's key is no 16 bytes in base64: %.80q", key)
	case origin != "" && !strings.EqualFold(h.Get("Origin"), origin):
		return c.decline(403, "", "the client's origin is %.80q, not %s", h.Get("Origin"), origin)
	}
	agreed := ""
	offered := list(strings.Join(h.Values("Sec-WebSocket-Protocol"), ","))
	for _, p := range protocols {
		if contains(offered, p) {
			agreed = p
			more = "Sec-WebSocket-Protocol: " + p + "\r\n" + more
			break
		}
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		acceptKey(key) + "\r\n" + more + "\r\n"
	if _, err := io.WriteString(c.Below, answer); err != nil {
		return fmt.Errorf("answering the handshake: %w", err)
	}
	c.tell("role", "server")
	c.tell("target", bounded(req.RequestURI))
	c.tell("protocol", agreed)
	c.tell("origin", bounded(h.Get("Origin")))
	return nil
}

// decline answers with a status and is the error.
func (c *conn) decline(status int, more, format string, args ...any) error {
	fmt.Fprintf(c.Below, "HTTP/1.1 %d %s\r\n%sContent-Length: 0\r\n\r\n", status, http.StatusText(status), more)
	return sdk.Faultf(sdk.Refused, "%s; it was answered %d", fmt.Sprintf(format, args...), status)
}

func (c *conn) tell(name, value string) {
	if value != "" {
		c.told = append(c.told, sdk.Setting{Name: name, Value: value})
	}
}

func bounded(s string) string { return strings.ToValidUTF8(s[:min(len(s), 1024)], "\uFFFD") }

// readHead reads to the empty line, and no further.
func readHead(r *bufio.Reader) ([]byte, error) {
	var head []byte
	for begin := 0; ; {
		part, err := r.ReadSlice('\n')
		if len(head)+len(part) > longestHead {
			return nil, sdk.Faultf(sdk.Malformed, "the peer's half of the handshake is longer than 64 KiB")
		}
		head = append(head, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil, sdk.Faultf(sdk.Truncated, "the peer hung up in the handshake, after %.80q", head)
		case err != nil:
			return nil, fmt.Errorf("waiting for the peer's half of the handshake: %w", err)
		}
		if len(bytes.TrimRight(head[begin:], "\r\n")) == 0 && begin > 0 {
			return head, nil
		}
		if begin == 0 && !bytes.Contains(head, []byte("HTTP/")) {
			return nil, sdk.Faultf(sdk.Malformed, "the peer speaks no HTTP: it says %.80q", head)
		}
		begin = len(head)
	}
}

// hostHeader is the host that was opened, with a port that is no web server's own.
func hostHeader(req sdk.LayerRequest) string {
	host, port := req.Host, req.Remote.Port
	if host == "" {
		host = req.Remote.Host()
	}
	switch {
	case host == "":
		return "localhost"
	case port != 0 && port != 80 && port != 443:
		return net.JoinHostPort(host, strconv.Itoa(int(port)))
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	}
	return host
}

// moreHeaders checks the lines of option header; each ends in CRLF then.
func moreHeaders(text string) (string, error) {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !tokens([]string{name}) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return "", sdk.Faultf(sdk.Usage, "header is lines such as Authorization: Basic am9l, not %q", line)
		}
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Upgrade", "Connection", "Origin", "Content-Length", "Transfer-Encoding",
			"Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Accept", "Sec-Websocket-Protocol", "Sec-Websocket-Extensions":
			return "", sdk.Faultf(sdk.Usage, "the header %s is the handshake's own: there are options for what may be chosen", name)
		}
		b.WriteString(line + "\r\n")
	}
	return b.String(), nil
}

// has says whether a word stands in a header that is a list.
func has(h http.Header, name, word string) bool {
	for _, w := range list(strings.Join(h.Values(name), ",")) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

func contains(l []string, word string) bool {
	for _, w := range l {
		if w == word {
			return true
		}
	}
	return false
}

// list takes a list of words apart at its commas.
func list(s string) []string {
	var l []string
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.Trim(w, " \t"); w != "" {
			l = append(l, w)
		}
	}
	return l
}

// tokens says whether each is a token of RFC 9110, section 5.6.2.
func tokens(l []string) bool {
	for _, s := range l {
		if s == "" || strings.ContainsFunc(s, func(r rune) bool {
			return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
		}) {
			return false
		}
	}
	return true
}

// visible says that nothing in it can end or split a line.
func visible(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
