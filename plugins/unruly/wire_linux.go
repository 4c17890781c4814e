package unruly

import (
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/plugins/internal/wire/fdchan"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// onTheWire is what it does wrong beneath the sdk: open answers through gRPC, raw in
// HTTP/2's own words.
var onTheWire = []struct {
	name, does string
	open       func(request) (*pb.Opened, error)
	raw        func(*wild, http.ResponseWriter, *http.Request)
}{
	{"die-first", "dies as soon as it is called", gives(func(request) { die() }), nil},
	{"die-given", "dies when it has sent the descriptor and not answered", gives(func(r request) { r.give(); die() }), nil},
	{"die-answered", "dies as soon as it has answered", func(r request) (*pb.Opened, error) {
		r.give()
		time.AfterFunc(5*time.Millisecond, func() { os.Exit(0) })
		return &pb.Opened{Handle: 1}, nil
	}, nil},
	{"give-none", "answers without the descriptor", gives(func(request) {}), nil},
	{"give-late", "answers before it sends the descriptor", gives(func(r request) { time.AfterFunc(20*time.Millisecond, r.give) }), nil},
	{"give-other", "sends the descriptor of another call", gives(func(r request) { send(fdchan.Give, r.call+1000, nil, 1) }), nil},
	{"give-twice", "sends the descriptor twice", gives(func(r request) { r.give(); r.give() }), nil},
	{"give-250", "sends 250 descriptors in one message", gives(func(r request) { send(fdchan.Give, r.call, nil, 250) }), nil},
	{"give-empty", "promises a descriptor and sends none with it", gives(func(r request) { send(fdchan.Give, r.call, nil, 0) }), nil},
	{"give-mark", "sends a mark of 257 bytes", gives(func(r request) { send(fdchan.Give, r.call, make([]byte, 257), 1) }), nil},
	{"give-kind", "sends a message of an unknown kind", gives(func(r request) { send(9, r.call, nil, 1) }), nil},
	{"give-lend", "sends what only the host may send", gives(func(r request) { send(fdchan.Lend, r.call, nil, 1) }), nil},
	{"give-flood", "sends descriptors without end", gives(func(r request) {
		r.give()
		go func() {
			for n := uint64(1 << 40); send(fdchan.Give, n, nil, 1) == nil; n++ {
			}
		}()
	}), nil},
	{"parts", "answers with half a million empty parts", func(r request) (*pb.Opened, error) {
		r.give()
		report := make([]*pb.Syscall, 500_000)
		for i := range report {
			report[i] = &pb.Syscall{}
		}
		return &pb.Opened{Report: report}, nil
	}, nil},
	{"megabytes", "answers with 3 MiB", func(r request) (*pb.Opened, error) {
		r.give()
		return &pb.Opened{Mark: make([]byte, 3<<20)}, nil
	}, nil},
	{"half-message", "sends half of its answer, and no more", nil, func(_ *wild, rw http.ResponseWriter, r *http.Request) {
		rw.Write(append(prefix(100), "half"...))
		rw.(http.Flusher).Flush()
		hold(r)
	}},
	{"half-answer", "ends in the middle of its answer", nil, func(_ *wild, rw http.ResponseWriter, _ *http.Request) {
		rw.Write(append(prefix(100), "half"...))
		finish(rw, 0, "")
	}},
	{"two-gib", "answers with 2 GiB", nil, func(_ *wild, rw http.ResponseWriter, _ *http.Request) {
		rw.Write(prefix(1<<31 - 1))
		piece := make([]byte, 64<<10)
		for range 1 << 15 {
			if _, err := rw.Write(piece); err != nil {
				return
			}
		}
	}},
	{"two-answers", "answers twice", nil, func(_ *wild, rw http.ResponseWriter, _ *http.Request) {
		rw.Write(append(prefix(0), prefix(0)...))
		finish(rw, 0, "")
	}},
	{"no-answer", "ends the call without an answer", nil, func(_ *wild, rw http.ResponseWriter, _ *http.Request) { finish(rw, 0, "") }},
	{"no-message", "answers with what is no message", nil, func(_ *wild, rw http.ResponseWriter, _ *http.Request) {
		rw.Write(append(prefix(4), 0xff, 0xff, 0xff, 0xff))
		finish(rw, 0, "")
	}},
	{"status", "answers with an unknown status and what a terminal would obey", nil, func(_ *wild, rw http.ResponseWriter, _ *http.Request) {
		finish(rw, 99, "%1b]0;"+Forged+"%07%0a%e2%80%ae"+strings.Repeat("no ", 1000))
	}},
	{"headers", "answers with 1 MiB of headers", nil, func(_ *wild, rw http.ResponseWriter, _ *http.Request) {
		for i := range 16 {
			rw.Header().Set("X-"+string(rune('a'+i)), strings.Repeat("x", 64<<10))
		}
		rw.Write(prefix(0))
		finish(rw, 0, "")
	}},
	{"web", "answers as a web server does", nil, func(_ *wild, rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(http.StatusNotFound)
		io.WriteString(rw, "<h1>Not Found</h1>")
	}},
	{"drop", "closes the connection in the middle of a call", nil, func(w *wild, _ http.ResponseWriter, r *http.Request) { w.drop(); hold(r) }},
	{"pings", "floods the connection with pings, and does not answer", nil, func(w *wild, _ http.ResponseWriter, r *http.Request) {
		w.flood([]byte{0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	}},
	{"settings", "floods the connection with settings, and does not answer", nil, func(w *wild, _ http.ResponseWriter, r *http.Request) {
		w.flood([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0})
	}},
	{"garble", "sends garbage on the connection", nil, func(w *wild, _ http.ResponseWriter, r *http.Request) {
		w.flood([]byte("\xff\x00garbage\x00"))
	}},
}

func gives(f func(request)) func(request) (*pb.Opened, error) {
	return func(r request) (*pb.Opened, error) { f(r); return &pb.Opened{Handle: 1}, nil }
}

// rest is a body of which the beginning had been read.
type rest struct {
	io.Reader
	io.Closer
}
