package http

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Decode implements sdk.Decoder.
func (layer) Decode(_ context.Context, _ sdk.Mark, messages []sdk.Message) ([][]sdk.Setting, error) {
	out := make([][]sdk.Setting, len(messages))
	for i, m := range messages {
		out[i] = decode(m)
	}
	return out, nil
}

func decode(m sdk.Message) []sdk.Setting {
	raw, rest, ok := split(m.Data)
	if !ok {
		return []sdk.Setting{{Name: "error", Value: fmt.Sprintf("there is no empty line after the header of %.80q", m.Data)}}
	}
	// As if for GET: that a response to HEAD has no body is not told here.
	h, err := parseHead(raw, "GET")
	if err != nil {
		return []sdk.Setting{{Name: "error", Value: err.Error()}, {Name: "headers", Value: string(raw)}}
	}
	var f []sdk.Setting
	add := func(name, value string) { f = append(f, sdk.Setting{Name: name, Value: value}) }
	if h.response {
		add("status", strconv.Itoa(h.status))
		add("reason", h.reason)
	} else {
		add("method", h.method)
		add("target", h.target)
	}
	add("version", h.version)
	if h.host != "" {
		add("host", h.host)
	}
	_, block, _ := strings.Cut(string(raw), "\n")
	f = append(f, joined("header.", block)...)
	add("headers", strings.TrimSuffix(strings.TrimSuffix(block, "\n"), "\r"))
	body, trailer, err := parts(h, rest)
	chunked := "off"
	if m.Type == typeChunked || h.chunked {
		chunked = "on"
	}
	add("chunked", chunked)
	add("body", string(body))
	f = append(f, joined("trailer.", string(trailer))...)
	if err != nil {
		add("error", err.Error())
	}
	return f
}

// parts are the body and the trailer.
func parts(h head, rest []byte) (body, trailer []byte, err error) {
	switch {
	case h.bodyless("GET"):
		return rest, nil, nil
	case h.chunked: // one that was made by hand, and is not sent yet
		if body, trailer, err = dechunk(rest); err != nil {
			return rest, nil, err
		}
		return body, trailer, nil
	case !h.declared || h.length == int64(len(rest)) || len(rest) == 0:
		return rest, nil, nil
	case h.length > int64(len(rest)) || h.length < 0:
		return rest, nil, fmt.Errorf("the body has %d bytes of %d", len(rest), h.length)
	}
	body, trailer = rest[:h.length], rest[h.length:]
	return body, trailer, checkEnd(trailer)
}

// joined are the lines as fields, by name in lower case, those of one name joined.
func joined(prefix, block string) []sdk.Setting {
	var order []string
	values := map[string][]string{}
	for name, value := range lines([]byte(block)) {
		name = strings.ToLower(name)
		if values[name] == nil {
			order = append(order, name)
		}
		values[name] = append(values[name], value)
	}
	out := make([]sdk.Setting, len(order))
	for i, name := range order {
		out[i] = sdk.Setting{Name: prefix + name, Value: strings.Join(values[name], ", ")}
	}
	return out
}
