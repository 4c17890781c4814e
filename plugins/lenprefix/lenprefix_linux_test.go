package lenprefix_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/lenprefix"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, lenprefix.New) }

func settings(pairs ...string) (out []sdk.Setting) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, sdk.Setting{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

func TestConformance(t *testing.T) {
	for name, o := range map[string][]sdk.Setting{
		"as it is":           nil,
		"eight little bytes": settings("size", "8", "order", "little", "include", "on"),
	} {
		t.Run(name, func(t *testing.T) {
			plugintest.RunLayer(t, lenprefix.New, plugintest.LayerTest{Client: o, Server: o, Largest: 16 << 20})
		})
	}
}

// wrapped is the layer on one end of a stream.
func wrapped(tb testing.TB, options []sdk.Setting) (h sdk.Handle, above *os.File, peer *net.UnixConn) {
	tb.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		tb.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[1]), "peer")
	c, err := net.FileConn(f)
	if err != nil {
		tb.Fatal(err)
	}
	f.Close()
	h, err = lenprefix.New().(sdk.Wrapper).Wrap(tb.Context(), sdk.WrapRequest{FD: fds[0], Kind: sdk.Stream, Options: options})
	if err != nil {
		tb.Fatal(err)
	}
	return h, os.NewFile(uintptr(h.FD), "above"), c.(*net.UnixConn)
}

// made is what the layer makes of what comes: frames, and the reason of the end.
func made(tb testing.TB, in []byte, options ...string) (got [][]byte, reason error) {
	tb.Helper()
	h, above, peer := wrapped(tb, settings(options...))
	defer above.Close()
	defer peer.Close()
	go func() {
		peer.Write(in)
		peer.CloseWrite()
	}()
	frames, _ := io.ReadAll(above)
	for len(frames) > 0 {
		n := int(binary.BigEndian.Uint32(frames[4:]))
		got = append(got, frames[8:8+n])
		frames = frames[8+n:]
	}
	return got, h.Carrier.End(context.Background())
}

func TestLengthsOfEachForm(t *testing.T) {
	for _, c := range []struct {
		options []string
		in      string
		want    []string
		reason  error
	}{
		{nil, "\x00\x00\x00\x02hi\x00\x00\x00\x00\x00\x00\x00\x01!", []string{"hi", "", "!"}, nil},
		{[]string{"size", "1"}, "\x02hi", []string{"hi"}, nil},
		{[]string{"size", "2"}, "\x00\x02hi", []string{"hi"}, nil},
		{[]string{"size", "2", "order", "little"}, "\x02\x00hi", []string{"hi"}, nil},
		{[]string{"size", "4", "order", "little", "include", "on"}, "\x06\x00\x00\x00hi", []string{"hi"}, nil},
		{[]string{"size", "8"}, "\x00\x00\x00\x00\x00\x00\x00\x02hi", []string{"hi"}, nil},
		{[]string{"size", "1", "include", "on"}, "\x01\x03hi\x00", []string{"", "hi"}, sdk.Malformed},
		{nil, "\x00\x00\x00\x02hi\x00", []string{"hi"}, sdk.Truncated},
		{nil, "\x00\x00\x00\x02h", nil, sdk.Truncated},
		{[]string{"max", "4"}, "\x00\x00\x00\x04four\x00\x00\x00\x05", []string{"four"}, sdk.Malformed},
		{[]string{"size", "8"}, "\xff\xff\xff\xff\xff\xff\xff\xff", nil, sdk.Malformed},
		{nil, "", nil, nil},
	} {
		got, reason := made(t, []byte(c.in), c.options...)
		ok := len(got) == len(c.want) && errors.Is(reason, c.reason)
		for i := range got {
			ok = ok && string(got[i]) == c.want[i]
		}
		if !ok {
			t.Errorf("%v %q: %q, %v", c.options, c.in, got, reason)
		}
	}
}

func TestWhatIsWrittenHasItsLength(t *testing.T) {
	for _, c := range []struct {
		options []string
		want    string
	}{
		{nil, "\x00\x00\x00\x02hi"},
		{[]string{"size", "2", "order", "little", "include", "on"}, "\x04\x00hi"},
		{[]string{"size", "8"}, "\x00\x00\x00\x00\x00\x00\x00\x02hi"},
		{[]string{"size", "1"}, "\x02hi"},
	} {
		_, above, peer := wrapped(t, settings(c.options...))
		above.Write([]byte{0, 0, 0, 0, 0, 0, 0, 2, 'h', 'i'})
		above.Close()
		if got, err := io.ReadAll(peer); err != nil || string(got) != c.want {
			t.Errorf("%v: %q, %v", c.options, got, err)
		}
		peer.Close()
	}
}

// An announced length is only a word: memory is for what has come.
func TestAnnouncedLengthTakesNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := made(t, []byte("\x03\xff\xff\xff"+"only this"), "max", "64M"); !errors.Is(err, sdk.Truncated) {
		t.Errorf("%v", err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes were taken for 9", n)
	}
}

func TestOptionsThatCannotBeMeantAreRefused(t *testing.T) {
	for _, o := range [][]sdk.Setting{settings("size", "3"), settings("order", "middle"), settings("max", "65M"), settings("include", "yes")} {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = lenprefix.New().(sdk.Wrapper).Wrap(t.Context(), sdk.WrapRequest{FD: fds[0], Kind: sdk.Stream, Options: o})
		if !errors.Is(err, sdk.Usage) {
			t.Errorf("%v: %v", o, err)
		}
		unix.Close(fds[1])
	}
}

// FuzzLenprefix: whatever comes, the messages are those that the lengths say.
func FuzzLenprefix(f *testing.F) {
	f.Add([]byte("\x00\x02hi\x00\x00\x00\x01"), uint8(1), false, false)
	f.Add([]byte("\x06\x00\x00\x00hi"), uint8(2), true, true)
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"), uint8(3), false, true)
	f.Add(append([]byte{0, 0, 0x27, 0x10}, make([]byte, 10004)...), uint8(2), false, false)
	f.Fuzz(func(t *testing.T, in []byte, form uint8, little, include bool) {
		size := []int{1, 2, 4, 8}[form%4]
		order, own := "big", 0
		if little {
			order = "little"
		}
		o := []string{"size", string(rune('0' + size)), "order", order}
		if include {
			own = size
			o = append(o, "include", "on")
		}
		got, reason := made(t, in, o...)
		for i, rest := 0, in; ; i++ {
			if len(rest) == 0 {
				if i != len(got) || reason != nil {
					t.Fatalf("%d messages, %v", len(got), reason)
				}
				return
			}
			var n uint64
			for k := range min(size, len(rest)) {
				at := k
				if little {
					at = size - 1 - k
				}
				if at < len(rest) {
					n = n<<8 | uint64(rest[at])
				}
			}
			if len(rest) < size || n < uint64(own) || n-uint64(own) > 16<<20 || uint64(len(rest)-size) < n-uint64(own) {
				if i != len(got) || reason == nil {
					t.Fatalf("%d messages of %d, %v", len(got), i, reason)
				}
				return
			}
			m := rest[size : size+int(n)-own]
			if i >= len(got) || !bytes.Equal(got[i], m) {
				t.Fatalf("message %d of %d is another", i, len(got))
			}
			rest = rest[size+len(m):]
		}
	})
}
