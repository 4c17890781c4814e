package table

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// take consumes exactly n bytes.
func take(t *testing.T, s *Socket, n int) []byte {
	t.Helper()
	ctx := bounded(t)
	turn, err := s.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer turn.Done()
	for len(turn.Unread()) < n {
		if _, err := turn.Fill(ctx); err != nil {
			t.Fatalf("after %d bytes: %v", len(turn.Unread()), err)
		}
	}
	p := bytes.Clone(turn.Unread()[:n])
	turn.Consume(n)
	return p
}

func readEnd(t *testing.T, s *Socket) error {
	t.Helper()
	ctx := bounded(t)
	turn, err := s.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer turn.Done()
	for {
		if _, err := turn.Fill(ctx); err != nil {
			return err
		}
	}
}

func TestBytesPassBothWays(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	must[int](t)(c.Send(bounded(t), []byte("hi")))
	if got := take(t, s, 2); string(got) != "hi" {
		t.Fatalf("got %q", got)
	}
	must[int](t)(s.Send(bounded(t), []byte("there")))
	if got := take(t, c, 5); string(got) != "there" {
		t.Fatalf("got %q", got)
	}
	if c.Sent() != 2 || c.Received() != 5 {
		t.Errorf("sent %d received %d", c.Sent(), c.Received())
	}
	f, fd := c.Facts()
	if f.State != "ESTABLISHED" || fd < 3 {
		t.Errorf("facts %+v fd %d", f, fd)
	}
}

func TestSendFileDeliversTheWholeFile(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB
	name := t.TempDir() + "/data"
	if err := os.WriteFile(name, want, 0o600); err != nil {
		t.Fatal(err)
	}
	f := must[*os.File](t)(os.Open(name))
	defer f.Close()
	done := make(chan error, 1)
	go func() {
		n, err := c.SendFile(bounded(t), f)
		if err == nil && n != int64(len(want)) {
			err = io.ErrShortWrite
		}
		done <- err
	}()
	if got := take(t, s, len(want)); !bytes.Equal(got, want) {
		t.Fatal("the bytes differ")
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestTimeoutAndCancelAreToldApartAndLoseNothing(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	must[int](t)(s.Send(bounded(t), []byte("ab")))
	turn := must[*Turn](t)(c.Read(bounded(t)))
	must[[]byte](t)(turn.Fill(bounded(t)))
	soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := turn.Fill(soon); !errors.Is(err, socket.Timeout) {
		t.Errorf("got %v", err)
	}
	now, cancel2 := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel2()
	if _, err := turn.Fill(now); !errors.Is(err, socket.Timeout) {
		t.Errorf("got %v", err)
	}
	stopped, cancel3 := context.WithCancel(t.Context())
	cancel3()
	if _, err := turn.Fill(stopped); !errors.Is(err, socket.Interrupted) {
		t.Errorf("got %v", err)
	}
	if string(turn.Unread()) != "ab" {
		t.Errorf("unread %q", turn.Unread())
	}
	turn.Done()
}

func TestOnlyWhatIsThereNeedsNoTime(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	must[int](t)(s.Send(bounded(t), []byte("ab")))
	take(t, c, 1) // it has arrived
	must[int](t)(s.Send(bounded(t), []byte("c")))
	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	turn := must[*Turn](t)(c.Read(past))
	defer turn.Done()
	if got := string(turn.Unread()); got[0] != 'b' {
		t.Errorf("got %q", got)
	}
}

func TestEndAndResetAreToldApartAndRemembered(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	must[Closed](t)(s.Close(bounded(t), false))
	for range 2 {
		if err := readEnd(t, c); !errors.Is(err, socket.Ended) {
			t.Errorf("got %v", err)
		}
	}
	_, c, s = pair(t, tab)
	must[Closed](t)(s.Close(bounded(t), true))
	for range 2 {
		if err := readEnd(t, c); !errors.Is(err, socket.Reset) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := c.Send(bounded(t), []byte("x")); !errors.Is(err, socket.Reset) {
		t.Errorf("send after reset: %v", err)
	}
}

func TestCloseTellsUnreadInput(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	must[int](t)(s.Send(bounded(t), []byte("abc")))
	take(t, c, 1)
	got := must[Closed](t)(c.Close(bounded(t), false))
	if got.Inbox+got.Unread != 2 {
		t.Errorf("got %+v", got)
	}
	if _, err := tab.Socket(c.Name()); !errors.Is(err, socket.NoSocket) || err.Error() != "tcp2 is closed" {
		t.Errorf("got %v", err)
	}
}

func TestCloseEndsAWaitingConsumer(t *testing.T) {
	tab, _ := newTable(t)
	_, c, _ := pair(t, tab)
	turn := must[*Turn](t)(c.Read(bounded(t)))
	waiting := make(chan error, 1)
	go func() {
		_, err := turn.Fill(bounded(t))
		waiting <- err
	}()
	must[Closed](t)(c.Close(bounded(t), false))
	if err := <-waiting; !errors.Is(err, socket.NoSocket) {
		t.Errorf("got %v", err)
	}
	turn.Done()
}

func TestInboxIsBounded(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	c.SetInbox(1000)
	must[int](t)(s.Send(bounded(t), make([]byte, 3000)))
	if err := readEnd(t, c); !errors.Is(err, socket.Full) {
		t.Fatalf("got %v", err)
	}
	if got := len(take(t, c, 1000)); got != 1000 {
		t.Fatal(got)
	}
	take(t, c, 1000)
	take(t, c, 1000)
	if n := tab.unread.Load(); n != 0 {
		t.Errorf("%d bytes counted in empty inboxes", n)
	}
}

// silent gives the address of a listener whose queue is full: a connect to it
// stays in SYN-SENT. The kernel takes one more than the backlog.
func silent(t *testing.T, tab *Table) string {
	t.Helper()
	srv := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp"}))
	if err := srv.Bind(bounded(t), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(bounded(t), 1); err != nil {
		t.Fatal(err)
	}
	f, _ := srv.Facts()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := tab.Open(ctx, Spec{Protocol: "tcp", Connect: f.Local.Text(socket.HostPort)})
		cancel()
		if errors.Is(err, socket.Timeout) {
			return f.Local.Text(socket.HostPort)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCancelledConnectLeavesAUsableSocket(t *testing.T) {
	tab, _ := newTable(t)
	srv := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp", Listen: "127.0.0.1:0"}))
	f, _ := srv.Facts()
	nowhere := silent(t, tab)
	s := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp"}))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if err := s.Connect(ctx, nowhere); !errors.Is(err, socket.Timeout) {
		t.Fatalf("got %v", err)
	}
	if err := s.Connect(bounded(t), f.Local.Text(socket.HostPort)); err != nil {
		t.Fatal(err)
	}
	got, _ := s.Facts()
	if got.State != "ESTABLISHED" || got.Remote != f.Local {
		t.Errorf("%+v", got)
	}
}

func TestRefusedNamesPlaceAndCause(t *testing.T) {
	tab, _ := newTable(t)
	srv := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp", Listen: "127.0.0.1:0"}))
	f, _ := srv.Facts()
	addr := f.Local.Text(socket.HostPort)
	srv.Close(bounded(t), false)
	_, err := tab.Open(bounded(t), Spec{Protocol: "tcp", Connect: addr, Name: "web"})
	if !errors.Is(err, syscall.ECONNREFUSED) || err.Error() != "connect web "+addr+": connection refused" {
		t.Errorf("got %v", err)
	}
	if len(tab.Sockets()) != 0 {
		t.Error("a failed open left a socket")
	}
}

func TestTheNextAddressIsTriedWhileTheFirstIsSilent(t *testing.T) {
	tab, _ := newTable(t)
	nowhere := silent(t, tab)
	srv := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp", Listen: "[::1]:0"}))
	f, _ := srv.Facts()
	s := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp", Connect: nowhere + "," + f.Local.Text(socket.HostPort)}))
	if got, _ := s.Facts(); got.Remote != f.Local {
		t.Errorf("connected to %v", got.Remote)
	}
}

func TestSocketTakesTheFamilyOfItsAddress(t *testing.T) {
	tab, _ := newTable(t)
	srv := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp"}))
	_, before := srv.Facts()
	if err := srv.Bind(bounded(t), "[::1]:0"); err != nil {
		t.Fatal(err)
	}
	f, fd := srv.Facts()
	if f.Local.Family != socket.FamilyIP6 || fd != before {
		t.Errorf("%+v, descriptor %d then %d", f, before, fd)
	}
	if err := srv.Listen(bounded(t), 0); err != nil {
		t.Fatal(err)
	}
	c := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp"}))
	if err := c.Connect(bounded(t), f.Local.Text(socket.HostPort)); err != nil {
		t.Fatal(err)
	}
}

func TestConnectionOfACancelledAcceptIsKept(t *testing.T) {
	tab, p := newTable(t)
	srv := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp", Listen: "127.0.0.1:0"}))
	f, _ := srv.Facts()
	taken, release := make(chan struct{}), make(chan struct{})
	p.afterAccept = func() {
		taken <- struct{}{}
		<-release
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := srv.Accept(ctx, "")
		result <- err
	}()
	c := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp", Connect: f.Local.Text(socket.HostPort)}))
	<-taken
	cancel()
	if err := <-result; !errors.Is(err, socket.Interrupted) {
		t.Fatalf("got %v", err)
	}
	p.afterAccept = nil
	close(release)
	s := must[*Socket](t)(srv.Accept(bounded(t), ""))
	must[int](t)(c.Send(bounded(t), []byte("hi")))
	if got := take(t, s, 2); string(got) != "hi" {
		t.Errorf("got %q", got)
	}
}

func TestRetryWaitsForTheServer(t *testing.T) {
	tab, _ := newTable(t)
	srv := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp"}))
	if err := srv.Bind(bounded(t), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	f, _ := srv.Facts()
	result := make(chan error, 1)
	go func() {
		_, err := tab.Open(bounded(t), Spec{Protocol: "tcp", Connect: f.Local.Text(socket.HostPort), Retry: true})
		result <- err
	}()
	if err := srv.Listen(bounded(t), 0); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
	gone := f.Local
	srv.Close(bounded(t), false)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := tab.Open(ctx, Spec{Protocol: "tcp", Connect: gone.Text(socket.HostPort), Retry: true})
	if !errors.Is(err, socket.Timeout) {
		t.Errorf("got %v", err)
	}
}

func TestReadingAheadShowsAndConsumesNothing(t *testing.T) {
	tab, _ := newTable(t)
	arrivals := make(chan Arrival, 1000)
	tab.Watch(func(a Arrival) { arrivals <- a })
	_, c, s := pair(t, tab)
	next := func(of *Socket) Arrival {
		t.Helper()
		for {
			select {
			case a := <-arrivals:
				if a.Socket == of {
					return a
				}
			case <-bounded(t).Done():
				t.Fatal("nothing arrived")
			}
		}
	}
	srv := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp", Listen: "127.0.0.1:0"}))
	f, _ := srv.Facts()
	must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp", Connect: f.Local.Text(socket.HostPort)}))
	if a := next(srv); !a.Client {
		t.Errorf("%+v", a)
	}
	must[int](t)(s.Send(bounded(t), []byte("hello")))
	if a := next(c); string(a.Data) != "hello" {
		t.Errorf("%+v", a)
	}
	if got := take(t, c, 5); string(got) != "hello" {
		t.Errorf("got %q", got)
	}
	flood := make(chan error, 1)
	ctx, stop := context.WithCancel(bounded(t))
	defer stop()
	go func() {
		_, err := s.Send(ctx, make([]byte, 64<<20))
		flood <- err
	}()
	for !next(c).More {
	}
	if n := tab.ahead.Load(); n > aheadSocket {
		t.Errorf("%d bytes read ahead", n)
	}
	stop()
	if err := <-flood; !errors.Is(err, socket.Interrupted) {
		t.Errorf("the flood was taken whole: %v", err)
	}
}

func TestNamesAreCheckedBeforeTheNetworkIsTouched(t *testing.T) {
	tab, _ := newTable(t)
	for _, name := range []string{"1a", "sockets", "a b", "é", "-x"} {
		if _, err := tab.Open(bounded(t), Spec{Protocol: "tcp", Name: name}); !errors.Is(err, socket.Usage) {
			t.Errorf("%q: %v", name, err)
		}
	}
	must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp", Name: "a"}))
	if _, err := tab.Open(bounded(t), Spec{Protocol: "tcp", Name: "a", Connect: "127.0.0.1:1"}); err == nil || errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a taken name: %v", err)
	}
}
