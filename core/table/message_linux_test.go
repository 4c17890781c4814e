package table

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// localUDP is udp in this process, with the kernel's errors handed up.
type localUDP struct{ *localTCP }

func (localUDP) Describe() socket.Description {
	return socket.Description{Name: "udp", Kind: socket.Datagram, Address: socket.HostPort,
		Calls: []socket.Call{socket.CallResolve, socket.CallBind, socket.CallConnect}}
}

func (localUDP) Open(context.Context, socket.OpenRequest) (socket.Handle, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	}
	return socket.Handle{FD: fd}, err
}

// message consumes one message.
func message(t *testing.T, s *Socket) (string, socket.Address) {
	t.Helper()
	turn := must[*Turn](t)(s.Read(bounded(t)))
	defer turn.Done()
	m, err := turn.Message(bounded(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	turn.Drop(1)
	return string(m.Data), m.Peer
}

func udp(t *testing.T, tab *Table, spec Spec) (*Socket, socket.Address) {
	t.Helper()
	spec.Protocol = "udp"
	s := must[*Socket](t)(tab.Open(bounded(t), spec))
	f, _ := s.Facts()
	return s, f.Local
}

func TestDatagramsKeepTheirBoundsAndTheirSender(t *testing.T) {
	tab, _ := newTable(t)
	u, at := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	a, aAddr := udp(t, tab, Spec{Connect: at.Text(socket.HostPort)})
	b, bAddr := udp(t, tab, Spec{Connect: at.Text(socket.HostPort)})
	long := string(bytes.Repeat([]byte("l"), 65507)) // the most that IPv4 has room for
	for _, m := range []struct {
		from *Socket
		addr socket.Address
		text string
	}{{a, aAddr, "one"}, {b, bAddr, ""}, {a, aAddr, long}, {b, bAddr, "four"}} {
		if err := m.from.SendMessage(bounded(t), socket.Message{Data: []byte(m.text)}); err != nil {
			t.Fatal(err)
		}
		if text, from := message(t, u); text != m.text || from != m.addr {
			t.Errorf("%d bytes from %v came as %d from %v", len(m.text), m.addr, len(text), from)
		}
	}
	if err := u.SendMessage(bounded(t), socket.Message{Data: []byte("back"), Peer: bAddr}); err != nil {
		t.Fatal(err)
	}
	if text, _ := message(t, b); text != "back" {
		t.Errorf("got %q", text)
	}
}

func TestErrorThatComesBackIsTold(t *testing.T) {
	tab, _ := newTable(t)
	gone, at := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	gone.Close(bounded(t), false)

	connected, _ := udp(t, tab, Spec{Connect: at.Text(socket.HostPort)})
	connected.SendMessage(bounded(t), socket.Message{Data: []byte("x")})
	turn := must[*Turn](t)(connected.Read(bounded(t)))
	_, err := turn.Message(bounded(t), 0)
	turn.Done()
	var r *Returned
	if !errors.As(err, &r) || !errors.Is(err, syscall.ECONNREFUSED) || r.What != "ICMP port unreachable" || r.To != at {
		t.Errorf("got %v", err)
	}

	// One that answers many peers goes on with the others.
	u, here := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	u.SendMessage(bounded(t), socket.Message{Data: []byte("x"), Peer: at})
	other, _ := udp(t, tab, Spec{Connect: here.Text(socket.HostPort)})
	other.SendMessage(bounded(t), socket.Message{Data: []byte("hello")})
	if text, _ := message(t, u); text != "hello" {
		t.Errorf("got %q", text)
	}
	if r, n := u.Returned(); n != 1 || r.To != at {
		t.Errorf("%d errors, the last %v", n, r)
	}
	ctx, cancel := WithLimit(t.Context(), 20*time.Millisecond)
	defer cancel()
	turn = must[*Turn](t)(u.Read(ctx))
	defer turn.Done()
	if _, err := turn.Message(ctx, 0); !errors.Is(err, socket.Timeout) {
		t.Errorf("got %v", err)
	}
}

func TestFullInboxOfMessagesSaysSoAndLosesNothing(t *testing.T) {
	tab, _ := newTable(t)
	u, at := udp(t, tab, Spec{Listen: "127.0.0.1:0", Inbox: 1 << 10})
	c, _ := udp(t, tab, Spec{Connect: at.Text(socket.HostPort)})
	for i := range 3 {
		c.SendMessage(bounded(t), socket.Message{Data: bytes.Repeat([]byte{byte(i)}, 400)})
	}
	turn := must[*Turn](t)(u.Read(bounded(t)))
	defer turn.Done()
	if _, err := turn.Message(bounded(t), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := turn.Message(bounded(t), 2); !errors.Is(err, socket.Full) {
		t.Fatalf("got %v", err)
	}
	for i := range 3 {
		m, err := turn.Message(bounded(t), 0)
		if err != nil || len(m.Data) != 400 || m.Data[0] != byte(i) {
			t.Fatalf("message %d: %d bytes, %v", i, len(m.Data), err)
		}
		turn.Drop(1)
	}
	if n := tab.unread.Load(); n != 0 {
		t.Errorf("%d bytes are still counted", n)
	}
}

func TestMessagesAreShownBeforeTheyAreConsumed(t *testing.T) {
	tab, _ := newTable(t)
	u, at := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	arrivals := make(chan Arrival, 8)
	tab.Watch(func(a Arrival) { arrivals <- a })
	defer tab.Watch(nil)
	c, from := udp(t, tab, Spec{Connect: at.Text(socket.HostPort)})
	c.SendMessage(bounded(t), socket.Message{Data: []byte("hello")})
	select {
	case a := <-arrivals:
		if a.Socket != u || !a.Message || string(a.Data) != "hello" || a.From != from {
			t.Errorf("got %+v", a)
		}
	case <-bounded(t).Done():
		t.Fatal("nothing was shown")
	}
	if text, _ := message(t, u); text != "hello" {
		t.Errorf("got %q", text)
	}
}

// TestFramesInAnyPieces: messages come out the same however their bytes are cut.
func TestFramesInAnyPieces(t *testing.T) {
	peer := socket.Address{Family: socket.FamilyUnix, Path: "\x00here"}
	var want []socket.Message
	var wire []byte
	for i, n := range []int{0, 1, 7, 8, 300, readSize - 1, readSize, 3*readSize + 5, 0} {
		m := socket.Message{Data: bytes.Repeat([]byte{byte(i)}, n), Type: uint8(i)}
		if i%2 == 1 {
			m.Peer = peer
		}
		want = append(want, m)
		wire = socket.AppendFrame(wire, m)
	}
	for seed := range uint64(24) {
		r := rand.New(rand.NewPCG(seed, 1))
		rest := wire
		var f frames
		read := func(p []byte) (int, error) {
			if len(rest) == 0 || r.IntN(4) == 0 {
				return 0, syscall.EAGAIN
			}
			n := copy(p, rest[:min(len(rest), 1+r.IntN(1<<(6+seed%12)))])
			rest = rest[n:]
			return n, nil
		}
		var got []socket.Message
		for len(got) < len(want) {
			m, err := f.next(read, func(int) bool { return true })
			if err == nil {
				got = append(got, m)
			} else if err != syscall.EAGAIN {
				t.Fatal(err)
			}
		}
		for i := range want {
			if !bytes.Equal(got[i].Data, want[i].Data) || got[i].Type != want[i].Type || got[i].Peer != want[i].Peer {
				t.Fatalf("seed %d: message %d has %d bytes, not %d", seed, i, len(got[i].Data), len(want[i].Data))
			}
		}
		if f.broken() != nil {
			t.Error("something is left")
		}
	}
}

// FuzzFrames: hostile bytes are an error, and cost no more memory than is allowed.
func FuzzFrames(f *testing.F) {
	f.Add(socket.AppendFrame(nil, socket.Message{Data: []byte("hello"), Peer: socket.Address{Family: socket.FamilyUnix, Path: "x"}}))
	f.Add([]byte{0, 200, 0, 0, 255, 255, 255, 255})
	f.Add([]byte{0, 3, 0, 0, 0, 0, 0, 1, 4, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		var fr frames
		for {
			m, err := fr.next(func(p []byte) (int, error) {
				if len(in) == 0 {
					return 0, errEnd
				}
				n := copy(p, in)
				in = in[n:]
				return n, nil
			}, func(n int) bool { return n < 1<<20 })
			if err != nil {
				return
			}
			if len(m.Data) >= 1<<20 {
				t.Fatal("more than was allowed")
			}
		}
	})
}
