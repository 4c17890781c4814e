package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/plugins/host"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// odd is a dialer whose address says what it does.
type odd struct{}

func newOdd() sdk.Protocol { return sdk.NewDialer(odd{}) }

func (odd) Describe() sdk.Description {
	return sdk.Description{Name: "odd", Synopsis: "does what its address says", Version: "1",
		Options: []sdk.Option{{Name: "say", Type: sdk.StringOption, Default: "nothing", Help: "what comes first"}},
		Facts:   []sdk.Fact{{Name: "said", Help: "what came first"}}}
}

func (odd) Encode(_ context.Context, _ sdk.Mark, fields []sdk.Setting) (sdk.Message, error) {
	return sdk.Message{Data: []byte(fields[0].Value)}, nil
}

// behaves is a connection that reads and writes as it was made to.
type behaves struct {
	net.Conn
	said        string
	read, write func([]byte) (int, error)
	close       func()
}

func (b behaves) Read(p []byte) (int, error) {
	if b.read != nil {
		return b.read(p)
	}
	return b.Conn.Read(p)
}

func (b behaves) Write(p []byte) (int, error) {
	if b.write != nil {
		return b.write(p)
	}
	return b.Conn.Write(p)
}

func (b behaves) Close() error {
	if b.close != nil {
		b.close()
	}
	return b.Conn.Close()
}

func (b behaves) Facts() []sdk.Setting { return []sdk.Setting{{Name: "said", Value: b.said}} }

func (odd) Dial(ctx context.Context, req sdk.DialRequest) (net.Conn, error) {
	what, arg, _ := strings.Cut(req.Address, " ")
	switch what {
	case "refused":
		_, err := net.Dial("tcp", "127.0.0.1:1")
		return nil, err
	case "usage":
		return nil, sdk.Faultf(sdk.Usage, "nobody says %q", arg)
	case "logs":
		slog.Debug("as asked", "key", "two\nwords")
		return nil, errors.New("logged")
	case "words":
		return nil, errors.New("as the author said")
	case "nothing":
		return nil, nil
	case "waits":
		<-ctx.Done()
		return nil, ctx.Err()
	case "panic":
		panic("in Dial")
	case "tcp":
		return net.Dial("tcp", arg)
	}
	ours, theirs := net.Pipe()
	c := behaves{Conn: ours, said: req.Options.Text("say")}
	once := func(err error) func([]byte) (int, error) {
		var first sync.Once
		return func(p []byte) (n int, e error) {
			first.Do(func() { n = copy(p, "first") })
			if n > 0 {
				return n, nil
			}
			return 0, err
		}
	}
	switch what {
	case "echo":
		go func() { io.Copy(theirs, theirs); theirs.Close() }()
	case "ends":
		c.read = once(io.EOF)
	case "resets":
		c.read = once(&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)})
	case "cut":
		c.read = once(io.ErrUnexpectedEOF)
	case "fails":
		c.read = once(errors.New("out of ink"))
	case "read-panic":
		c.read = func([]byte) (int, error) { panic("in Read") }
	case "write-panic":
		c.write = func([]byte) (int, error) { panic("in Write") }
	case "write-fails":
		c.write = func([]byte) (int, error) { return 0, errors.New("out of paper") }
	case "close-panic":
		c.close = func() { panic("in Close") }
	}
	return c, nil
}

func newTable(t *testing.T, form host.Form, protocols ...func() socket.Protocol) (*table.Table, *host.Host) {
	t.Helper()
	h := plugintest.Host(t, form, nil, protocols...)
	tb := table.New(h)
	t.Cleanup(tb.Close)
	return tb, h
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func dial(t *testing.T, tb *table.Table, address string, options ...socket.Setting) *table.Socket {
	t.Helper()
	s, err := tb.Open(patient(t), table.Spec{Protocol: "odd", Connect: address, Options: options})
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	return s
}

// readAll reads to the end: what came, and why it ended.
func readAll(t *testing.T, s *table.Socket) (string, error) {
	t.Helper()
	turn, err := s.Read(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	defer turn.Done()
	for err == nil {
		_, err = turn.Fill(patient(t))
	}
	all := string(turn.Unread())
	turn.Consume(len(all))
	return all, err
}

func TestDialersErrorKeepsItsIdentity(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newOdd)
	for address, want := range map[string]struct {
		is   error
		text string
	}{
		"refused":  {syscall.ECONNREFUSED, "connection refused"},
		"usage hi": {socket.Usage, `nobody says "hi"`},
		"words":    {nil, "as the author said"},
		"nothing":  {socket.Failed, "odd gave no connection and no error"},
		"panic":    {socket.Failed, "panic: in Dial"},
	} {
		_, err := tb.Open(patient(t), table.Spec{Protocol: "odd", Connect: address})
		var at *socket.Error
		if !errors.As(err, &at) || at.Op != "connect" || at.Err.Error() != want.text || want.is != nil && !errors.Is(err, want.is) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestEndsOfADialersConnectionAreToldApart(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newOdd)
	for address, want := range map[string]error{"ends": socket.Ended, "resets": socket.Reset, "cut": socket.Truncated, "fails": nil, "read-panic": socket.Failed} {
		s := dial(t, tb, address)
		first := "first"
		if address == "read-panic" {
			first = ""
		}
		got, err := readAll(t, s)
		if got != first || want != nil && !errors.Is(err, want) || want == nil && err.Error() != "out of ink" {
			t.Errorf("%s: %q, %v", address, got, err)
		}
		if _, err := s.Close(patient(t), false); err != nil {
			t.Errorf("%s: close: %v", address, err)
		}
	}
}

func TestWriteThatFailsEndsTheSocketWithItsReason(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newOdd)
	for address, want := range map[string]string{"write-fails": "out of paper", "write-panic": "panic: in Write"} {
		s := dial(t, tb, address)
		s.Send(patient(t), []byte("x"))
		if _, err := readAll(t, s); err == nil || err.Error() != want {
			t.Errorf("%s: %v", address, err)
		}
		if _, err := s.Send(patient(t), []byte("x")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: sending after it: %v", address, err)
		}
	}
}

// TestPanicEndsOneSocketAndNoOther also of what the author's code does in goroutines
// that are not its own.
func TestPanicEndsOneSocketAndNoOther(t *testing.T) {
	tb, h := newTable(t, host.Descriptors, newOdd)
	other := dial(t, tb, "echo")
	pid := h.Plugins()[0].PID
	for _, address := range []string{"read-panic", "write-panic", "close-panic"} {
		s := dial(t, tb, address)
		s.Send(patient(t), []byte("x"))
		s.Close(patient(t), false)
	}
	tb.Open(patient(t), table.Spec{Protocol: "odd", Connect: "panic"})
	if _, err := other.Send(patient(t), []byte("alive")); err != nil {
		t.Fatal(err)
	}
	turn, _ := other.Read(patient(t))
	if got, err := turn.Fill(patient(t)); err != nil || string(got) != "alive" {
		t.Errorf("%q, %v", got, err)
	}
	turn.Done()
	if now := h.Plugins()[0]; now.PID != pid || now.Starts != 1 {
		t.Errorf("%+v, before %d", now, pid)
	}
	log := strings.Join(h.Log("odd"), "\n")
	for _, want := range []string{"panic in read: in Read", "panic in write: in Write", "panic in Close: in Close", "panic in Dial: in Dial", "dialer_linux_test.go"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	// The stacks are the author's calls, and nothing of what calls an author.
	lines := 0
	for line := range strings.SplitSeq(log, "\n") {
		if at, ok := strings.CutPrefix(line, "  at "); ok {
			lines++
			if !strings.HasPrefix(at, "github.com/sosh-shell/sosh/plugins/sdk_test.") {
				t.Errorf("a stack has %q", at)
			}
		}
	}
	if lines < 4 {
		t.Errorf("%d lines of stacks", lines)
	}
}

func TestWhatAPluginLogsReachesTheHostsLogWithItsLevel(t *testing.T) {
	tb, h := newTable(t, host.Descriptors, newOdd)
	tb.Open(patient(t), table.Spec{Protocol: "odd", Connect: "logs"})
	want := `level=DEBUG msg="as asked" key="two\nwords"`
	for end := time.Now().Add(10 * time.Second); !slices.Contains(h.Log("odd"), want); unix.Poll(nil, 1) {
		if time.Now().After(end) {
			t.Fatalf("the log is %q", h.Log("odd"))
		}
	}
}

func TestCancelledDialLeavesASocketThatConnects(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newOdd)
	s, err := tb.Open(patient(t), table.Spec{Protocol: "odd"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := s.Connect(ctx, "waits"); !errors.Is(err, socket.Interrupted) {
		t.Errorf("cancelled: %v", err)
	}
	for err = syscall.EALREADY; errors.Is(err, syscall.EALREADY); { // the plugin hears of the cancel a moment later
		err = s.Connect(patient(t), "echo")
	}
	if err != nil {
		t.Error(err)
	}
	if err := s.Connect(patient(t), "echo"); !errors.Is(err, syscall.EISCONN) {
		t.Errorf("twice: %v", err)
	}
}

// heedless is a dialer that hears no cancel.
type heedless struct {
	odd
	dialled chan struct{}
	release chan struct{}
	closed  chan struct{}
}

func (d heedless) Dial(context.Context, sdk.DialRequest) (net.Conn, error) {
	close(d.dialled)
	<-d.release
	ours, _ := net.Pipe()
	return behaves{Conn: ours, close: func() { close(d.closed) }}, nil
}

func TestDialThatHearsNoCancelIsLeftAloneAndItsLateConnectionClosed(t *testing.T) {
	d := heedless{dialled: make(chan struct{}), release: make(chan struct{}), closed: make(chan struct{})}
	p := sdk.NewDialer(d)
	h, err := p.Open(t.Context(), socket.OpenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error)
	go func() {
		_, err := p.(socket.Connector).Connect(ctx, socket.Lent{FD: -1, Carrier: h.Carrier}, socket.Address{Family: socket.FamilyText, Path: "x"})
		errs <- err
	}()
	<-d.dialled
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(d.release)
	<-d.closed
}

func TestOptionsAndFactsOfADialer(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newOdd)
	s, err := tb.Open(patient(t), table.Spec{Protocol: "odd"})
	if err != nil {
		t.Fatal(err)
	}
	say := []socket.Setting{{Name: "say", Value: "hello"}}
	if got, err := s.Option(patient(t), nil, []string{"say"}); err != nil || got[0].Value != "nothing" {
		t.Errorf("before: %v, %v", got, err)
	}
	if got, err := s.Option(patient(t), say, []string{"say"}); err != nil || got[0].Value != "hello" {
		t.Errorf("set: %v, %v", got, err)
	}
	if err := s.Connect(patient(t), "echo"); err != nil {
		t.Fatal(err)
	}
	if got := s.PluginFacts(patient(t), ""); !slices.Equal(got, []socket.Setting{{Name: "odd.said", Value: "hello"}}) {
		t.Errorf("facts: %v", got)
	}
	if _, err := s.Option(patient(t), say, nil); !errors.Is(err, socket.Unsupported) {
		t.Errorf("set once connected: %v", err)
	}
	if m, err := s.Encode(patient(t), say); err != nil || string(m.Data) != "hello" {
		t.Errorf("encoded: %q, %v", m.Data, err)
	}
	if _, err := s.Decode(patient(t), []socket.Message{{}}); !errors.Is(err, socket.Unsupported) {
		t.Errorf("decoded, which the author did not write: %v", err)
	}
	if f, _ := s.Facts(); f.State != "connected" || f.Remote.Text(socket.TextForm) != "pipe" {
		t.Errorf("%+v", f)
	}
}

func TestHalfEndNeedsAConnectionThatHasOne(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newOdd)
	s := dial(t, tb, "echo")
	if err := s.Shutdown(patient(t), socket.ShutdownWrite); !errors.Is(err, socket.Unsupported) {
		t.Errorf("a pipe: %v", err)
	}
	if err := s.Shutdown(patient(t), socket.ShutdownBoth); err != nil {
		t.Errorf("both: %v", err)
	}
	if got, err := readAll(t, s); got != "" || !errors.Is(err, socket.Ended) {
		t.Errorf("after both: %q, %v", got, err)
	}

	l := listenTCP(t)
	data := bytes.Repeat([]byte("0123456789"), 200_000)
	got := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		all, _ := io.ReadAll(c)
		got <- all
		io.WriteString(c, "bye")
	}()
	s = dial(t, tb, "tcp "+l.Addr().String())
	if f, _ := s.Facts(); f.Remote.Family != socket.FamilyIP4 || int(f.Remote.Port) != l.Addr().(*net.TCPAddr).Port {
		t.Errorf("remote %+v", f.Remote)
	}
	if _, err := s.Send(patient(t), data); err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(patient(t), socket.ShutdownWrite); err != nil {
		t.Fatal(err)
	}
	if all := <-got; !bytes.Equal(all, data) {
		t.Errorf("%d bytes of %d before the half end", len(all), len(data))
	}
	if text, err := readAll(t, s); text != "bye" || !errors.Is(err, socket.Ended) {
		t.Errorf("%q, %v", text, err)
	}
}

func TestCloseSendsAllThatWasWrittenAndAResetTellsSo(t *testing.T) {
	tb, _ := newTable(t, host.Descriptors, newOdd)
	l := listenTCP(t)
	data := bytes.Repeat([]byte("0123456789"), 300_000)
	for _, reset := range []bool{false, true} {
		s := dial(t, tb, "tcp "+l.Addr().String())
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan []byte, 1)
		ended := make(chan error, 1)
		go func() {
			all, err := io.ReadAll(c)
			got <- all
			ended <- err
		}()
		if !reset {
			if _, err := s.Send(patient(t), data); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Close(patient(t), reset); err != nil {
			t.Error(err)
		}
		if all, err := <-got, <-ended; reset != errors.Is(err, syscall.ECONNRESET) || !reset && !bytes.Equal(all, data) {
			t.Errorf("reset %v: %d bytes, %v", reset, len(all), err)
		}
		c.Close()
	}
}

func TestHeldSocketIsLostWithItsPluginAtOnce(t *testing.T) {
	tb, h := newTable(t, host.Descriptors, newOdd)
	s := dial(t, tb, "echo")
	pid := h.Plugins()[0].PID
	if pid <= 1 {
		t.Fatalf("pid %d", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil { // a child of this process's
		t.Fatal(err)
	}
	begin := time.Now()
	if _, err := readAll(t, s); !errors.Is(err, socket.Lost) || time.Since(begin) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	if f, _ := s.Facts(); f.State != "lost" {
		t.Errorf("state %q", f.State)
	}
	if _, err := s.Send(patient(t), []byte("x")); !errors.Is(err, socket.Lost) {
		t.Errorf("send: %v", err)
	}
}

func TestDialersKeepNothingOfWhatWasClosed(t *testing.T) {
	tb, h := newTable(t, host.Descriptors, newOdd)
	l := listenTCP(t)
	dial(t, tb, "echo")
	count := func() int {
		entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", h.Plugins()[0].PID))
		return len(entries)
	}
	before := count()
	for range 30 {
		s := dial(t, tb, "tcp "+l.Addr().String())
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		s.Close(patient(t), false)
		c.Close()
	}
	for end := time.Now().Add(10 * time.Second); count() > before; unix.Poll(nil, 1) {
		if time.Now().After(end) {
			t.Fatalf("%d descriptors, before %d", count(), before)
		}
	}
}

func listenTCP(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
