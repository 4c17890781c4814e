package tls

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// wrapper is what a layer's protocol has.
type wrapper interface {
	sdk.Wrapper
	sdk.Informer
}

// sockets are the two ends of a stream.
func sockets(tb testing.TB) (layers int, peers net.Conn) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[1]), "peer")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		tb.Fatal(err)
	}
	return fds[0], c
}

// hello is a handshake's first bytes, of either side.
func hello(f *testing.F, server bool) []byte {
	a, b := net.Pipe()
	cert, err := selfSigned("localhost", nil)
	if err != nil {
		f.Fatal(err)
	}
	var first [2]bytes.Buffer
	s := tls.Server(teed{a, &first[0]}, &tls.Config{Certificates: []tls.Certificate{cert}})
	c := tls.Client(teed{b, &first[1]}, &tls.Config{InsecureSkipVerify: true})
	go s.Handshake()
	if err := c.Handshake(); err != nil {
		f.Fatal(err)
	}
	a.Close()
	b.Close()
	if server {
		return first[0].Bytes()
	}
	return first[1].Bytes()
}

type teed struct {
	net.Conn
	to io.Writer
}

func (t teed) Write(p []byte) (int, error) { t.to.Write(p); return t.Conn.Write(p) }

// FuzzHandshake is a hostile peer in the handshake, of either side.
func FuzzHandshake(f *testing.F) {
	server, client := hello(f, true), hello(f, false)
	f.Add(true, server)
	f.Add(false, client)
	f.Add(true, []byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Add(false, []byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add(true, []byte{0x15, 3, 3, 0, 2, 2, 40})
	f.Add(false, []byte{0x80, 0x2e, 1, 3, 1})
	p := New().(wrapper)
	f.Fuzz(func(t *testing.T, client bool, data []byte) {
		fd, peer := sockets(t)
		defer peer.Close()
		go io.Copy(io.Discard, peer)
		go func() {
			peer.Write(data)
			peer.(*net.UnixConn).CloseWrite()
		}()
		req := sdk.WrapRequest{FD: fd, Kind: sdk.Stream, Options: []sdk.Setting{{Name: "verify", Value: "off"}}}
		if !client {
			req.Accepted = true
			req.Options = append(req.Options, sdk.Setting{Name: "selfsigned", Value: "on"})
		}
		if h, err := p.Wrap(context.Background(), req); err == nil {
			unix.Close(h.FD)
			t.Errorf("a handshake of %d recorded bytes went well", len(data))
		} else if len(err.Error()) > 4096 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	})
}

// FuzzAfterHandshake is a server that goes mad after the handshake.
func FuzzAfterHandshake(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x17, 3, 3, 0, 1, 0})
	f.Add([]byte{0x17, 3, 3, 0xff, 0xff, 0})
	f.Add([]byte{0x15, 3, 3, 0, 2, 1, 0})
	f.Add([]byte{0x16, 3, 3})
	p := New().(wrapper)
	cert, err := selfSigned("localhost", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fd, peer := sockets(t)
		defer peer.Close()
		go func() {
			s := tls.Server(peer, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true})
			s.Write([]byte("secret"))
			peer.Write(data)
			peer.(*net.UnixConn).CloseWrite()
			io.Copy(io.Discard, peer)
		}()
		h, err := p.Wrap(context.Background(), sdk.WrapRequest{FD: fd, Kind: sdk.Stream,
			Options: []sdk.Setting{{Name: "verify", Value: "off"}}})
		if err != nil {
			t.Fatal(err)
		}
		above := os.NewFile(uintptr(h.FD), "above")
		got, _ := io.ReadAll(above)
		if string(got) != "secret" {
			t.Errorf("%q was decoded", got)
		}
		if h.Carrier.End(context.Background()) == nil {
			t.Error("an end without a close_notify was an end")
		}
		above.Close()
	})
}

// source gives bytes in pieces.
type source struct {
	sdk.Below
	data  []byte
	sizes []byte
}

func (s *source) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := min(len(p), len(s.data))
	if len(s.sizes) > 0 {
		n, s.sizes = min(n, int(s.sizes[0])+1), s.sizes[1:]
	}
	copy(p, s.data[:n])
	s.data = s.data[n:]
	return n, nil
}

// FuzzRecords: no read goes beyond a record's end, and none loses a byte.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("\x17\x03\x03\x00\x02hi\x15\x03\x03\x00\x01xplain text"), []byte{0, 1, 2}, uint16(9))
	f.Add(bytes.Repeat([]byte("\x17\x03\x03\x01\x00"), 1500), []byte{}, uint16(6000))
	f.Fuzz(func(t *testing.T, data, sizes []byte, room uint16) {
		r := &records{Below: &source{data: data, sizes: sizes}}
		var got []byte
		p := make([]byte, int(room)+1)
		end := 0 // of the record under way
		for {
			n, err := r.Read(p)
			if err != nil {
				break
			}
			if n == 0 {
				t.Fatal("a read of nothing")
			}
			if len(got) == end {
				if len(data) < end+header {
					t.Fatal("bytes without a header")
				}
				end += header + int(data[end+3])<<8 + int(data[end+4])
			}
			if got = append(got, p[:n]...); len(got) > end {
				t.Fatalf("read to %d, beyond %d", len(got), end)
			}
		}
		if got = append(got, r.buffered()...); !bytes.Equal(got, data) {
			t.Errorf("%d bytes of %d", len(got), len(data))
		}
	})
}
