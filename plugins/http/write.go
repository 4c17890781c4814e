package http

import (
	"bytes"
	"strconv"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// chunkSizeSent is the size of the chunks that we send, in bytes.
const chunkSizeSent = 16 << 10

// WriteMessage implements sdk.MessageConn: it sends a request, or a response on the
// server's side. A message without a length gets one. What net/http would not read,
// and a length that is not the body's, is [sdk.Usage], and nothing of it is sent.
func (c *conn) WriteMessage(m sdk.Message) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	if c.isOver() {
		return usage("what follows is no HTTP: unwrap to go on")
	}
	method := c.answering()
	h, rest, err := c.check(m, method)
	if err != nil {
		return err
	}
	c.mu.Lock()
	chunks := m.Type == typeChunked || c.chunked && len(rest) > 0
	c.mu.Unlock()
	wire, err := onWire(h, rest, method, chunks, m.Data)
	if err != nil {
		return err
	}
	// Before it is sent: the response may be quick.
	if c.client {
		if err := c.asked(h.method); err != nil {
			return err
		}
	} else {
		c.answered(h, method)
	}
	_, err = c.Below.Write(wire)
	return err
}

// answering is the method of the request that a response is for; a client's own
// requests answer nothing.
func (c *conn) answering() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.client && len(c.unanswered) > 0 {
		return byteMethods[c.unanswered[0]]
	}
	return "GET"
}

// check reads a message that is to be sent.
func (c *conn) check(m sdk.Message, method string) (head, []byte, error) {
	raw, rest, ok := split(m.Data)
	switch {
	case !ok:
		return head{}, nil, usage("no HTTP message: there is no empty line after the header of %.80q; send FIELD=VALUE... makes one", m.Data)
	case len(raw) > longestHead:
		return head{}, nil, usage("a head of %d bytes: 1 MiB is the most", len(raw))
	}
	h, err := parseHead(raw, method)
	switch {
	case err != nil:
		return h, nil, usage("no HTTP message: %v: %.80q", err, raw)
	case h.response && c.client:
		return h, nil, usage("this side is the client's: it sends requests, not %.80q", raw)
	case !h.response && !c.client:
		return h, nil, usage("this side is the server's: it sends responses, not %.80q", raw)
	case m.Type > typeChunked:
		return h, nil, usage("a message's type is 0, or 1 to send the body in chunks, not %d", m.Type)
	}
	return h, rest, nil
}

// onWire is a message as it is sent. data is the message as it was given, for those
// that are sent as they are.
func onWire(h head, rest []byte, method string, chunks bool, data []byte) ([]byte, error) {
	switch {
	case method == "HEAD" && !h.bodyless("GET") && !h.chunked && len(rest) > 0:
		// The head that GET would have, without its body (RFC 9110, section 9.3.2).
		if !h.declared {
			return h.with(lengthLine(len(rest))), nil
		}
		if h.length != int64(len(rest)) {
			return nil, usage("Content-Length says %d, and the body has %d bytes", h.length, len(rest))
		}
		return data[:len(data)-len(rest)], nil
	case h.bodyless(method):
		if len(rest) > 0 {
			return nil, usage("a response like this one has no body, and %d bytes follow its head", len(rest))
		}
		return data, nil
	case h.chunked:
		if _, _, err := dechunk(rest); err != nil {
			return nil, usage("the header says chunked, and the body is not: %v", err)
		}
		return data, nil
	}
	body, trailer := rest, []byte(nil)
	if h.declared {
		if h.length > int64(len(rest)) || h.length < int64(len(rest)) && !chunks {
			return nil, usage("Content-Length says %d, and the body has %d bytes", h.length, len(rest))
		}
		body, trailer = rest[:h.length], rest[h.length:]
	}
	if err := checkEnd(trailer); err != nil {
		return nil, err
	}
	switch {
	case chunks && h.version == "1.0":
		return nil, usage("HTTP/1.0 knows no chunks")
	case chunks:
		return inChunks(h.with(chunkedLine), body, trailer), nil
	case h.declared || len(body) == 0 && !h.response && h.method != "POST" && h.method != "PUT" && h.method != "PATCH":
		return data, nil
	}
	return append(h.with(lengthLine(len(body))), body...), nil
}

// checkEnd refuses a trailer that is none: lines, and an empty one.
func checkEnd(trailer []byte) error {
	if len(trailer) == 0 {
		return nil
	}
	raw, rest, ok := split(trailer)
	if !ok || len(rest) > 0 {
		return usage("%d bytes stand after the body, and they are no trailer", len(trailer))
	}
	if err := checkTrailer(bytes.TrimRight(raw, "\r\n")); err != nil {
		return usage("the trailer is malformed: %v", err)
	}
	return nil
}

func inChunks(wire, body, trailer []byte) []byte {
	for len(body) > 0 {
		n := min(len(body), chunkSizeSent)
		wire = append(strconv.AppendUint(wire, uint64(n), 16), "\r\n"...)
		wire = append(append(wire, body[:n]...), "\r\n"...)
		body = body[n:]
	}
	wire = append(wire, "0\r\n"...)
	if len(trailer) == 0 {
		trailer = []byte("\r\n")
	}
	return append(wire, trailer...)
}
