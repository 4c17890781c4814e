package icmpraw

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// patience bounds what a test waits for.
const patience = 20 * time.Second

// ran is what a command printed.
type ran struct {
	rows []sdk.Row
	err  error
}

// run runs a command; flags as in "count=3 quiet=on".
func run(ctx context.Context, interrupt <-chan struct{}, command, host, flags string, each func(sdk.Row)) ran {
	var r ran
	r.err = protocol{}.Run(ctx, sdk.RunRequest{Command: command, Args: []string{host}, Flags: settings(flags), Interrupt: interrupt},
		func(row sdk.Row) error {
			r.rows = append(r.rows, row)
			if each != nil {
				each(row)
			}
			return nil
		})
	return r
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for raw sockets and network namespaces")
	}
}

// field is a row's field.
func field(r sdk.Row, name string) string {
	for _, s := range r.Fields {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

func (r ran) events(name string) []sdk.Row {
	var out []sdk.Row
	for _, row := range r.rows {
		if field(row, "event") == name {
			out = append(out, row)
		}
	}
	return out
}

func (r ran) summary(t testing.TB) sdk.Row {
	t.Helper()
	s := r.events("summary")
	if len(s) != 1 {
		t.Fatalf("%d summaries, %v; %+v", len(s), r.err, r.rows)
	}
	return s[0]
}

func (r ran) text() string {
	var b strings.Builder
	for _, row := range r.rows {
		b.WriteString(row.Text + "\n")
	}
	return b.String()
}

// declaredFields checks that each field is declared and of its type.
func (r ran) declaredFields(t *testing.T, command string) {
	t.Helper()
	for _, c := range commands {
		if c.Name != command {
			continue
		}
		types := map[string]sdk.FieldType{}
		for _, f := range c.Fields {
			types[f.Name] = f.Type
		}
		for _, row := range r.rows {
			for _, s := range row.Fields {
				var err error
				switch types[s.Name] {
				case sdk.IntField:
					_, err = strconv.ParseInt(s.Value, 10, 64)
				case sdk.FloatField:
					_, err = strconv.ParseFloat(s.Value, 64)
				case sdk.BoolField:
					if s.Value != "on" && s.Value != "off" {
						err = errors.New("neither on nor off")
					}
				case "":
					err = errors.New("not declared")
				}
				if err != nil {
					t.Errorf("%s=%q: %v", s.Name, s.Value, err)
				}
			}
		}
	}
}

func expectUsage(t *testing.T, command, flags string) {
	t.Helper()
	if r := run(t.Context(), nil, command, "127.0.0.1", flags, nil); !errors.Is(r.err, sdk.Usage) || len(r.rows) > 0 {
		t.Errorf("%s %s: %v, %d rows", command, flags, r.err, len(r.rows))
	}
}

func TestPingOfThisMachine(t *testing.T) {
	needRoot(t)
	for _, host := range []string{"127.0.0.1", "::1", "localhost", "0.0.0.0"} {
		for _, size := range []string{"0", "4", "8", "15", "16", "56", "20000"} {
			r := run(t.Context(), nil, "ping", host, "count=3 interval=1ms size="+size, nil)
			if r.err != nil || len(r.events("reply")) != 3 {
				t.Fatalf("%s, %s bytes: %v\n%s", host, size, r.err, r.text())
			}
			r.declaredFields(t, "ping")
			s := r.summary(t)
			for name, want := range map[string]string{"sent": "3", "received": "3", "lost": "0", "unmatched": "0", "corrupted": "0", "duplicates": "0", "host": host} {
				if got := field(s, name); got != want {
					t.Errorf("%s, %s bytes: %s is %s, want %s", host, size, name, got, want)
				}
			}
			first := r.events("reply")[0]
			n, _ := strconv.Atoi(size)
			if field(first, "seq") != "1" || field(first, "ttl") != "64" || field(first, "bytes") != strconv.Itoa(n+8) {
				t.Errorf("%s, %s bytes: %+v", host, size, first)
			}
		}
	}
}

func TestFloodIsAnsweredInFullBeyondSixteenBitsOfNumbers(t *testing.T) {
	needRoot(t)
	r := run(t.Context(), nil, "ping", "127.0.0.1", "flood=on count=70000", nil)
	s := r.summary(t)
	if r.err != nil || field(s, "received") != "70000" || field(s, "duplicates") != "0" || field(s, "late") != "0" {
		t.Errorf("%v\n%s", r.err, r.text())
	}
}

func TestInterruptEndsPingWithItsSummary(t *testing.T) {
	needRoot(t)
	interrupt := make(chan struct{})
	var once sync.Once
	r := run(t.Context(), interrupt, "ping", "127.0.0.1", "interval=1ms", func(row sdk.Row) {
		if field(row, "seq") == "5" {
			once.Do(func() { close(interrupt) })
		}
	})
	if n, _ := strconv.Atoi(field(r.summary(t), "sent")); r.err != nil || n < 5 {
		t.Errorf("%v\n%s", r.err, r.text())
	}
}

func TestCancelEndsPingAtOnce(t *testing.T) {
	needRoot(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := run(ctx, nil, "ping", "127.0.0.1", "interval=1h", func(row sdk.Row) {
		if field(row, "event") == "reply" {
			cancel()
		}
	})
	if !errors.Is(r.err, context.Canceled) || len(r.events("summary")) > 0 {
		t.Errorf("%v\n%s", r.err, r.text())
	}
}

func TestPingEndsWhenNobodyTakesItsRows(t *testing.T) {
	needRoot(t)
	full := errors.New("nobody listens")
	err := protocol{}.Run(t.Context(), sdk.RunRequest{Command: "ping", Args: []string{"127.0.0.1"}}, func(sdk.Row) error { return full })
	if !errors.Is(err, full) {
		t.Error(err)
	}
}

func TestPingEndsAtItsDeadline(t *testing.T) {
	needRoot(t)
	r := run(t.Context(), nil, "ping", "127.0.0.1", "interval=1h deadline=50ms", nil)
	if s := r.summary(t); r.err != nil || field(s, "sent") != "1" {
		t.Errorf("%v\n%s", r.err, r.text())
	}
}

func TestPingLeavesNothingBehind(t *testing.T) {
	needRoot(t)
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	run(t.Context(), nil, "ping", "127.0.0.1", "count=1", nil)
	before := count()
	for range 20 {
		run(t.Context(), nil, "ping", "127.0.0.1", "count=1", nil)
		run(t.Context(), nil, "ping", "127.0.0.1", "count=1 interface=no-such-device", nil)
		run(t.Context(), nil, "traceroute", "127.0.0.1", "numeric=on", nil)
		run(t.Context(), nil, "traceroute", "127.0.0.1", "numeric=on udp=on", nil)
	}
	if n := count(); n > before {
		t.Errorf("%d descriptors, before %d", n, before)
	}
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if len(ids.used) > 0 {
		t.Errorf("%d ids are still in use", len(ids.used))
	}
}

func TestTracerouteOfThisMachine(t *testing.T) {
	needRoot(t)
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, flags := range []string{"numeric=on", "numeric=on udp=on"} {
			r := run(t.Context(), nil, "traceroute", host, flags, nil)
			if r.err != nil || len(r.rows) != 2 || field(r.rows[1], "from") != host || field(r.rows[1], "received") != "3" || field(r.rows[1], "reached") != "on" {
				t.Errorf("%s %s: %v\n%s", host, flags, r.err, r.text())
			}
			r.declaredFields(t, "traceroute")
		}
	}
}

// receiveOne reads one message from a socket that the protocol made.
func receiveOne(t *testing.T, h sdk.Handle) sdk.Message {
	t.Helper()
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(h.FD), Events: unix.POLLIN}}, int(patience/time.Millisecond)); n != 1 || err != nil {
		t.Fatalf("nothing came (%v)", err)
	}
	buf := make([]byte, 4096)
	n, from, err := unix.Recvfrom(h.FD, buf, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := sdk.Message{Data: buf[:n]}
	if sa, ok := from.(*unix.SockaddrInet6); ok {
		m.Peer = hostAddress(netip.AddrFrom16(sa.Addr))
	}
	return m
}

func TestWhatIsEncodedIsSentAndItsReplyDecoded(t *testing.T) {
	needRoot(t)
	for family, host := range map[sdk.Family]string{sdk.FamilyIP4: "127.0.0.1", sdk.FamilyIP6: "::1"} {
		h, err := protocol{}.Open(t.Context(), sdk.OpenRequest{Family: family})
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(h.FD)
		as, err := protocol{}.Resolve(t.Context(), sdk.ResolveRequest{Text: host})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (protocol{}).Connect(t.Context(), sdk.Lent{FD: h.FD, Mark: h.Mark}, as[0]); err != nil {
			t.Fatal(err)
		}
		m, err := protocol{}.Encode(t.Context(), h.Mark, settings("seq=7 data=hello"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(h.FD, m.Data); err != nil {
			t.Fatal(err)
		}
		for {
			all, err := protocol{}.Decode(t.Context(), h.Mark, []sdk.Message{receiveOne(t, h)})
			if err != nil {
				t.Fatal(err)
			}
			r := sdk.Row{Fields: all[0]}
			if field(r, "type") == "echo" || field(r, "seq") != "7" {
				continue // the request itself: it was received here, too
			}
			if field(r, "type") != "echo-reply" || field(r, "data") != "hello" || field(r, "src") != host || field(r, "error") != "" {
				t.Errorf("%+v", all[0])
			}
			break
		}
	}
}
