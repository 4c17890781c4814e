// Command sosh-plugin-shout connects people in halls, where all is said in capitals: a
// dialer that is dialled, too, with addresses that are any word. Nobody outside of its
// process can enter.
//
//	open shout --listen market -n l; open shout market times=2 -n c
//	accept l -n s; send c hi; expect s HIHI
package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"syscall"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

type shout struct {
	mu    sync.Mutex
	halls map[string]*hall
}

func (*shout) Describe() sdk.Description {
	return sdk.Description{Name: "shout", Synopsis: "halls where all is said in capitals", Version: "1",
		Options: []sdk.Option{{Name: "times", Type: sdk.IntOption, Default: "1", Help: "how often we say it (1 to 9)"}}}
}

func (s *shout) Dial(ctx context.Context, req sdk.DialRequest) (net.Conn, error) {
	times := req.Options.Int("times")
	if times < 1 || times > 9 {
		return nil, sdk.Faultf(sdk.Usage, "times is 1 to 9, not %d", times)
	}
	s.mu.Lock()
	h := s.halls[req.Address]
	s.mu.Unlock()
	if h == nil {
		return nil, fmt.Errorf("nobody is in %s: %w", req.Address, syscall.ECONNREFUSED)
	}
	ours, theirs := net.Pipe()
	select {
	case h.callers <- voice{theirs, h, 1}:
		return voice{ours, h, int(times)}, nil
	case <-h.closed:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *shout) Listen(_ context.Context, req sdk.DialRequest) (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.halls[req.Address] != nil {
		return nil, syscall.EADDRINUSE
	}
	h := &hall{name: req.Address, in: s, callers: make(chan net.Conn), closed: make(chan struct{})}
	s.halls[req.Address] = h
	return h, nil
}

// hall is a net.Listener, and the address of all who are in it.
type hall struct {
	name    string
	in      *shout
	callers chan net.Conn
	closed  chan struct{}
}

func (h *hall) Accept() (net.Conn, error) {
	select {
	case c := <-h.callers:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *hall) Close() error {
	h.in.mu.Lock()
	defer h.in.mu.Unlock()
	if h.in.halls[h.name] == h {
		delete(h.in.halls, h.name)
		close(h.closed)
	}
	return nil
}

func (h *hall) Addr() net.Addr  { return h }
func (h *hall) Network() string { return "hall" }
func (h *hall) String() string  { return h.name }

// voice is one end of a talk.
type voice struct {
	net.Conn
	hall  *hall
	times int
}

func (v voice) LocalAddr() net.Addr  { return v.hall }
func (v voice) RemoteAddr() net.Addr { return v.hall }

func (v voice) Write(p []byte) (int, error) {
	if _, err := v.Conn.Write(bytes.Repeat(bytes.ToUpper(p), v.times)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func newShout() sdk.Protocol { return sdk.NewDialer(&shout{halls: map[string]*hall{}}) }

func main() { sdk.Serve(newShout()) }
