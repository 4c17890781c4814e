package proxy

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// longestHead bounds a proxy's answer in bytes.
const longestHead = 64 << 10

// connect asks for the target and reads the answer's head to its last byte. A 2xx
// answer has no body (RFC 9110, section 9.3.6): what follows is the target's.
func (c *conn) connect(r *bufio.Reader, o sdk.OptionValues) error {
	ask, err := request(o)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(c.Below, ask); err != nil {
		return fmt.Errorf("asking the proxy: %w", err)
	}
	for interim := 0; ; interim++ {
		head, err := readHead(r)
		if err != nil {
			return err
		}
		code, status, err := statusOf(head[0])
		switch {
		case err != nil:
			return err
		case code < 200 && code != 101 && interim < 10:
			continue // an interim answer: the real one follows
		case code < 200 || code > 299:
			return refusal(code, status, head[1:])
		}
		c.fact("target", o.Text("to"))
		c.fact("status", status)
		return nil
	}
}

func request(o sdk.OptionValues) (string, error) {
	to, user, password := o.Text("to"), o.Text("user"), o.Text("password")
	if to == "" {
		return "", sdk.Faultf(sdk.Usage, "whereto? give to=HOST:PORT, the target that the proxy is to connect to")
	}
	host, port, err := net.SplitHostPort(to)
	n, perr := strconv.ParseUint(port, 10, 16)
	if err != nil || perr != nil || n == 0 || host == "" || len(host) > 255 || !visible(host) {
		return "", sdk.Faultf(sdk.Usage, "to is HOST:PORT such as example.com:443, not %q", to)
	}
	if o.Given("password") && user == "" {
		return "", sdk.Faultf(sdk.Usage, "a password needs a user: give user=NAME password=WORD")
	}
	if strings.Contains(user, ":") || len(user)+len(password) > 4096 {
		return "", sdk.Faultf(sdk.Usage, "a user's name has no colon (RFC 7617), and with the password at most 4096 bytes")
	}
	ask := "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n"
	if user != "" {
		ask += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)) + "\r\n"
	}
	return ask + "\r\n", nil
}

// visible says that nothing in the name can end or split the request's line.
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`/\?#@`, r) })
}

// readHead reads lines to the empty one. The reader stands behind it then.
func readHead(r *bufio.Reader) ([]string, error) {
	var lines []string
	for total := 0; ; {
		var line []byte
		for {
			part, err := r.ReadSlice('\n')
			if total += len(part); total > longestHead {
				return nil, sdk.Faultf(sdk.Malformed, "the proxy's answer has a head of more than 64 KiB: is it an HTTP proxy?")
			}
			line = append(line, part...)
			if err == nil {
				break
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			return nil, hungUp(err)
		}
		text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		switch {
		case len(lines) == 0 && !strings.HasPrefix(text, "HTTP/1."):
			return nil, sdk.Faultf(sdk.Malformed, "the peer is no HTTP proxy: it says %.80q", text)
		case text == "":
			return lines, nil
		}
		lines = append(lines, text)
	}
}

func hungUp(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return sdk.Faultf(sdk.Truncated, "the peer hung up before the end of what stands before the stream")
	}
	return fmt.Errorf("waiting for what stands before the stream: %w", err)
}

// statusOf reads a status line; status is the code and the reason.
func statusOf(line string) (code int, status string, err error) {
	_, status, _ = strings.Cut(line, " ")
	digits, _, _ := strings.Cut(status, " ")
	code, err = strconv.Atoi(digits)
	if err != nil || len(digits) != 3 || code < 100 {
		return 0, "", sdk.Faultf(sdk.Malformed, "malformed answer of the proxy: %.80q", line)
	}
	return code, status, nil
}

func refusal(code int, status string, head []string) error {
	why := ""
	switch code {
	case 407:
		why = ": give user=NAME password=WORD"
		for _, h := range head {
			if name, value, _ := strings.Cut(h, ":"); strings.EqualFold(name, "Proxy-Authenticate") {
				why += fmt.Sprintf(" (it asks for %.200s)", strings.TrimSpace(value))
			}
		}
	case 403:
		why = ": its rules do not allow this target"
	case 502, 503, 504:
		why = ": it cannot reach the target"
	case 400, 405, 501:
		why = ": perhaps it is a web server, which is no proxy"
	}
	return sdk.Faultf(sdk.Refused, "the proxy answers %.200q%s", status, why)
}
