package http

import (
	"context"
	nethttp "net/http"
	"strconv"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

var fields = []sdk.Field{
	{Name: "status", Type: sdk.IntField, Help: "status code of a response; a message with one is a response", Default: ""},
	{Name: "reason", Type: sdk.TextField, Help: "words after the status code; those of RFC 9110 by default"},
	{Name: "method", Type: sdk.TextField, Default: "GET", Help: "method of a request"},
	{Name: "target", Type: sdk.TextField, Default: "/", Help: "what a request asks for: a path and query, mostly"},
	{Name: "version", Type: sdk.TextField, Default: "1.1", Help: "1.1 or 1.0"},
	{Name: "host", Type: sdk.TextField, Help: "the Host header of a request; the host that was opened by default"},
	{Name: "header.*", Type: sdk.TextField, Help: "one header, in either case when written, in lower case when read; several of one name are joined by a comma"},
	{Name: "headers", Type: sdk.TextField, Help: "header lines as they stand; read: all of them"},
	{Name: "chunked", Type: sdk.BoolField, Default: "off", Help: "the body is sent, or came, in chunks"},
	{Name: "body", Type: sdk.BytesField, Help: "the body; its length is declared automatically"},
	{Name: "trailer.*", Type: sdk.TextField, Help: "one header after a body in chunks"},
	{Name: "error", Type: sdk.TextField, Decoded: true, Help: "what is malformed in the message"},
}

// draft is a message in the making.
type draft struct {
	status, reason, method, target, version string
	host                                    string
	headers, trailers                       strings.Builder
	body                                    string
	chunked                                 bool
	has                                     map[string]bool // headers that were given, in lower case
}

// Encode implements sdk.Encoder. Without status it is a request, unless the mark
// says that we are the server and no method or target was given: then it is a
// response with the status 200.
func (layer) Encode(_ context.Context, mark sdk.Mark, set []sdk.Setting) (sdk.Message, error) {
	d := draft{version: "1.1", has: map[string]bool{}}
	for _, s := range set {
		if err := d.set(s.Name, s.Value); err != nil {
			return sdk.Message{}, err
		}
	}
	if d.status == "" && d.method == "" && d.target == "" && len(mark) > 0 && mark[0] == 's' {
		d.status = "200"
	}
	first, err := d.firstLine(mark)
	if err != nil {
		return sdk.Message{}, err
	}
	m := sdk.Message{Data: []byte(first + d.headers.String())}
	if d.chunked || d.trailers.Len() > 0 {
		m.Type = typeChunked
	}
	if !d.has["content-length"] && !d.has["transfer-encoding"] && d.declares() {
		m.Data = append(m.Data, lengthLine(len(d.body))...)
	}
	m.Data = append(append(m.Data, "\r\n"...), d.body...)
	if d.trailers.Len() > 0 {
		m.Data = append(append(m.Data, d.trailers.String()...), "\r\n"...)
	}
	raw, rest, _ := split(m.Data)
	h, err := parseHead(raw, "GET")
	if err != nil {
		return sdk.Message{}, usage("these fields make no HTTP message: %v", err)
	}
	if len(raw) > longestHead || len(rest) > maxLimit {
		return sdk.Message{}, usage("a head of %d bytes and a body of %d: 1 MiB and 60 MiB are the most", len(raw), len(rest))
	}
	// A response to HEAD may declare a body that it has not: the fields do not tell.
	if len(rest) > 0 || !h.response {
		if _, err := onWire(h, rest, "GET", m.Type == typeChunked, m.Data); err != nil {
			return sdk.Message{}, err
		}
	}
	return m, nil
}

func (d *draft) set(name, value string) error {
	lower := strings.ToLower(name)
	switch {
	case strings.HasPrefix(lower, "header."):
		return d.line(&d.headers, nethttp.CanonicalHeaderKey(name[len("header."):]), value)
	case strings.HasPrefix(lower, "trailer."):
		return d.line(&d.trailers, nethttp.CanonicalHeaderKey(name[len("trailer."):]), value)
	}
	switch name {
	case "status":
		if n, err := strconv.ParseUint(value, 0, 16); err != nil || n < 100 || n > 999 {
			return usage("status is a number from 100 to 999, not %q", value)
		} else {
			d.status = strconv.FormatUint(n, 10)
		}
	case "reason":
		if strings.ContainsAny(value, "\r\n\x00") {
			return usage("reason is one line, not %q", value)
		}
		d.reason = value
	case "method":
		if !token(value) {
			return usage("method is a word such as GET, not %q", value)
		}
		d.method = value
	case "target":
		if !visible(value) {
			return usage("target has no blanks and no control characters: write %%20 for a blank, not %q", value)
		}
		d.target = value
	case "version":
		if d.version = strings.TrimPrefix(value, "HTTP/"); d.version != "1.0" && d.version != "1.1" {
			return usage("version is 1.0 or 1.1, not %q", value)
		}
	case "host":
		if !visible(value) {
			return usage("host is a name such as example.com:8080, not %q", value)
		}
		d.host = value
	case "headers":
		return d.block(value)
	case "chunked":
		if value != "on" && value != "off" {
			return usage("chunked is on or off, not %q", value)
		}
		d.chunked = value == "on"
	case "body":
		d.body = value
	default:
		return usage("no field is named %q that can be written", name)
	}
	return nil
}

// line adds a header line. Nothing in it may begin another.
func (d *draft) line(to *strings.Builder, name, value string) error {
	if !token(name) {
		return usage("%q is no name of a header", name)
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return usage("the value of %s is one line, not %q", name, value)
	}
	if to == &d.headers {
		d.has[strings.ToLower(name)] = true
	}
	to.WriteString(name + ": " + value + "\r\n")
	return nil
}

// block adds header lines as they stand.
func (d *draft) block(text string) error {
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		if l == "" {
			continue
		}
		name, _, ok := strings.Cut(l, ":")
		if (!ok || !token(name)) && !strings.HasPrefix(l, " ") && !strings.HasPrefix(l, "\t") || strings.ContainsAny(l, "\r\x00") {
			return usage("headers are lines such as Accept: */*, not %q", l)
		}
		d.has[strings.ToLower(name)] = true
		d.headers.WriteString(l + "\r\n")
	}
	return nil
}

// firstLine is the request's or the status line, and the Host header of a request.
func (d *draft) firstLine(mark sdk.Mark) (string, error) {
	if d.status != "" {
		if d.method != "" || d.target != "" || d.host != "" {
			return "", usage("a message with a status is a response, which has no method, target or host")
		}
		reason := d.reason
		if n, _ := strconv.Atoi(d.status); reason == "" {
			reason = nethttp.StatusText(n)
		}
		return "HTTP/" + d.version + " " + d.status + " " + reason + "\r\n", nil
	}
	if d.reason != "" {
		return "", usage("a reason needs a status: give status=CODE")
	}
	if d.method == "" {
		d.method = "GET"
	}
	if d.target == "" {
		d.target = "/"
	}
	first := d.method + " " + d.target + " HTTP/" + d.version + "\r\n"
	switch {
	case d.has["host"] && d.host != "":
		return "", usage("host and header.host are one: give one of them")
	case d.has["host"]:
	case d.host != "":
		first += "Host: " + d.host + "\r\n"
	case d.method == "CONNECT": // the target is an authority, and its own host
		first += "Host: " + d.target + "\r\n"
	case len(mark) > 1 && mark[0] == 'c':
		first += "Host: " + string(mark[1:]) + "\r\n"
	default:
		first += "Host: localhost\r\n"
	}
	return first, nil
}

// declares says whether the message gets a Content-Length (RFC 9110, section 8.6).
func (d *draft) declares() bool {
	if d.status != "" {
		return d.status[0] != '1' && d.status != "204" && d.status != "304"
	}
	return d.body != "" || d.chunked || d.trailers.Len() > 0 || d.method == "POST" || d.method == "PUT" || d.method == "PATCH"
}

// token says whether it is one of RFC 9110, section 5.6.2.
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
