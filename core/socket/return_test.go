package socket

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"
)

// whole takes a frame apart.
func whole(t *testing.T, b []byte) (Frame, Address, []byte) {
	t.Helper()
	f, err := ParseFrame(b)
	if err != nil || len(b) != FrameHeader+f.Address+f.Data {
		t.Fatalf("%+v of %d bytes, %v", f, len(b), err)
	}
	a, err := ParseFrameAddress(b[FrameHeader : FrameHeader+f.Address])
	if err != nil {
		t.Fatal(err)
	}
	return f, a, b[FrameHeader+f.Address:]
}

func TestReturnTravelsInAFrame(t *testing.T) {
	to := AddressOf(netip.MustParseAddrPort("[fe80::1%lo]:9"))
	for _, want := range []Return{
		{Errno: syscall.ECONNREFUSED, Origin: 2, Type: 3, Code: 3, To: to, By: Address{Family: FamilyIP4, IP: netip.MustParseAddr("192.0.2.1")}},
		{Errno: syscall.EMSGSIZE},
		{Errno: syscall.EINVAL, Text: "a message begins with a letter", By: Address{Family: FamilyText, Path: "anybody"}},
		{Errno: syscall.ENOENT, To: Address{Family: FamilyText, Path: "anybody"}},
	} {
		f, a, data := whole(t, AppendReturn(nil, want))
		got, err := ParseReturn(data, a)
		if !f.Return || err != nil || got != want {
			t.Errorf("%+v, %v, wanted %+v", got, err, want)
		}
		for n := range data {
			if _, err := ParseReturn(data[:n], a); n < returnFixed && !errors.Is(err, Failed) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
	}
	if f, _, _ := whole(t, AppendFrame(nil, Message{Data: []byte("x")})); f.Return {
		t.Error("a message is taken for a return")
	}
	if _, err := ParseFrame([]byte{0, 0, 2, 0, 0, 0, 0, 0}); !errors.Is(err, Failed) {
		t.Errorf("reserved byte: %v", err)
	}
}

func TestAddressOfWordsTravelsInAFrame(t *testing.T) {
	for _, text := range []string{"", "anything at all", "\x00\xff", strings.Repeat("x", MaxFrameText)} {
		want := Address{Family: FamilyText, Path: text}
		if _, a, data := whole(t, AppendFrame(nil, Message{Data: []byte("d"), Peer: want})); a != want || !bytes.Equal(data, []byte("d")) {
			t.Errorf("%v, %q", a, data)
		}
	}
	long := Address{Family: FamilyText, Path: strings.Repeat("x", MaxFrameText+1)}
	if _, a, data := whole(t, AppendFrame(nil, Message{Data: []byte("d"), Peer: long})); !a.IsZero() || string(data) != "d" {
		t.Errorf("%v, %q: one that is too long must not spoil the frame", a, data)
	}
}

func TestTextOfAReturnIsBoundedAndUTF8(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat("é", MaxReturnText):       strings.Repeat("é", MaxReturnText/2),
		"x" + strings.Repeat("é", MaxReturnText): "x" + strings.Repeat("é", MaxReturnText/2-1),
		"\xff no text": "\uFFFD no text",
		strings.Repeat("\xffx", 100*MaxReturnText): strings.Repeat("\uFFFDx", MaxReturnText/4),
	} {
		_, a, data := whole(t, AppendReturn(nil, Return{Errno: syscall.EIO, Text: text}))
		if got, err := ParseReturn(data, a); err != nil || got.Text != want {
			t.Errorf("%d bytes: %.20q of %d bytes, %v", len(text), got.Text, len(got.Text), err)
		}
	}
	lies := append([]byte{0, 0, 0, 5, 0, 0, 0, 0xff, 0xff}, make([]byte, 70000)...)
	if _, err := ParseReturn(lies, Address{}); !errors.Is(err, Failed) {
		t.Errorf("a text that is too long: %v", err)
	}
}
