package table

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// between gives a client and a server with two sockets of the table between them.
func between(t *testing.T, tab *Table) (client, server *net.TCPConn, in, out *Socket) {
	t.Helper()
	ctx := bounded(t)
	front := must[*Socket](t)(tab.Open(ctx, Spec{Protocol: "tcp", Listen: "127.0.0.1:0"}))
	f, _ := front.Facts()
	c := must[net.Conn](t)(net.Dial("tcp", f.Local.Text(socket.HostPort)))
	in = must[*Socket](t)(front.Accept(ctx, ""))
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	out = must[*Socket](t)(tab.Open(ctx, Spec{Protocol: "tcp", Connect: l.Addr().String()}))
	s := must[net.Conn](t)(l.Accept())
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn), in, out
}

// started relays until the test has what it wants.
func started(ctx context.Context, a, b *Socket, spec RelaySpec) (wait func() (Relayed, error)) {
	var r Relayed
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, err = Relay(ctx, a, b, spec)
	}()
	return func() (Relayed, error) { <-done; return r, err }
}

func TestRelayCarriesBothWaysUntilBothHaveEnded(t *testing.T) {
	for _, copied := range []bool{false, true} {
		tab, _ := newTable(t)
		client, server, in, out := between(t, tab)
		var spec RelaySpec
		var log bytes.Buffer
		if copied {
			spec.Log = func(from, _ *Socket, p []byte) { log.WriteString(from.Name() + ":" + string(p) + ";") }
		}
		// What is unread goes first.
		must[int](t)(client.Write([]byte("one ")))
		take(t, in, 0)
		turn := must[*Turn](t)(in.Read(bounded(t)))
		must[[]byte](t)(turn.Fill(bounded(t)))
		turn.Done()
		wait := started(bounded(t), in, out, spec)
		must[int](t)(client.Write([]byte("two")))
		client.CloseWrite()
		if got := must[[]byte](t)(io.ReadAll(server)); string(got) != "one two" {
			t.Errorf("the server got %q", got)
		}
		must[int](t)(server.Write([]byte("answer"))) // the half close has not ended the way back
		server.Close()
		if got := must[[]byte](t)(io.ReadAll(client)); string(got) != "answer" {
			t.Errorf("the client got %q", got)
		}
		r, err := wait()
		if err != nil || r.There != 7 || r.Back != 6 {
			t.Errorf("copied %v: %+v, %v", copied, r, err)
		}
		if copied && (!strings.HasPrefix(log.String(), "tcp2:one ;tcp2:two;") || !strings.HasSuffix(log.String(), "tcp3:answer;tcp3:;")) {
			t.Errorf("log %q", log.String())
		}
		if in.Received() != 7 || out.Sent() != 7 || in.Sent() != 6 || out.Received() != 6 {
			t.Error("the sockets' counts are wrong")
		}
	}
}

func TestRelayPassesManyBytesUnchanged(t *testing.T) {
	size := int64(64 << 20)
	if os.Getenv("SOSH_TEST_GIB") != "" {
		size = 1 << 30
	}
	tab, _ := newTable(t)
	client, server, in, out := between(t, tab)
	wait := started(t.Context(), in, out, RelaySpec{})
	sent, got := sha256.New(), sha256.New()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.CopyN(io.MultiWriter(client, sent), rand.NewChaCha8([32]byte{}), size)
		client.CloseWrite()
	}()
	n := must[int64](t)(io.Copy(got, server))
	server.Close()
	if _, err := wait(); err != nil {
		t.Fatal(err)
	}
	<-done
	if n != size || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		t.Errorf("%d bytes arrived, or others", n)
	}
}

func TestResetEndsBothSidesOfARelay(t *testing.T) {
	for _, back := range []bool{false, true} {
		tab, _ := newTable(t)
		client, server, in, out := between(t, tab)
		wait := started(bounded(t), in, out, RelaySpec{})
		dies, lives := client, server
		if back {
			dies, lives = server, client
		}
		must[int](t)(dies.Write([]byte("x")))
		must[int](t)(io.ReadFull(lives, make([]byte, 1)))
		dies.SetLinger(0)
		dies.Close()
		if _, err := lives.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("the other side saw %v, not a reset", err)
		}
		if _, err := wait(); !errors.Is(err, socket.Reset) {
			t.Errorf("got %v", err)
		}
	}
}

// TestCancelledRelayLosesNoByte: what the server did not get is unread in the socket
// that it came from, or still in the kernel.
func TestCancelledRelayLosesNoByte(t *testing.T) {
	for _, copied := range []bool{false, true} {
		tab, _ := newTable(t)
		client, server, in, out := between(t, tab)
		var spec RelaySpec
		if copied {
			spec.Log = func(*Socket, *Socket, []byte) {}
		}
		ctx, cancel := context.WithCancel(bounded(t))
		wait := started(ctx, in, out, spec)
		const size = 24 << 20 // more than all buffers on the way
		data := make([]byte, size)
		rand.NewChaCha8([32]byte{1}).Read(data)
		go func() {
			client.Write(data)
			client.CloseWrite()
		}()
		got := make([]byte, 1<<20)
		must[int](t)(io.ReadFull(server, got))
		for before := int64(-1); before != out.Sent() || before == 0; { // until it is stuck: the server reads no more
			before = out.Sent()
			quietly(t)
		}
		cancel()
		if _, err := wait(); !errors.Is(err, socket.Interrupted) {
			t.Fatalf("got %v", err)
		}
		must[Closed](t)(out.Close(bounded(t), false))
		got = append(got, must[[]byte](t)(io.ReadAll(server))...)
		turn := must[*Turn](t)(in.Read(bounded(t)))
		turn.Bound = 2 * size
		for {
			if _, err := turn.Fill(bounded(t)); err != nil {
				break
			}
		}
		got = append(got, turn.Unread()...)
		turn.Done()
		if !bytes.Equal(got, data) {
			t.Errorf("copied %v: %d of %d bytes, or others", copied, len(got), size)
		}
	}
}

// quietly is a while in which a relay that can move moves.
func quietly(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	<-ctx.Done()
}

func TestQuietRelayTimesOutAndABusyOneDoesNot(t *testing.T) {
	tab, _ := newTable(t)
	client, server, in, out := between(t, tab)
	wait := started(bounded(t), in, out, RelaySpec{Idle: 300 * time.Millisecond})
	const pieces = 12
	for range pieces { // longer than the time allowed, and the way back is quiet all the time
		must[int](t)(client.Write([]byte("x")))
		must[int](t)(io.ReadFull(server, make([]byte, 1)))
		quietly(t)
	}
	if r, err := wait(); !errors.Is(err, socket.Timeout) || r.There != pieces {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestWhatCannotBeRelayedIsRefused(t *testing.T) {
	tab, _ := newTable(t)
	srv, c, _ := pair(t, tab)
	if _, err := Relay(bounded(t), c, c, RelaySpec{}); !errors.Is(err, socket.Usage) {
		t.Errorf("itself: %v", err)
	}
	if _, err := Relay(bounded(t), c, srv, RelaySpec{}); err == nil || !strings.Contains(err.Error(), srv.Name()) {
		t.Errorf("a listener: %v", err)
	}
	loose := must[*Socket](t)(tab.Open(bounded(t), Spec{Protocol: "tcp"}))
	if _, err := Relay(bounded(t), c, loose, RelaySpec{}); err == nil {
		t.Error("an unconnected stream was taken")
	}
}

func TestRelayHoldsTheTurns(t *testing.T) {
	tab, _ := newTable(t)
	_, _, in, out := between(t, tab)
	ctx, cancel := context.WithCancel(bounded(t))
	wait := started(ctx, in, out, RelaySpec{})
	for in.reading.try() { // not yet
		in.endReading()
	}
	past, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	for _, s := range []*Socket{in, out} {
		for s.writing.try() {
			s.writing.give()
		}
		if _, err := s.Read(past); !errors.Is(err, socket.Timeout) {
			t.Errorf("%s: %v", s.Name(), err)
		}
		if _, err := s.Send(past, []byte("x")); !errors.Is(err, socket.Timeout) {
			t.Errorf("%s: %v", s.Name(), err)
		}
	}
	cancel()
	wait()
	if !in.reading.try() || !out.writing.try() {
		t.Error("the turns were not given back")
	}
	in.reading.give()
	out.writing.give()
}

func TestRelayOfMessagesAnswersTheLastSender(t *testing.T) {
	tab, _ := newTable(t)
	front, at := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	server, serverAt := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	out, _ := udp(t, tab, Spec{Connect: serverAt.Text(socket.HostPort)})
	a, _ := udp(t, tab, Spec{Connect: at.Text(socket.HostPort)})
	b, _ := udp(t, tab, Spec{Connect: at.Text(socket.HostPort)})
	f, _ := out.Facts()
	outAt := f.Local
	// Nobody has asked yet: the message waits.
	if err := server.SendMessage(bounded(t), socket.Message{Data: []byte("early"), Peer: outAt}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(bounded(t))
	wait := started(ctx, front, out, RelaySpec{})
	for i, c := range []*Socket{a, b, a} {
		text := []string{"", "one", "two"}[i]
		if err := c.SendMessage(bounded(t), socket.Message{Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
		got, from := message(t, server)
		if got != text || from != outAt {
			t.Errorf("the server got %q from %v", got, from)
		}
		if i == 0 {
			if got, _ := message(t, a); got != "early" {
				t.Errorf("got %q", got)
			}
		}
		if err := server.SendMessage(bounded(t), socket.Message{Data: []byte("re " + text), Peer: from}); err != nil {
			t.Fatal(err)
		}
		if got, _ := message(t, c); got != "re "+text {
			t.Errorf("got %q", got)
		}
	}
	cancel()
	if r, err := wait(); !errors.Is(err, socket.Interrupted) || r.There != 6 || r.Back != 20 || r.Undelivered != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRelayOutlivesAPeerThatIsAway(t *testing.T) {
	tab, _ := newTable(t)
	front, at := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	gone, goneAt := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	gone.Close(bounded(t), false)
	out, _ := udp(t, tab, Spec{Connect: goneAt.Text(socket.HostPort)})
	c, _ := udp(t, tab, Spec{Connect: at.Text(socket.HostPort)})
	ctx, cancel := context.WithCancel(bounded(t))
	wait := started(ctx, front, out, RelaySpec{})
	if err := c.SendMessage(bounded(t), socket.Message{Data: []byte("lost")}); err != nil {
		t.Fatal(err)
	}
	for out.returnCount() == 0 {
		quietly(t)
	}
	back, _ := udp(t, tab, Spec{Listen: goneAt.Text(socket.HostPort)})
	if err := c.SendMessage(bounded(t), socket.Message{Data: []byte("found")}); err != nil {
		t.Fatal(err)
	}
	if got, _ := message(t, back); got != "found" {
		t.Errorf("got %q", got)
	}
	cancel()
	if r, err := wait(); !errors.Is(err, socket.Interrupted) || r.Undelivered == 0 || r.Last == nil {
		t.Errorf("%+v, %v", r, err)
	}
}

func (s *Socket) returnCount() int { _, n := s.Returned(); return n }

func TestStreamAndMessagesAreNotRelayed(t *testing.T) {
	tab, _ := newTable(t)
	_, c, _ := pair(t, tab)
	u, _ := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	if _, err := Relay(bounded(t), u, c, RelaySpec{}); !errors.Is(err, socket.Usage) || !strings.Contains(err.Error(), c.Name()+" is a stream") {
		t.Errorf("got %v", err)
	}
}

// TestErrorOfAnEarlierMessageCostsNotTheNext: the kernel tells of one that was lost when
// the next is sent.
func TestErrorOfAnEarlierMessageCostsNotTheNext(t *testing.T) {
	tab, _ := newTable(t)
	gone, at := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	gone.Close(bounded(t), false)
	out, _ := udp(t, tab, Spec{Connect: at.Text(socket.HostPort)})
	from, _ := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	if err := out.SendMessage(bounded(t), socket.Message{Data: []byte("lost")}); err != nil {
		t.Fatal(err)
	}
	if !out.waitsForError(t) {
		t.Fatal("no error came back")
	}
	back, _ := udp(t, tab, Spec{Listen: at.Text(socket.HostPort)})
	r := &relay{}
	there, other := r.direction(from, out), r.direction(out, from)
	there.back, other.back = other, there
	if err := there.send(bounded(t), socket.Message{Data: []byte("found")}); err != nil {
		t.Fatal(err)
	}
	if got, _ := message(t, back); got != "found" || r.undelivered != 1 {
		t.Errorf("got %q, %d undelivered", got, r.undelivered)
	}
}

// waitsForError waits until the kernel has something to tell, and leaves it there.
func (s *Socket) waitsForError(t *testing.T) bool {
	return s.table.poll.wait(bounded(t), s.watch, toRead) == nil
}
