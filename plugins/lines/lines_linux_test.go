package lines_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/lines"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, lines.New) }

func TestConformance(t *testing.T) {
	for _, end := range []string{"crlf", "lf", "nul", "any"} {
		t.Run(end, func(t *testing.T) {
			o := []sdk.Setting{{Name: "end", Value: end}, {Name: "max", Value: "4M"}}
			plugintest.RunLayer(t, lines.New, plugintest.LayerTest{Client: o, Server: o, Largest: 4 << 20, Message: text})
		})
	}
}

// text is n bytes without an end of a line.
func text(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[(i*7+i/36)%36]
	}
	return p
}

// conversation gives the layer what comes and returns what it made of it, and why it ended.
func conversation(tb testing.TB, in []byte, options ...sdk.Setting) (got []string, reason error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[1]), "peer")
	peer, err := net.FileConn(f)
	if err != nil {
		tb.Fatal(err)
	}
	f.Close()
	defer peer.Close()
	h, err := lines.New().(sdk.Wrapper).Wrap(tb.Context(), sdk.WrapRequest{FD: fds[0], Kind: sdk.Stream, Options: options})
	if err != nil {
		tb.Fatal(err)
	}
	go func() {
		peer.Write(in)
		peer.(*net.UnixConn).CloseWrite()
	}()
	above := os.NewFile(uintptr(h.FD), "above")
	defer above.Close()
	frames, _ := io.ReadAll(above)
	for len(frames) > 0 {
		n := int(frames[4])<<24 | int(frames[5])<<16 | int(frames[6])<<8 | int(frames[7])
		got = append(got, string(frames[8:8+n]))
		frames = frames[8+n:]
	}
	return got, h.Carrier.End(context.Background())
}

func TestLinesOfEachEnding(t *testing.T) {
	for _, c := range []struct {
		end, in string
		want    []string
		reason  error
	}{
		{"crlf", "a\r\nb\n\r\n\nc\rd\r\n", []string{"a", "b", "", "", "c\rd"}, nil},
		{"any", "a\r\nb\n", []string{"a", "b"}, nil},
		{"lf", "a\r\nb\n", []string{"a\r", "b"}, nil},
		{"nul", "a\n\x00\x00b\x00", []string{"a\n", "", "b"}, nil},
		{"crlf", "whole\r\ncut", []string{"whole", "cut"}, sdk.Truncated},
		{"crlf", "cut\r", []string{"cut\r"}, sdk.Truncated},
		{"crlf", "", nil, nil},
		{"crlf", "12345678\r\n", []string{"12345678"}, nil},
		{"crlf", "12345678\r\n123456789\r\n", []string{"12345678"}, sdk.Malformed},
		{"lf", "123456789", nil, sdk.Malformed},
	} {
		got, reason := conversation(t, []byte(c.in), sdk.Setting{Name: "end", Value: c.end}, sdk.Setting{Name: "max", Value: "8"})
		if !slices.Equal(got, c.want) || !errors.Is(reason, c.reason) || c.reason == nil && reason != nil {
			t.Errorf("%s %q: %q, %v", c.end, c.in, got, reason)
		}
	}
}

func TestOptionsThatCannotBeMeantAreRefused(t *testing.T) {
	for _, o := range []sdk.Setting{{Name: "end", Value: "cr"}, {Name: "max", Value: "0"}, {Name: "max", Value: "65M"}} {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = lines.New().(sdk.Wrapper).Wrap(t.Context(), sdk.WrapRequest{FD: fds[0], Kind: sdk.Stream, Options: []sdk.Setting{o}})
		if !errors.Is(err, sdk.Usage) {
			t.Errorf("%v: %v", o, err)
		}
		unix.Close(fds[1])
	}
}

// FuzzLines: the messages are the stream's lines, whatever comes.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\nb\nc"), "crlf")
	f.Add([]byte("\x00\x00"), "nul")
	f.Add([]byte(strings.Repeat("x", 5000)+"\n"+strings.Repeat("y\n", 3000)), "lf")
	f.Fuzz(func(t *testing.T, in []byte, end string) {
		last := "\n"
		switch end {
		case "nul":
			last = "\x00"
		case "lf", "any":
		default:
			end = "crlf"
		}
		got, reason := conversation(t, in, sdk.Setting{Name: "end", Value: end})
		want := strings.Split(string(in), last)
		cut := want[len(want)-1]
		want = want[:len(want)-1]
		if end == "crlf" || end == "any" {
			for i := range want {
				want[i] = strings.TrimSuffix(want[i], "\r")
			}
		}
		if cut != "" {
			want = append(want, cut)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q became %q", bytes.Clone(in), got)
		}
		if (cut != "") != errors.Is(reason, sdk.Truncated) || cut == "" && reason != nil {
			t.Errorf("%q ended with %v", in, reason)
		}
	})
}
