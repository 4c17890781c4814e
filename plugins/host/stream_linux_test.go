package host_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

func TestCarriedSocketIsLostWithItsPluginAndNeverHangs(t *testing.T) {
	for _, full := range []bool{false, true} { // full: nobody reads what the plugin sends
		h, p := start(t, host.Stream, nil, tcp.New)
		l, a := listen(t, p)
		c := dial(t, a)
		readable(t, l.FD)
		k, err := p.Accept(t.Context(), lent(l))
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(k.FD)
		if full {
			unix.SetNonblock(c, true)
			piece := make([]byte, 64<<10)
			for {
				if _, err := unix.Write(c, piece); err == unix.EAGAIN {
					if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(c), Events: unix.POLLOUT}}, 100); n == 0 {
						break
					}
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		ends := make(chan error, 1)
		go func() { ends <- k.Carrier.End(ctx) }()
		begin := time.Now()
		signal(t, h.Plugins()[0].PID, syscall.SIGKILL)
		if err := <-ends; !errors.Is(err, socket.Lost) || time.Since(begin) > 2*time.Second {
			t.Errorf("End: %v after %v", err, time.Since(begin))
		}
		if err := l.Carrier.End(ctx); !errors.Is(err, socket.Lost) {
			t.Errorf("the listener's: %v", err)
		}
		if s := k.Carrier.Facts().State; s != "lost" {
			t.Errorf("state %q", s)
		}
		eventually(t, "the descriptor has ended", func() bool {
			b := make([]byte, 1<<20)
			n, _, err := unix.Recvfrom(k.FD, b, unix.MSG_DONTWAIT)
			return n == 0 && err == nil || err == unix.ECONNRESET
		})
		if _, err := p.Accept(t.Context(), lent(l)); !errors.Is(err, socket.Lost) {
			t.Errorf("accept: %v", err)
		}
		if _, _, err := p.Option(t.Context(), lent(k), nil, []string{"nodelay"}); !errors.Is(err, socket.Lost) {
			t.Errorf("option: %v", err)
		}
		open(t, p) // on a new plugin
		if s := h.Plugins()[0]; s.Starts != 2 {
			t.Errorf("%+v", s)
		}
	}
}

// The plugin that hangs in a call on such a socket has not gone by itself.
func TestHangLosesTheCarriedSocketAndSaysWhy(t *testing.T) {
	h, p := start(t, host.Stream, quick, tcp.New)
	k := open(t, p)
	signal(t, h.Plugins()[0].PID, syscall.SIGSTOP)
	_, err := p.Listen(t.Context(), lent(k), 1)
	var at *socket.Error
	if err == nil || err.Error() != "the tcp plugin: did not answer within 1s and was ended, and what it carried is lost" || !errors.Is(err, socket.Lost) || !errors.As(err, &at) || at.Hint != "the next command starts it again" {
		t.Errorf("%v", err)
	}
	if _, err = p.Listen(t.Context(), lent(k), 1); err == nil || err.Error() != "the socket is lost: the tcp plugin that carried it has gone" {
		t.Errorf("afterwards: %v", err)
	}
}

func TestClosingTheHostLosesCarriedSockets(t *testing.T) {
	h, p := start(t, host.Stream, nil, tcp.New)
	k := open(t, p)
	h.Close()
	if err := k.Carrier.End(t.Context()); !errors.Is(err, socket.Lost) {
		t.Errorf("got %v", err)
	}
}

func TestEndThatIsNotKnownInTimeIsLost(t *testing.T) {
	_, p := start(t, host.Stream, nil, tcp.New)
	k := open(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Carrier.End(ctx); !errors.Is(err, socket.Lost) {
		t.Errorf("got %v", err)
	}
}
