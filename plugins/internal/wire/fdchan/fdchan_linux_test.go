package fdchan

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ends makes a channel; theirs is the raw descriptor of the other end.
func ends(t testing.TB) (c *Conn, theirs int) {
	t.Helper()
	c, f, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(theirs, true)
	t.Cleanup(func() { c.Close(); unix.Close(theirs) })
	return c, theirs
}

func count(t testing.TB) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range d {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(to, "anon_inode:[event") {
			n++
		}
	}
	return n
}

func file(t testing.TB) int {
	t.Helper()
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func TestMessagesArriveWithTheirDescriptor(t *testing.T) {
	a, raw := ends(t)
	b, err := New(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	fd := file(t)
	sent := []Message{{Lend, 1, nil, fd}, {Drop, 1, nil, -1}, {Give, 1<<64 - 1, []byte("mark"), fd}, {Give, 3, make([]byte, MaxMark), fd}}
	for _, m := range sent {
		if err := a.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var got []Message
	if err := b.Drain(func(m Message) bool { got = append(got, m); return true }); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(sent) {
		t.Fatalf("%d messages", len(got))
	}
	for i, m := range got {
		if m.Kind != sent[i].Kind || m.Call != sent[i].Call || !bytes.Equal(m.Mark, sent[i].Mark) || (m.FD >= 0) != (sent[i].FD >= 0) {
			t.Errorf("%+v came as %+v", sent[i], m)
		}
		if m.FD >= 0 {
			if fl, err := unix.FcntlInt(uintptr(m.FD), unix.F_GETFD, 0); err != nil || fl&unix.FD_CLOEXEC == 0 {
				t.Errorf("not close-on-exec: %v", err)
			}
			unix.Close(m.FD)
		}
	}
}

func TestServeEndsWithTheOtherEndAndWithItsOwn(t *testing.T) {
	a, raw := ends(t)
	done := make(chan error, 1)
	go func() { done <- a.Serve(func(Message) bool { return false }) }()
	unix.Shutdown(raw, unix.SHUT_RDWR)
	if err := <-done; err != io.EOF {
		t.Errorf("got %v", err)
	}
	b, _ := ends(t)
	go func() { done <- b.Serve(func(Message) bool { return false }) }()
	b.Close()
	if err := <-done; !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestMessagesOfADeadSenderAreReadable(t *testing.T) {
	a, raw := ends(t)
	b, err := New(raw)
	if err != nil {
		t.Fatal(err)
	}
	fd := file(t)
	for call := range uint64(5) {
		if err := b.Send(t.Context(), Message{Kind: Give, Call: call, FD: fd}); err != nil {
			t.Fatal(err)
		}
	}
	// It also died without reading what was sent to it: that alone is ECONNRESET.
	if err := a.Send(t.Context(), Message{Kind: Lend, Call: 1, FD: fd}); err != nil {
		t.Fatal(err)
	}
	b.Close()
	n := 0
	if err := a.Drain(func(m Message) bool { n++; return false }); err != io.EOF {
		t.Errorf("got %v", err)
	}
	if n != 5 {
		t.Errorf("%d of 5 messages", n)
	}
}

func TestWhatNobodyTakesIsClosed(t *testing.T) {
	a, raw := ends(t)
	b, err := New(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	fd := file(t)
	before := count(t)
	for range 10 {
		if err := a.Send(t.Context(), Message{Kind: Lend, Call: 1, FD: fd}); err != nil {
			t.Fatal(err)
		}
	}
	b.Drain(func(Message) bool { return false })
	if n := count(t); n != before {
		t.Errorf("%d descriptors, before %d", n, before)
	}
}

func TestReservedSlotIsEnough(t *testing.T) {
	a, raw := ends(t)
	b, err := New(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	fd := file(t)
	if err := a.Reserve(); err != nil {
		t.Fatal(err)
	}
	for call := range uint64(3) { // the first and second are nobody's
		if err := b.Send(t.Context(), Message{Kind: Give, Call: call, FD: fd}); err != nil {
			t.Fatal(err)
		}
	}
	free := useUp(t)
	rerr := a.Reserve()
	var got Message
	derr := a.Drain(func(m Message) bool {
		if m.Call == 2 {
			got = m
		}
		return m.Call == 2
	})
	free()
	if rerr != unix.EMFILE {
		t.Errorf("a second reservation: %v", rerr)
	}
	if derr != nil || got.FD < 0 {
		t.Fatalf("%+v, %v", got, derr)
	}
	unix.Close(got.FD)
	// Without a slot the message says that its descriptor was lost.
	b.Send(t.Context(), Message{Kind: Give, Call: 9, FD: fd})
	free = useUp(t)
	a.Drain(func(m Message) bool { got = m; return true })
	free()
	if got.Call != 9 || got.FD != -1 {
		t.Errorf("%+v", got)
	}
}

// useUp takes every free descriptor number.
func useUp(t *testing.T) (free func()) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	few := old
	few.Cur = 64
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	var fds []int
	for {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			break
		}
		fds = append(fds, fd)
	}
	return func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullChannelIsWaitedForUntilTheContextEnds(t *testing.T) {
	a, raw := ends(t)
	fd := file(t)
	fill := func() {
		for {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			err := a.Send(ctx, Message{Kind: Lend, Call: 1, FD: fd})
			cancel()
			if err != nil {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
				return
			}
		}
	}
	fill()
	done := make(chan error, 1)
	go func() { done <- a.Send(context.Background(), Message{Kind: Lend, Call: 2, FD: fd}) }()
	b, err := New(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for sent := false; !sent; {
		b.Drain(func(Message) bool { return false })
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			sent = true
		default:
		}
	}
}

func TestOnlySeqpacketIsAChannel(t *testing.T) {
	before := count(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fds[1])
	if _, err := New(fds[0]); err == nil {
		t.Error("accepted")
	}
	if n := count(t); n != before {
		t.Errorf("%d descriptors, before %d", n, before)
	}
}

// FuzzReceive: whatever bytes and however many descriptors come, nothing panics and
// nothing is leaked.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{byte(Give), 0, 0, 0, 0, 0, 0, 0, 1, 'm'}, 1)
	f.Add([]byte{byte(Lend), 0, 0, 0, 0, 0, 0, 0, 1}, 2)
	f.Add([]byte{byte(Drop), 0, 0, 0, 0, 0, 0, 0, 1}, 0)
	f.Add([]byte{}, 3)
	f.Add(make([]byte, 1000), 20)
	null := file(f)
	f.Fuzz(func(t *testing.T, p []byte, n int) {
		n = max(0, min(n, 253))
		c, raw := ends(t)
		before := count(t)
		var rights []byte
		if n > 0 {
			fds := make([]int, n)
			for i := range fds {
				fds[i] = null
			}
			rights = unix.UnixRights(fds...)
		}
		if err := unix.Sendmsg(raw, p, rights, nil, unix.MSG_DONTWAIT); err != nil {
			t.Skip(err)
		}
		valid := 0
		err := c.Drain(func(m Message) bool {
			valid++
			switch m.Kind {
			case Drop:
				if m.FD >= 0 || n > 0 {
					t.Errorf("%+v with %d descriptors", m, n)
				}
			case Lend, Give:
				if n != 1 || m.FD < 0 || len(m.Mark) > MaxMark {
					t.Errorf("%+v with %d descriptors", m, n)
				}
			default:
				t.Errorf("%+v", m)
			}
			return false
		})
		if (err == nil) != (valid == 1) && len(p) > 0 {
			t.Errorf("%d messages, %v", valid, err)
		}
		if errors.Is(err, ErrGarbage) && !errors.Is(c.Drain(func(Message) bool { t.Error("believed"); return false }), ErrGarbage) {
			t.Error("garbage is forgotten")
		}
		if after := count(t); after != before {
			t.Errorf("%d descriptors, before %d", after, before)
		}
	})
}

func BenchmarkPass(b *testing.B) {
	a, raw := ends(b)
	other, err := New(raw)
	if err != nil {
		b.Fatal(err)
	}
	defer other.Close()
	fd := file(b)
	for b.Loop() {
		if err := a.Send(b.Context(), Message{Kind: Lend, Call: 1, FD: fd}); err != nil {
			b.Fatal(err)
		}
		if err := other.Drain(func(Message) bool { return false }); err != nil {
			b.Fatal(err)
		}
	}
}
