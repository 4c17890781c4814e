package http

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	nethttp "net/http"
	"strconv"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// head is a message's head as it stands, with what net/http reads in it.
type head struct {
	raw      []byte // to the empty line's end
	response bool
	status   int    // of a response
	reason   string // of a response
	method   string // of a request
	target   string // of a request
	version  string // 1.0 or 1.1
	length   int64  // of the body as declared; -1 where it is not
	declared bool   // there is a Content-Length
	chunked  bool
	closes   bool // the sender closes the connection after this message
	header   nethttp.Header
	host     string
}

// parseHead reads a head. The method is that of the request that a response answers.
// net/http decides what is well formed, and how long the body is.
func parseHead(raw []byte, method string) (head, error) {
	h := head{raw: raw, response: bytes.HasPrefix(raw, []byte("HTTP/"))}
	r := bufio.NewReader(bytes.NewReader(raw))
	if h.response {
		resp, err := nethttp.ReadResponse(r, &nethttp.Request{Method: method})
		if err != nil {
			return h, malformed(err)
		}
		h.status, h.header, h.closes, h.length = resp.StatusCode, resp.Header, resp.Close, resp.ContentLength
		_, h.reason, _ = strings.Cut(resp.Status, " ")
		h.chunked = len(resp.TransferEncoding) > 0
		h.version = strconv.Itoa(resp.ProtoMajor) + "." + strconv.Itoa(resp.ProtoMinor)
	} else {
		req, err := nethttp.ReadRequest(r)
		if err != nil {
			return h, malformed(err)
		}
		h.method, h.target, h.header, h.closes, h.length = req.Method, req.RequestURI, req.Header, req.Close, req.ContentLength
		h.host = req.Host
		h.chunked = len(req.TransferEncoding) > 0
		h.version = strconv.Itoa(req.ProtoMajor) + "." + strconv.Itoa(req.ProtoMinor)
	}
	if h.response && h.status < 100 {
		return h, fmt.Errorf("status %d", h.status)
	}
	if h.version != "1.0" && h.version != "1.1" {
		return h, fmt.Errorf("version %s is not 1.0 or 1.1", h.version)
	}
	for name := range lines(raw) {
		h.declared = h.declared || strings.EqualFold(name, "Content-Length")
	}
	if h.chunked {
		h.length = -1
	}
	return h, nil
}

// malformed is net/http's error without what it says of the place: of a head that
// is all here, an end is one too.
func malformed(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("there is no empty line after the header")
	}
	return fmt.Errorf("%s", strings.TrimPrefix(strings.TrimPrefix(err.Error(), "net/http: "), "http: "))
}

// bodyless says whether a response has no body whatever its header says (RFC 9110,
// section 6.4.1). The method is that of its request.
func (h head) bodyless(method string) bool {
	return h.response && (h.status < 200 || h.status == 204 || h.status == 304 || method == "HEAD" || h.switches(method))
}

// switches says whether what follows a response is no HTTP.
func (h head) switches(method string) bool {
	return h.status == 101 || method == "CONNECT" && h.status/100 == 2
}

// split takes a message's data apart behind the empty line.
func split(data []byte) (raw, rest []byte, ok bool) {
	for at := 0; at < len(data); {
		n := bytes.IndexByte(data[at:], '\n')
		if n < 0 {
			break
		}
		line := data[at : at+n]
		if at += n + 1; len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			return data[:at], data[at:], at > n+1 // an empty line alone is no head
		}
	}
	return nil, nil, false
}

// lines ranges over the header's lines, or a trailer's: name and value. A line that
// goes on in the next is one (RFC 9112, section 5.2).
func lines(raw []byte) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		name, values := "", []string(nil)
		for line := range strings.Lines(string(raw)) {
			line = strings.TrimRight(line, "\r\n")
			if line != "" && (line[0] == ' ' || line[0] == '\t') {
				values = append(values, strings.Trim(line, " \t"))
				continue
			}
			if name != "" && !yield(name, strings.Join(values, " ")) {
				return
			}
			n, v, ok := strings.Cut(line, ":")
			if !ok || strings.ContainsAny(n, " \t") { // the first line, and the empty one
				n = ""
			}
			name, values = n, append(values[:0], strings.Trim(v, " \t"))
		}
		if name != "" {
			yield(name, strings.Join(values, " "))
		}
	}
}

// with is the head without the lines that say how long the body is, and with the
// given one.
func (h head) with(line string) []byte {
	out := make([]byte, 0, len(h.raw)+len(line))
	drop := false
	for l := range bytes.Lines(h.raw) {
		name, _, _ := bytes.Cut(l, []byte(":"))
		switch {
		case len(bytes.TrimRight(l, "\r\n")) == 0:
			return append(append(out, line...), l...)
		case l[0] != ' ' && l[0] != '\t':
			drop = len(out) > 0 && (strings.EqualFold(string(name), "Transfer-Encoding") || strings.EqualFold(string(name), "Content-Length"))
		}
		if !drop {
			out = append(out, l...)
		}
	}
	return out
}

func lengthLine(n int) string { return "Content-Length: " + strconv.Itoa(n) + "\r\n" }

// chunkedLine says that the body comes in chunks.
const chunkedLine = "Transfer-Encoding: chunked\r\n"

// dechunk takes a body in chunks that is all of b apart (RFC 9112, section 7.1). The
// trailer is as it stands, without the empty line.
func dechunk(b []byte) (body, trailer []byte, err error) {
	for {
		n := bytes.IndexByte(b, '\n')
		if n < 0 {
			return nil, nil, fmt.Errorf("a body in chunks ends without its last chunk")
		}
		size, err := chunkSize(b[:n+1])
		if err != nil {
			return nil, nil, err
		}
		b = b[n+1:]
		if size == 0 {
			break
		}
		if size > len(b) {
			return nil, nil, fmt.Errorf("a chunk of %d bytes has %d", size, len(b))
		}
		body, b = append(body, b[:size]...), b[size:]
		switch {
		case bytes.HasPrefix(b, []byte("\r\n")):
			b = b[2:]
		default:
			return nil, nil, fmt.Errorf("a chunk is longer than it says")
		}
	}
	if bytes.Equal(b, []byte("\r\n")) || bytes.Equal(b, []byte("\n")) {
		return body, nil, nil
	}
	raw, rest, ok := split(b)
	if !ok || len(rest) > 0 {
		return nil, nil, fmt.Errorf("bytes stand after the last chunk, and they are no trailer")
	}
	trailer = bytes.TrimRight(raw, "\r\n")
	if err := checkTrailer(trailer); err != nil {
		return nil, nil, err
	}
	return body, append(trailer[:len(trailer):len(trailer)], "\r\n"...), nil
}

// longestSize is the length in digits of the greatest chunk's size.
const longestSize = 8

func chunkSize(line []byte) (int, error) {
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok || bytes.IndexByte(line, '\r') >= 0 { // others may see another end of the line: a way to smuggle
		return 0, fmt.Errorf("a chunk's first line does not end in CRLF")
	}
	digits, _, _ := bytes.Cut(line, []byte(";"))
	digits = bytes.Trim(digits, " \t")
	if len(digits) == 0 || bytes.ContainsFunc(digits, func(r rune) bool {
		return !strings.ContainsRune("0123456789abcdefABCDEF", r)
	}) {
		return 0, fmt.Errorf("a chunk begins with %.20q, which is no size", line)
	}
	digits = bytes.TrimLeft(digits, "0")
	if len(digits) > longestSize {
		return 0, fmt.Errorf("a chunk of the size %.20q", line)
	}
	n, _ := strconv.ParseUint("0"+string(digits), 16, 63)
	return int(n), nil
}

// checkTrailer refuses lines that are no header's.
func checkTrailer(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if !bytes.HasSuffix(b, []byte("\n")) {
		b = append(b[:len(b):len(b)], "\r\n"...)
	}
	fake := append([]byte("HTTP/1.1 200 OK\r\n"), b...)
	resp, err := nethttp.ReadResponse(bufio.NewReader(bytes.NewReader(append(fake, "\r\n"...))), nil)
	if err != nil {
		return malformed(err)
	}
	for _, name := range []string{"Content-Length", "Transfer-Encoding", "Trailer"} {
		if resp.Header.Get(name) != "" || name != "Trailer" && len(resp.TransferEncoding) > 0 {
			return fmt.Errorf("%s stands in a trailer", name)
		}
	}
	return nil
}

func usage(format string, args ...any) error { return sdk.Faultf(sdk.Usage, format, args...) }
