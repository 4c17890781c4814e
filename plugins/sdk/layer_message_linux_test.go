package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

// passer is a layer that passes messages on.
type passer struct{}

func (passer) Describe() sdk.Description {
	return sdk.Description{Name: "passer", Synopsis: "messages as they are", Kind: sdk.Stream, Kinds: []sdk.Kind{sdk.Datagram, sdk.Seqpacket}}
}

func (passer) Wrap(_ context.Context, b sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	return b, nil
}

func (passer) WrapMessages(_ context.Context, b sdk.MessageBelow, _ sdk.LayerRequest) (sdk.MessageConn, error) {
	return b, nil
}

const patience = 10 * time.Second

// above is a layer's upper descriptor, as a host works it.
type above struct {
	t *testing.T
	sdk.Handle
	*os.File
}

func put(t *testing.T, l sdk.Layer, req sdk.WrapRequest) *above {
	t.Helper()
	h, err := sdk.NewLayer(l).(sdk.Wrapper).Wrap(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	a := &above{t: t, Handle: h, File: os.NewFile(uintptr(h.FD), "above")}
	a.SetDeadline(time.Now().Add(patience))
	t.Cleanup(a.gone)
	return a
}

// gone closes it, and waits for the layer's end.
func (a *above) gone() {
	a.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := a.Carrier.(socket.LayerCarrier).Gone(ctx); err != nil {
		a.t.Error(err)
	}
}

func (a *above) send(m sdk.Message) {
	a.t.Helper()
	if _, err := a.Write(socket.AppendFrame(nil, m)); err != nil {
		a.t.Fatal(err)
	}
}

func (a *above) receive() (sdk.Message, error) {
	head := make([]byte, socket.FrameHeader)
	if _, err := io.ReadFull(a, head); err != nil {
		return sdk.Message{}, err
	}
	f, err := socket.ParseFrame(head)
	if err != nil {
		a.t.Fatal(err)
	}
	rest := make([]byte, f.Address+f.Data)
	if _, err := io.ReadFull(a, rest); err != nil {
		return sdk.Message{}, err
	}
	peer, err := socket.ParseFrameAddress(rest[:f.Address])
	return sdk.Message{Type: f.Type, Peer: peer, Data: rest[f.Address:]}, err
}

func udp(t *testing.T) (fd int, at socket.Address) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, socket.FromSockaddr(sa)
}

func TestDatagramsKeepTheirSenders(t *testing.T) {
	fa, at := udp(t)
	fb, bt := udp(t)
	a := put(t, passer{}, sdk.WrapRequest{FD: fa, Kind: sdk.Datagram})
	b := put(t, passer{}, sdk.WrapRequest{FD: fb, Kind: sdk.Datagram})
	for _, data := range [][]byte{[]byte("hello"), {}, bytes.Repeat([]byte("x"), 60000), []byte("again")} {
		a.send(sdk.Message{Data: data, Peer: bt})
		m, err := b.receive()
		if err != nil || !bytes.Equal(m.Data, data) || m.Peer != at {
			t.Fatalf("%d bytes from %v, %v", len(m.Data), m.Peer, err)
		}
		b.send(sdk.Message{Data: data, Peer: m.Peer})
		if m, err := a.receive(); err != nil || !bytes.Equal(m.Data, data) || m.Peer != bt {
			t.Fatalf("back: %d bytes from %v, %v", len(m.Data), m.Peer, err)
		}
	}
}

// An ICMP error tells of one datagram; the socket goes on.
func TestRefusedDatagramEndsNothing(t *testing.T) {
	fa, at := udp(t)
	dead, dt := udp(t)
	unix.Close(dead)
	sa, _ := dt.Sockaddr()
	if err := syscall.Connect(fa, sa); err != nil {
		t.Fatal(err)
	}
	a := put(t, passer{}, sdk.WrapRequest{FD: fa, Kind: sdk.Datagram})
	for range 5 {
		a.send(sdk.Message{Data: []byte("anybody?")})
	}
	info := sdk.NewLayer(passer{}).(sdk.Informer)
	for sent := ""; sent != "40"; { // only then may anybody listen there
		f, err := info.Info(t.Context(), sdk.Lent{Carrier: a.Carrier}, []string{"sent"})
		if err != nil {
			t.Fatal(err)
		}
		if sent = f[0].Value; a.Carrier.Facts().State != "open" {
			t.Fatal("the layer has ended")
		}
		unix.Poll(nil, 1)
	}
	alive, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(alive, &unix.SockaddrInet4{Port: int(dt.Port), Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		t.Skipf("the port is taken: %v", err)
	}
	defer unix.Close(alive)
	back, _ := at.Sockaddr()
	if err := syscall.Sendto(alive, []byte("here"), 0, back); err != nil {
		t.Fatal(err)
	}
	if m, err := a.receive(); err != nil || string(m.Data) != "here" || m.Peer != (socket.Address{}) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestSeqpacketEndsInOrder(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a := put(t, passer{}, sdk.WrapRequest{FD: fds[0], Kind: sdk.Seqpacket})
	b := put(t, passer{}, sdk.WrapRequest{FD: fds[1], Kind: sdk.Seqpacket})
	a.send(sdk.Message{Data: []byte("last words")})
	a.Close()
	if m, err := b.receive(); err != nil || string(m.Data) != "last words" {
		t.Errorf("%q, %v", m.Data, err)
	}
	if _, err := b.receive(); err != io.EOF {
		t.Errorf("then: %v", err)
	}
	if err := b.Carrier.End(t.Context()); err != nil {
		t.Errorf("the end: %v", err)
	}
}

// Over another layer messages are frames, with their types and peers.
func TestMessageLayersStack(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a := put(t, passer{}, sdk.WrapRequest{FD: fds[0], Kind: sdk.Seqpacket, Framed: true})
	b := put(t, passer{}, sdk.WrapRequest{FD: fds[1], Kind: sdk.Seqpacket, Framed: true})
	peer := socket.Address{Family: socket.FamilyUnix, Path: "/run/x"}
	for _, n := range []int{0, 1, 100, 300 << 10, 16 << 20, 0, 5} {
		m := sdk.Message{Type: 2, Peer: peer, Data: bytes.Repeat([]byte{7}, n)}
		go a.Write(socket.AppendFrame(nil, m))
		got, err := b.receive()
		if err != nil || got.Type != 2 || got.Peer != peer || !bytes.Equal(got.Data, m.Data) {
			t.Fatalf("%d bytes became %d, %v", n, len(got.Data), err)
		}
	}
	a.Close()
	if _, err := b.receive(); err != io.EOF || b.Carrier.End(t.Context()) != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestLayerForStreamsRefusesMessages(t *testing.T) {
	for _, req := range []sdk.WrapRequest{{Kind: sdk.Datagram}, {Kind: sdk.Seqpacket, Framed: true}} {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fds[1])
		req.FD = fds[0]
		if _, err := sdk.NewLayer(plain{}).(sdk.Wrapper).Wrap(t.Context(), req); !errors.Is(err, sdk.Usage) {
			t.Errorf("%+v: %v", req, err)
		}
		if n, err := unix.Read(fds[1], make([]byte, 1)); n != 0 || err != nil {
			t.Errorf("the descriptor stays open: %d, %v", n, err)
		}
	}
}

// speaking is a layer whose messages have fields.
type speaking struct{ plain }

func (speaking) Encode(context.Context, sdk.Mark, []sdk.Setting) (sdk.Message, error) {
	return sdk.Message{Data: []byte("encoded")}, nil
}

func (speaking) Decode(context.Context, sdk.Mark, []sdk.Message) ([][]sdk.Setting, error) {
	return nil, nil
}

func TestLayerHasTheCallsThatItDeclares(t *testing.T) {
	has := func(l sdk.Layer, c socket.Call) bool { return socket.Describe(sdk.NewLayer(l)).Can(c) }
	for _, c := range []socket.Call{socket.CallWrap, socket.CallOption, socket.CallInfo} {
		if !has(plain{}, c) {
			t.Errorf("no %s", c)
		}
	}
	for _, c := range []socket.Call{socket.CallEncode, socket.CallDecode} {
		if has(plain{}, c) || !has(speaking{}, c) {
			t.Errorf("%s: %v without it, %v with it", c, has(plain{}, c), has(speaking{}, c))
		}
	}
	if has(plain{}, socket.CallConnect) {
		t.Error("it connects")
	}
}

func TestCarrierOfAnotherLayerIsRefused(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	a := put(t, plain{}, sdk.WrapRequest{FD: fds[0], Kind: sdk.Stream})
	other := sdk.NewLayer(passer{}).(sdk.Informer)
	for _, s := range []sdk.Lent{{}, {Carrier: a.Carrier}} {
		if _, err := other.Info(t.Context(), s, nil); !errors.Is(err, syscall.EBADF) {
			t.Errorf("%v", err)
		}
	}
}
