package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/sosh-shell/sosh/core/socket"
)

func TestMessagesComeOutOfFramesAsTheyWentIn(t *testing.T) {
	sent := []socket.Message{
		{Data: []byte("one"), Type: 2},
		{Data: []byte{}, Peer: socket.AddressOf(netip.MustParseAddrPort("127.0.0.1:9"))},
		{Data: bytes.Repeat([]byte("x"), 3*MaxFrame+1), Peer: socket.Address{Family: socket.FamilyText, Path: "words"}},
		{Data: []byte("last")},
	}
	var all []byte
	for i, m := range sent {
		if i == 2 {
			all = socket.AppendReturn(all, socket.Return{Errno: syscall.EPERM}) // goes the other way, and is passed over
		}
		all = socket.AppendFrame(all, m)
	}
	for _, r := range []io.Reader{bytes.NewReader(all), iotest.OneByteReader(bytes.NewReader(all))} {
		from := bufio.NewReaderSize(r, 4<<10)
		for i, want := range sent {
			if got, err := ReadMessage(from); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("message %d: %d bytes, %v", i, len(got.Data), err)
			}
		}
		if _, err := ReadMessage(from); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
	for n := 1; n < len(all); n += 997 {
		from := bufio.NewReader(bytes.NewReader(all[:n]))
		var err error
		for err == nil {
			_, err = ReadMessage(from)
		}
		if err != io.ErrUnexpectedEOF && err != io.EOF {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

func TestFrameThatLiesTakesNoMemory(t *testing.T) {
	huge := []byte{0, 0, 0, 0, 0x03, 0xff, 0xff, 0xff, 'x'} // 64 MiB are said to come
	n := testing.AllocsPerRun(1, func() {
		if _, err := ReadMessage(bufio.NewReader(bytes.NewReader(huge))); err != io.ErrUnexpectedEOF {
			t.Errorf("%v", err)
		}
	})
	if n > 50 {
		t.Errorf("%v allocations", n)
	}
	if _, err := ReadMessage(bufio.NewReader(bytes.NewReader([]byte{0, 0, 0, 9, 0, 0, 0, 0}))); !errors.Is(err, socket.Failed) {
		t.Errorf("malformed: %v", err)
	}
}

func TestReturnKeepsItsErrno(t *testing.T) {
	want := socket.Return{Errno: syscall.EHOSTUNREACH, Origin: 2, Type: 3, Code: 1,
		To: socket.AddressOf(netip.MustParseAddrPort("192.0.2.1:9")), By: socket.Address{Family: socket.FamilyIP4, IP: netip.MustParseAddr("127.0.0.1")}, Text: "not today"}
	if got, err := ToReturn(FromReturn(want)); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	m := FromReturn(want)
	m.Errno = "ENOSUCHERROR"
	if _, err := ToReturn(m); err == nil {
		t.Error("an unknown errno is taken")
	}
}
