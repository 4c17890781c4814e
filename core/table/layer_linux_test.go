package table

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// localLayer is a layer in this process: "swap" turns letters over, "frames" makes
// messages of lines.
type localLayer struct {
	socket.Complete // what it lacks

	name string
}

func (p *localLayer) Describe() socket.Description {
	d := socket.Description{Name: p.name, Layer: true, Kind: socket.Stream, Calls: []socket.Call{socket.CallWrap}}
	if p.name == "frames" {
		d.Kind = socket.Seqpacket
	}
	return d
}

// layered is one layer at work.
type layered struct {
	below, pair *os.File
	ended, gone chan struct{}
	once        sync.Once
	err         error
	mu          sync.Mutex
	state       string
	unread      []byte
}

func (p *localLayer) Wrap(ctx context.Context, req socket.WrapRequest) (socket.Handle, error) {
	if p.name == "stuck" { // the peer does not shake hands
		defer syscall.Close(req.FD)
		<-ctx.Done()
		return socket.Handle{FD: -1}, ctx.Err()
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return socket.Handle{FD: -1}, err
	}
	l := &layered{below: os.NewFile(uintptr(req.FD), "below"), pair: os.NewFile(uintptr(fds[0]), "pair"),
		ended: make(chan struct{}), gone: make(chan struct{}), state: "open"}
	in := io.MultiReader(bytes.NewReader(req.Unread), l.below)
	var both sync.WaitGroup
	both.Go(func() { l.up(p.name, in) })
	both.Go(func() { l.down(p.name) })
	go func() {
		both.Wait()
		l.below.Close()
		l.pair.Close()
		close(l.gone)
	}()
	return socket.Handle{FD: fds[1], Carrier: l}, nil
}

func (l *layered) up(name string, in io.Reader) {
	var err error
	if name == "frames" {
		lines := bufio.NewReader(in)
		for err == nil {
			var line []byte
			if line, err = lines.ReadBytes('\n'); err == nil {
				l.pair.Write(socket.AppendFrame(nil, socket.Message{Data: line[:len(line)-1]}))
			}
		}
	} else {
		b := make([]byte, 512)
		for err == nil {
			var n int
			n, err = in.Read(b)
			l.pair.Write(swap(b[:n]))
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		err = nil
	case errors.Is(err, syscall.ECONNRESET):
		err = socket.Reset
	}
	l.finish(err)
	shut(l.pair, syscall.SHUT_WR)
}

func (l *layered) down(name string) {
	b := make([]byte, 1<<16)
	for {
		n, err := l.pair.Read(b)
		if err != nil {
			shut(l.below, syscall.SHUT_WR)
			if hungUp(l.pair) { // closed, not only shut down
				l.below.Close()
			}
			return
		}
		if name == "swap" {
			l.below.Write(swap(b[:n]))
			continue
		}
		for p := b[:n]; len(p) > 0; { // each write of the core's small frames is read whole here
			f, _ := socket.ParseFrame(p)
			l.below.Write(append(p[socket.FrameHeader+f.Address:socket.FrameHeader+f.Address+f.Data:n], '\n'))
			p = p[socket.FrameHeader+f.Address+f.Data:]
		}
	}
}

func swap(p []byte) []byte {
	out := bytes.Clone(p)
	for i := range out {
		out[i] ^= 0x20
	}
	return out
}

func shut(f *os.File, how int) {
	if rc, err := f.SyscallConn(); err == nil {
		rc.Control(func(fd uintptr) { syscall.Shutdown(int(fd), how) })
	}
}

func hungUp(f *os.File) (yes bool) {
	if rc, err := f.SyscallConn(); err == nil {
		rc.Control(func(fd uintptr) {
			p := []unix.PollFd{{Fd: int32(fd)}}
			unix.Poll(p, 0)
			yes = p[0].Revents&unix.POLLHUP != 0
		})
	}
	return yes
}

func (l *layered) finish(err error) { l.once.Do(func() { l.err = err; close(l.ended) }) }

func (l *layered) End(ctx context.Context) error {
	select {
	case <-l.ended:
		return l.err
	case <-ctx.Done():
		return socket.Lost
	}
}

func (l *layered) Gone(ctx context.Context) error {
	select {
	case <-l.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *layered) Facts() socket.Facts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return socket.Facts{State: l.state}
}

func (l *layered) Abort() { l.below.Close(); l.pair.Close() }

// die is the death of the layer's plugin.
func (l *layered) die() {
	l.mu.Lock()
	l.state = stateLost
	l.mu.Unlock()
	l.finish(socket.Faultf(socket.Lost, "the layer is lost"))
	l.below.Close()
	l.pair.Close()
}

func (p *localLayer) Unwrap(_ context.Context, s socket.Lent) ([]byte, error) {
	l := s.Carrier.(*layered)
	l.finish(nil)
	l.below.Close() // the core has its own copy
	l.pair.Close()
	<-l.gone
	return l.unread, nil
}

func wrapBoth(t *testing.T, layer string, a, b *Socket) {
	t.Helper()
	for _, s := range []*Socket{a, b} {
		if err := s.Wrap(bounded(t), WrapSpec{Layer: layer}); err != nil {
			t.Fatal(err)
		}
	}
}

// receive consumes n bytes.
func receive(t *testing.T, s *Socket, n int) string {
	t.Helper()
	turn := must[*Turn](t)(s.Read(bounded(t)))
	defer turn.Done()
	for len(turn.Unread()) < n {
		if _, err := turn.Fill(bounded(t)); err != nil {
			t.Fatalf("after %q: %v", turn.Unread(), err)
		}
	}
	text := string(turn.Unread()[:n])
	turn.Consume(n)
	return text
}

// end waits for the end and returns its reason.
func end(t *testing.T, s *Socket) error {
	t.Helper()
	turn := must[*Turn](t)(s.Read(bounded(t)))
	defer turn.Done()
	for {
		var err error
		if s.Messages() {
			_, err = turn.Message(bounded(t), len(turn.UnreadMessages()))
		} else {
			_, err = turn.Fill(bounded(t))
		}
		if err != nil {
			return err
		}
	}
}

func TestLayersStackAndComeOff(t *testing.T) {
	tab, _ := newTable(t)
	_, a, b := pair(t, tab)
	wrapBoth(t, "swap", a, b)
	wrapBoth(t, "frames", a, b)
	for _, text := range []string{"one", "", "three"} {
		if err := a.SendMessage(bounded(t), socket.Message{Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
		if got, _ := message(t, b); got != text {
			t.Errorf("%q came as %q", text, got)
		}
	}
	if b.Kind() != socket.Seqpacket || len(b.Layers()) != 2 {
		t.Errorf("kind %s, layers %v", b.Kind(), b.Layers())
	}
	for range 2 {
		if err := a.Unwrap(bounded(t)); err != nil {
			t.Fatal(err)
		}
	}
	a.Send(bounded(t), swap([]byte("raw\n")))
	if got, _ := message(t, b); got != "raw" {
		t.Errorf("after unwrap: %q", got)
	}
}

func TestEndsTravelThroughLayers(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*Socket)
		want error
	}{
		"close":    {func(s *Socket) { s.Close(bounded(t), false) }, socket.Ended},
		"shutdown": {func(s *Socket) { s.Shutdown(bounded(t), socket.ShutdownWrite) }, socket.Ended},
		"reset":    {func(s *Socket) { s.Close(bounded(t), true) }, socket.Reset},
	} {
		t.Run(name, func(t *testing.T) {
			tab, _ := newTable(t)
			_, a, b := pair(t, tab)
			wrapBoth(t, "swap", b, b) // two deep
			c.do(a)
			if err := end(t, b); !errors.Is(err, c.want) {
				t.Errorf("got %v, not %v", err, c.want)
			}
		})
	}
}

func TestLostLayerLeavesTheSocket(t *testing.T) {
	tab, _ := newTable(t)
	_, a, b := pair(t, tab)
	wrapBoth(t, "swap", a, b)
	b.top.Load().carrier.(*layered).die()
	if err := end(t, b); !errors.Is(err, socket.Lost) {
		t.Errorf("got %v", err)
	}
	if f, _ := b.Facts(); f.State != stateLost {
		t.Errorf("state %s", f.State)
	}
	if err := b.Wrap(bounded(t), WrapSpec{Layer: "swap"}); err != nil {
		t.Fatal(err)
	}
	a.Send(bounded(t), []byte("again"))
	if got := receive(t, b, 5); got != "again" || len(b.Layers()) != 1 {
		t.Errorf("%q through %d layers", got, len(b.Layers()))
	}
}

func TestLossBeneathIsNotTakenForAnEnd(t *testing.T) {
	tab, _ := newTable(t)
	_, _, b := pair(t, tab)
	wrapBoth(t, "swap", b, b)
	b.layers[0].carrier.(*layered).die() // the upper layer sees its descriptor end
	if err := end(t, b); !errors.Is(err, socket.Lost) {
		t.Errorf("got %v", err)
	}
}

func TestUnreadBytesAreRefusedOrHandedOver(t *testing.T) {
	tab, _ := newTable(t)
	_, a, b := pair(t, tab)
	a.Send(bounded(t), []byte("220 ready\r\n"))
	if got := receive(t, b, 4); got != "220 " {
		t.Fatal(got)
	}
	var unread *Unread
	if err := b.Wrap(bounded(t), WrapSpec{Layer: "swap"}); !errors.As(err, &unread) || string(unread.Bytes) != "ready\r\n" {
		t.Fatalf("got %v", err)
	}
	if err := b.Wrap(bounded(t), WrapSpec{Layer: "swap", WithUnread: true}); err != nil {
		t.Fatal(err)
	}
	a.Send(bounded(t), []byte("MORE"))
	if got, want := receive(t, b, 11), string(swap([]byte("ready\r\nMORE"))); got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestCloseWaitsUntilTheLayerHasSentAll(t *testing.T) {
	tab, _ := newTable(t)
	_, a, b := pair(t, tab)
	wrapBoth(t, "swap", a, b)
	want := bytes.Repeat([]byte("x"), 64<<10)
	a.Send(bounded(t), want)
	l := a.top.Load().carrier.(*layered)
	a.Close(bounded(t), false)
	select {
	case <-l.gone:
	default:
		t.Error("the layer still works")
	}
	if got := receive(t, b, len(want)); got != string(want) {
		t.Error("bytes are missing")
	}
}

func TestCutBeneathIsNoEndAbove(t *testing.T) {
	tab, _ := newTable(t)
	_, _, b := pair(t, tab)
	wrapBoth(t, "swap", b, b)
	lower := b.layers[0].carrier.(*layered)
	lower.finish(socket.Truncated)
	shut(lower.pair, syscall.SHUT_WR)
	if err := end(t, b); !errors.Is(err, socket.Truncated) {
		t.Errorf("got %v", err)
	}
}

func TestUnwrapLosesNoMessageForWantOfRoom(t *testing.T) {
	tab, _ := newTable(t)
	_, a, b := pair(t, tab)
	b.SetInbox(1 << 10)
	if err := b.Wrap(bounded(t), WrapSpec{Layer: "frames"}); err != nil {
		t.Fatal(err)
	}
	const lines = 40
	for range lines {
		a.Send(bounded(t), []byte("a line\n"))
	}
	const frame = socket.FrameHeader + len("a line")
	for b.top.Load().unread() < lines*frame { // until the layer has delivered all
		if bounded(t).Err() != nil {
			t.Fatal("they do not come")
		}
	}
	got := 0
	for {
		err := b.Unwrap(bounded(t))
		if err == nil {
			break
		}
		turn := must[*Turn](t)(b.Read(bounded(t)))
		n := len(turn.UnreadMessages())
		turn.Drop(n)
		turn.Done()
		if got += n; n == 0 {
			t.Fatalf("after %d: %v", got, err)
		}
	}
	if got != lines {
		t.Errorf("%d of %d came", got, lines)
	}
}

func TestCloseEndsAWrapUnderWay(t *testing.T) {
	tab, _ := newTable(t)
	_, _, b := pair(t, tab)
	wrapped := make(chan error)
	go func() { wrapped <- b.Wrap(bounded(t), WrapSpec{Layer: "stuck"}) }()
	for busy := false; !busy; {
		b.mu.Lock()
		busy = b.changing != nil
		b.mu.Unlock()
	}
	b.Close(bounded(t), false)
	if err := <-wrapped; !errors.Is(err, socket.NoSocket) {
		t.Errorf("got %v", err)
	}
}

func TestShutDownSocketIsNotWrapped(t *testing.T) {
	tab, _ := newTable(t)
	_, a, _ := pair(t, tab)
	a.Shutdown(bounded(t), socket.ShutdownWrite)
	if err := a.Wrap(bounded(t), WrapSpec{Layer: "swap"}); !errors.Is(err, socket.Unsupported) {
		t.Errorf("got %v", err)
	}
}
