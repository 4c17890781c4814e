package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tcp"
	"github.com/sosh-shell/sosh/plugins/unruly"
)

func marked(h socket.Handle, how string) socket.Lent {
	return socket.Lent{FD: h.FD, Mark: socket.Mark(how)}
}

func TestAnswersBeyondAllBoundsAreBreaches(t *testing.T) {
	for how, want := range map[string]string{
		"huge":       "larger than max",
		"undeclared": `decoded the field "PATH", which it does not declare, and was ended`,
		"many":       "more than 65536 parts in one message",
		"fewer":      "decoded 0 messages of 1, and was ended",
	} {
		t.Run(how, func(t *testing.T) {
			// A million takes its time to be made.
			h, p, beside := mixed(t, host.Descriptors, func(c *host.Config) { c.CallTimeout = 30 * time.Second }, unruly.New)
			k := open(t, p)
			pid := stateOf(t, h, unruly.Name).PID
			var err error
			if how == "huge" {
				_, _, err = p.Option(t.Context(), marked(k, how), nil, nil)
			} else {
				_, err = p.Decode(t.Context(), socket.Mark(how), []socket.Message{{Data: []byte("x")}})
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
			presentable(t, err)
			eventually(t, "it is ended", func() bool { return gone(pid) })
			beside.unharmed()
			if fields, err := p.Decode(t.Context(), nil, []socket.Message{{Data: []byte("x")}}); err != nil || len(fields) != 1 {
				t.Errorf("the next call: %v, %v", fields, err)
			}
		})
	}
}

func TestNonsensicalAddressesAreABreach(t *testing.T) {
	for text, want := range map[string]string{"many": "larger than max", "none": "no address and no error, and was ended"} {
		t.Run(text, func(t *testing.T) {
			h, p, beside := mixed(t, host.Descriptors, nil, unruly.New)
			open(t, p)
			pid := stateOf(t, h, unruly.Name).PID
			_, err := p.Resolve(t.Context(), socket.ResolveRequest{Text: text})
			matches(t, "resolve", err, want)
			presentable(t, err)
			eventually(t, "it is ended", func() bool { return gone(pid) })
			beside.unharmed()
		})
	}
}

// What is too large to send is the caller's doing, and costs no plugin its life.
func TestTooLargeARequestIsNoFaultOfThePlugin(t *testing.T) {
	value := strings.Repeat("x", 16<<20) // the test's own memory, and not what the host grows by
	h, p, _ := mixed(t, host.Descriptors, nil, unruly.New)
	k := open(t, p)
	pid := stateOf(t, h, unruly.Name).PID
	_, _, err := p.Option(t.Context(), lent(k), []socket.Setting{{Name: "do", Value: value}}, nil)
	if !errors.Is(err, socket.Usage) || stateOf(t, h, unruly.Name).PID != pid {
		t.Errorf("got %v, %+v", err, stateOf(t, h, unruly.Name))
	}
}

func TestBorrowedSocketsOutliveWhatIsDoneToThem(t *testing.T) {
	for _, how := range []string{"block", "keep", "steal"} {
		t.Run(how, func(t *testing.T) {
			_, p, beside := mixed(t, host.Descriptors, nil, unruly.New)
			l, addr := listen(t, p)
			c := dial(t, addr)
			readable(t, l.FD)
			k, err := p.Accept(t.Context(), lent(l))
			must(t, err)
			t.Cleanup(func() { unix.Close(k.FD) })
			for range 3 {
				if _, _, err := p.Option(t.Context(), marked(k, how), nil, nil); err != nil {
					t.Fatal(err)
				}
				// It is non-blocking whenever the core looks, and so is every read and write.
				if n, _, err := unix.Recvfrom(k.FD, make([]byte, 1), unix.MSG_DONTWAIT); err != unix.EAGAIN {
					t.Errorf("read %d, %v", n, err)
				}
				talk(t, c, k.FD)
				talk(t, k.FD, c)
			}
			beside.unharmed()
		})
	}
}

func TestUnrulyCommandsEnd(t *testing.T) {
	run := func(p socket.Complete, how string, interrupt <-chan struct{}, out func(socket.Row) error) error {
		return p.Run(context.Background(), socket.RunRequest{Command: "unruly-run", Args: []string{how}, Interrupt: interrupt}, out)
	}
	t.Run("endless", func(t *testing.T) {
		h, p, beside := mixed(t, host.Descriptors, nil, unruly.New)
		pressed := make(chan struct{})
		err := run(p, "endless", pressed, func(socket.Row) error { close(pressed); return nil })
		if !errors.Is(err, socket.Interrupted) {
			t.Errorf("got %v", err)
		}
		eventually(t, "it is ended, as it may never end", func() bool { return stateOf(t, h, unruly.Name).PID == 0 })
		if s := stateOf(t, h, unruly.Name); s.State != "idle" {
			t.Errorf("a plugin that was slow to heed an interrupt is %+v", s)
		}
		beside.unharmed()
	})
	t.Run("endless beside another", func(t *testing.T) {
		h, p, _ := mixed(t, host.Descriptors, nil, unruly.New)
		begun, pressed := make(chan struct{}), make(chan struct{})
		other := make(chan error, 1)
		go func() { other <- run(p, "endless", pressed, func(socket.Row) error { close(begun); return nil }) }()
		<-begun
		pid := stateOf(t, h, unruly.Name).PID
		first := make(chan struct{})
		if err := run(p, "endless", first, func(socket.Row) error { close(first); return nil }); !errors.Is(err, socket.Interrupted) {
			t.Errorf("got %v", err)
		}
		if s := stateOf(t, h, unruly.Name); s.PID != pid {
			t.Errorf("another's command was ended with it: %+v", s)
		}
		close(pressed)
		<-other
	})
	t.Run("flood", func(t *testing.T) {
		_, p, beside := mixed(t, host.Descriptors, nil, unruly.New)
		full := errors.New("enough")
		rows := 0
		err := run(p, "flood", nil, func(socket.Row) error {
			if rows++; rows == 10_000 {
				return full
			}
			return nil
		})
		if !errors.Is(err, full) {
			t.Errorf("got %v after %d rows", err, rows)
		}
		beside.unharmed()
	})
	t.Run("dies", func(t *testing.T) {
		_, p, beside := mixed(t, host.Descriptors, nil, unruly.New)
		rows := 0
		err := run(p, "dies", nil, func(socket.Row) error { rows++; return nil })
		if !errors.Is(err, socket.Failed) || rows > 1 {
			t.Errorf("got %v after %d rows", err, rows)
		}
		beside.unharmed()
	})
	t.Run("huge", func(t *testing.T) {
		h, p, beside := mixed(t, host.Descriptors, nil, unruly.New)
		pid := 0
		err := run(p, "huge", nil, func(socket.Row) error { pid = stateOf(t, h, unruly.Name).PID; return nil })
		if !errors.Is(err, socket.Failed) || !strings.Contains(err.Error(), "larger than max") {
			t.Errorf("got %v", err)
		}
		eventually(t, "it is ended", func() bool { return gone(pid) })
		beside.unharmed()
	})
}

// A socket that the plugin carries, and words without end: they cost little, and the
// socket can be closed.
func TestFloodOfWordsIsHeldBack(t *testing.T) {
	h, p, _ := mixed(t, host.Stream, nil, unruly.Wild)
	k, err := p.Open(t.Context(), socket.OpenRequest{})
	must(t, err)
	t.Cleanup(func() { unix.Close(k.FD) })
	eventually(t, "some have come", func() bool { return k.Carrier.Facts().State == "open" })
	pid := stateOf(t, h, unruly.WildName).PID
	before, begin := written(t, pid), time.Now()
	for range 50 {
		unix.Poll(nil, 10) // the absence of work has no event
	}
	// Held back, a second has 256 KiB; unheld, all that a processor can make.
	n, took := written(t, pid)-before, time.Since(begin)
	if most := 512<<10 + int64(took.Seconds()*3*256*1024); n > most { // with what frames the words
		t.Errorf("%d bytes in %v, more than %d", n, took, most)
	}
	t.Logf("%d bytes in %v", n, took)
	h.Close()
}

// written is how many bytes a process has given to write(2) and its like, by proc_pid_io(5).
func written(t *testing.T, pid int) (n int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	must(t, err)
	_, words, _ := strings.Cut(string(text), "wchar: ")
	if _, err := fmt.Sscan(words, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// layered is a tcp connection in a table, and the peer's descriptor.
func layered(t *testing.T, h *host.Host) (*table.Table, *table.Socket, int) {
	t.Helper()
	tab := table.New(h)
	t.Cleanup(func() { tab.Close() })
	l, err := tab.Open(t.Context(), table.Spec{Protocol: "tcp", Listen: "127.0.0.1:0"})
	must(t, err)
	f, _ := l.Facts()
	peer := dial(t, f.Local)
	s, err := l.Accept(t.Context(), "")
	must(t, err)
	return tab, s, peer
}

func TestUnrulyLayersHarmNoOtherSocket(t *testing.T) {
	for how, want := range map[string]struct {
		wrap, recv string // parts of the errors; "" for none
	}{
		"deaf":             {"", "timed out"},
		"deaf-to-abort":    {"", "timed out"},
		"spin":             {"", "timed out"},
		"promise":          {"", "the inbox is full"},
		"flood":            {"", ""},
		"length":           {"", "malformed frame"},
		"reserved":         {"", "malformed frame"},
		"address":          {"", "malformed address"},
		"torn":             {"", "is lost"},
		"mute":             {"", "is lost"},
		"die":              {"", "is lost: the unruly-layer plugin has gone"},
		"escapes":          {"", unruly.Forged},
		"no-handshake":     {"timed out", ""},
		"handshake-dies":   {"died as it shook hands", ""},
		"handshake-panics": {"panic: as you wish", ""},
	} {
		t.Run(how, func(t *testing.T) {
			costsLittle(t)
			h := plugintest.Host(t, host.Descriptors, func(c *host.Config) { c.Log = nil }, tcp.New, unruly.Layer)
			_, s, peer := layered(t, h)
			_, plain, other := layered(t, h)
			step, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := s.Wrap(step, table.WrapSpec{Layer: unruly.LayerName, Options: []socket.Setting{{Name: "do", Value: how}}})
			matches(t, "wrap", err, want.wrap)
			if how == "die" {
				s.Send(t.Context(), []byte("now"))
			}
			if err == nil {
				_, err = receive(t, s)
				matches(t, "recv", err, want.recv)
			}
			// The other socket does not hear of it.
			if _, err := plain.Send(t.Context(), []byte{42}); err != nil {
				t.Error(err)
			}
			readable(t, other)
			before := stateOf(t, h, unruly.LayerName)
			s.Close(t.Context(), true)
			if how == "deaf-to-abort" {
				eventually(t, fmt.Sprintf("it is ended: %+v", before), func() bool { return gone(before.PID) })
			}
			readable(t, peer) // the end of the connection
		})
	}
}

func receive(t *testing.T, s *table.Socket) (socket.Message, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	turn, err := s.Read(ctx)
	if err != nil {
		return socket.Message{}, err
	}
	defer turn.Done()
	return turn.Message(ctx, 0)
}

func matches(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, not %q", what, err, want)
	}
}

// The wild one as a layer: it never ends telling of the layer's end.
func TestFloodOfALayersEventsIsABreach(t *testing.T) {
	wildLayer := func() socket.Protocol { return wrapping{unruly.Wild()} }
	h, p, beside := mixed(t, host.Descriptors, nil, wildLayer)
	a, b, err := pairOf()
	must(t, err)
	defer unix.Close(b)
	k, err := p.Wrap(t.Context(), socket.WrapRequest{FD: a, Kind: socket.Stream})
	must(t, err)
	defer unix.Close(k.FD)
	eventually(t, "it is ended", func() bool {
		s := stateOf(t, h, unruly.WildName)
		return s.PID == 0 && strings.Contains(s.Reason, "told of a layer's end more than")
	})
	beside.unharmed()
}

// wrapping declares a layer.
type wrapping struct{ socket.Protocol }

func (w wrapping) Describe() socket.Description {
	d := w.Protocol.Describe()
	d.Layer, d.Address = true, ""
	return d
}

func (wrapping) Wrap(context.Context, socket.WrapRequest) (socket.Handle, error) {
	return socket.Handle{}, errors.ErrUnsupported
}

func (wrapping) Unwrap(context.Context, socket.Lent) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

func pairOf() (int, int, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	return fds[0], fds[1], err
}

func TestDescriptionsThatLieAreNotInstalled(t *testing.T) {
	for name, want := range map[string]string{
		"describe-bundled": "it calls itself tcp, which is bundled",
		"describe-path":    "is no name of a protocol",
		"describe-nothing": "is no name of a protocol",
		"describe-escapes": "is no plain text",
		"describe-default": "is no plain text",
		"describe-command": "is no plain text",
		"describe-flag":    "must have a name of its own",
		"describe-many":    "too many options",
		"describe-parts":   "more than 65536 parts in one message",
		"describe-long":    "synopsis must be one line",
		"describe-hangs":   "did not answer within 300ms",
		"describe-dies":    "died before it said what it is",
		"describe-more":    "",
		"describe-kind":    "",
	} {
		t.Run(name, func(t *testing.T) {
			costsLittle(t)
			h := plugintest.Host(t, host.Descriptors, func(c *host.Config) {
				c.Dir, c.Log = t.TempDir(), nil
				c.CallTimeout = 10 * time.Second
				if name == "describe-hangs" {
					c.CallTimeout = 300 * time.Millisecond
				}
			}, tcp.New)
			_, err := h.Install(programNamed(t, "sosh-plugin-"+name))
			matches(t, "install", err, want)
			if want != "" {
				if strings.ContainsAny(err.Error(), "\n\x1b") {
					t.Errorf("not one line: %q", err)
				}
				return
			}
			p, err := h.Protocol(name)
			must(t, err)
			if name == "describe-kind" {
				_, err = p.Open(t.Context(), socket.OpenRequest{Family: socket.FamilyIP4})
				matches(t, "open", err, "gave a bad descriptor: not a datagram socket, and was ended")
				return
			}
			_, err = p.Resolve(t.Context(), socket.ResolveRequest{Text: "x"})
			matches(t, "resolve", err, "broke the contract: method Resolve not implemented")
		})
	}
}
