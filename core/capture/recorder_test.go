package capture

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// clock is a time that goes on by a millisecond a look.
func clock() func() time.Time {
	at := time.Unix(1_800_000_000, 123456789)
	return func() time.Time {
		at = at.Add(time.Millisecond)
		return at
	}
}

func addr(s string) socket.Address { return socket.AddressOf(netip.MustParseAddrPort(s)) }

func tcpEnds(local, remote string, accepted bool) Ends {
	return Ends{Local: addr(local), Remote: addr(remote), Accepted: accepted, Connected: true, Protocol: protoTCP}
}

// record writes a recording and returns its path.
func record(t *testing.T, e Ends, f func(r *Recorder)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.pcapng")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRecorder(file, Spec{Name: "s1", Ends: func() Ends { return e }, Now: clock(),
		Tell: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	f(r)
	r.Close()
	return path
}

// tshark runs it over a file; the test is skipped where it is not installed.
func tshark(t *testing.T, path string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	cmd := exec.Command("tshark", append([]string{"-r", path, "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-o", "ip.check_checksum:TRUE", "-o", "tcp.reassemble_out_of_order:TRUE"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, &stderr)
	}
	return string(out)
}

// followed is what Wireshark's follow-stream shows, by direction.
func followed(t *testing.T, path string) (client, server []byte) {
	t.Helper()
	for line := range strings.SplitSeq(tshark(t, path, "-q", "-z", "follow,tcp,raw,0"), "\n") {
		b, err := hex.DecodeString(strings.TrimSpace(line))
		switch {
		case err != nil || len(b) == 0:
		case line[0] == '\t':
			server = append(server, b...)
		default:
			client = append(client, b...)
		}
	}
	return client, server
}

// nothingWrong fails when Wireshark sees a bad checksum, a gap or a retransmission.
func nothingWrong(t *testing.T, path string) {
	t.Helper()
	wrong := "tcp.analysis.flags || tcp.checksum.status == 0 || udp.checksum.status == 0 || ip.checksum.status == 0 || _ws.malformed"
	if out := tshark(t, path, "-Y", wrong); out != "" {
		t.Errorf("Wireshark says:\n%s", out)
	}
}

func TestWiresharkFollowsWhatWasSentAndReceived(t *testing.T) {
	for name, e := range map[string]Ends{
		"client":  tcpEnds("127.0.0.1:40000", "127.0.0.1:7", false),
		"server":  tcpEnds("127.0.0.1:7", "127.0.0.1:40000", true),
		"six":     tcpEnds("[::1]:40000", "[fe80::1]:7", false),
		"mixed":   tcpEnds("[::]:40000", "127.0.0.1:7", false),
		"unix":    {Local: socket.Address{}, Remote: socket.Address{Family: socket.FamilyUnix, Path: "/run/x"}, Connected: true},
		"nothing": {Connected: true},
	} {
		t.Run(name, func(t *testing.T) {
			rnd := rand.NewChaCha8([32]byte{})
			var sent, received []byte
			path := record(t, e, func(r *Recorder) {
				for i := range 40 {
					p := make([]byte, 1+i*i*50) // beyond a segment
					rnd.Read(p)
					if i%3 == 0 {
						received = append(received, p...)
						r.Bytes(false, p)
					} else {
						sent = append(sent, p...)
						r.Bytes(true, p)
					}
				}
				r.End(false, false)
				r.Bytes(true, []byte("last"))
				sent = append(sent, "last"...)
				r.End(true, false)
			})
			nothingWrong(t, path)
			client, server := followed(t, path)
			if e.Accepted {
				client, server = server, client
			}
			if !bytes.Equal(client, sent) || !bytes.Equal(server, received) {
				t.Errorf("followed %d and %d bytes, not %d and %d, or others", len(client), len(server), len(sent), len(received))
			}
			// And it reads its own.
			for side, want := range map[Side][]byte{ClientSide: sent, ServerSide: received} {
				if e.Accepted {
					side = ClientSide + ServerSide - side
				}
				if got := played(t, path, 0, side); !bytes.Equal(bytes.Join(got, nil), want) {
					t.Errorf("side %d: %d pieces, or others", side, len(got))
				}
			}
		})
	}
}

func played(t *testing.T, path string, stream int, side Side) (got [][]byte) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Play(f, stream, side, func(_ time.Time, p []byte) error { got = append(got, bytes.Clone(p)); return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRecordingSaysThatItsHeadersAreSynthetic(t *testing.T) {
	e := Ends{Local: socket.Address{Family: socket.FamilyUnix, Path: "/run/me"}, Remote: socket.Address{Family: socket.FamilyUnix, Path: "\x00you"}, Connected: true}
	path := record(t, e, func(r *Recorder) { r.Bytes(true, []byte("x")) })
	out := tshark(t, path, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.interface_description", "-e", "frame.comment", "-c", "1")
	for _, want := range []string{"s1", "headers are synthetic", `is \"/run/me\" here`, `is \"@you\" there`} {
		if !strings.Contains(out, want) && !strings.Contains(out, strings.ReplaceAll(want, `\"`, `"`)) {
			t.Errorf("no %s in %s", want, out)
		}
	}
}

func TestResetAndEndsAreWritten(t *testing.T) {
	e := tcpEnds("127.0.0.1:40000", "127.0.0.1:7", false)
	flags := func(f func(*Recorder)) string {
		out := tshark(t, record(t, e, f), "-T", "fields", "-e", "tcp.flags.str")
		return strings.ReplaceAll(strings.Join(strings.Fields(out), " "), "·", "")
	}
	if got := flags(func(r *Recorder) { r.Bytes(false, []byte("x")); r.End(false, true); r.End(true, false) }); got != "S AS A AP AR" {
		t.Errorf("got %s", got)
	}
	if got := flags(func(r *Recorder) { r.End(true, false); r.End(true, false); r.End(false, false) }); got != "S AS A AF AF A" {
		t.Errorf("got %s", got)
	}
}

func TestMessagesAreDatagrams(t *testing.T) {
	peer := addr("127.0.0.2:9")
	long := bytes.Repeat([]byte{'l'}, 65507)
	path := record(t, Ends{Local: addr("127.0.0.1:5000"), Protocol: protoUDP}, func(r *Recorder) {
		r.Message(false, socket.Message{Data: []byte("in"), Peer: peer})
		r.Message(true, socket.Message{Peer: peer})
		r.Message(true, socket.Message{Data: long, Peer: peer})
		r.End(true, false)
	})
	nothingWrong(t, path)
	out := tshark(t, path, "-T", "fields", "-e", "ip.src", "-e", "udp.srcport", "-e", "udp.dstport", "-e", "udp.length")
	if want := "127.0.0.2\t9\t5000\t10\n127.0.0.1\t5000\t9\t8\n127.0.0.1\t5000\t9\t65515\n"; out != want {
		t.Errorf("got:\n%s", out)
	}
	if got := played(t, path, 0, ServerSide); len(got) != 2 || len(got[0]) != 0 || !bytes.Equal(got[1], long) {
		t.Errorf("%d played", len(got))
	}
}

func TestMessageThatNoPacketHoldsIsCutAndSaysSo(t *testing.T) {
	path := record(t, Ends{Connected: true}, func(r *Recorder) { r.Message(true, socket.Message{Data: make([]byte, 100_000)}) })
	if out := tshark(t, path, "-T", "fields", "-e", "frame.comment"); !strings.Contains(out, "100000 bytes") {
		t.Errorf("got %s", out)
	}
	f, _ := os.Open(path)
	defer f.Close()
	if err := Play(f, 0, ClientSide, func(time.Time, []byte) error { return nil }); !errors.Is(err, socket.Malformed) {
		t.Errorf("a cut message was played: %v", err)
	}
}

func TestRawPacketsKeepTheirHeader(t *testing.T) {
	in := appendIP(nil, netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("127.0.0.1"), 7, 1, 8)
	in = append(in, 0, 0, 0xff, 0xff, 0, 0, 0, 0)
	e := Ends{Local: addr("127.0.0.1:0"), Remote: addr("192.0.2.9:0"), Protocol: 1, HeaderIn: true}
	path := record(t, e, func(r *Recorder) {
		r.Message(true, socket.Message{Data: []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}})
		r.Message(false, socket.Message{Data: in})
	})
	out := tshark(t, path, "-T", "fields", "-e", "ip.src", "-e", "icmp.type", "-e", "icmp.checksum.status")
	if want := "127.0.0.1\t8\t1\n192.0.2.9\t0\t1\n"; out != want {
		t.Errorf("got:\n%s", out)
	}
}

// failing is a file that takes so many bytes.
type failing struct {
	left   int
	closed int
}

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return len(p), nil
}
func (f *failing) WriteAt(p []byte, _ int64) (int, error) { return f.Write(p) }
func (f *failing) Close() error                           { f.closed++; return nil }

func TestFailingFileIsToldOnce(t *testing.T) {
	told := 0
	f := &failing{left: 1500}
	r, err := NewRecorder(f, Spec{Ends: func() Ends { return Ends{} }, Tell: func(error) { told++ }})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		r.Bytes(true, make([]byte, 100))
		r.Message(true, socket.Message{})
		r.End(true, true)
	}
	if cap(r.buf) > keepBuffer {
		t.Errorf("%d bytes are kept", cap(r.buf))
	}
	r.Close()
	if told != 1 || f.closed != 1 {
		t.Errorf("told %d times, closed %d times", told, f.closed)
	}
	if _, err := NewRecorder(&failing{}, Spec{Ends: func() Ends { return Ends{} }}); err == nil {
		t.Error("a file that cannot be written was taken")
	}
}

func TestSecretsComeBeforeThePacketsThatNeedThem(t *testing.T) {
	line := func(i int) string { return "CLIENT_RANDOM " + strings.Repeat("a", 30+i) + " b\n" }
	dir := t.TempDir()
	log, _ := os.Create(dir + "/keys")
	defer log.Close()
	path := dir + "/f.pcapng"
	file, _ := os.Create(path)
	r, err := NewRecorder(file, Spec{Ends: func() Ends { return Ends{} }, Secrets: log})
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for i := range 20 {
		log.WriteString(line(i)[:10]) // half a line is none yet
		r.Bytes(true, []byte("x"))
		log.WriteString(line(i)[10:])
		want += line(i)
	}
	r.Close()
	b, _ := os.ReadFile(path)
	k, err := NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte("CLIENT_RANDOM"))
	if at < 0 || order.Uint32(b[at-16:]) != blockSecrets || order.Uint32(b[at-8:]) != secretsTLS {
		t.Fatal("no block of secrets")
	}
	var got strings.Builder
	for l := range strings.Lines(string(b[at : at+maxSecrets])) {
		if l[0] != '#' && l != "\n" {
			got.WriteString(l)
		}
	}
	if got.String() != want {
		t.Errorf("got:\n%s", &got)
	}
	n := 0
	for {
		if _, err = k.Next(); err != nil {
			break
		}
		n++
	}
	if n != 23 {
		t.Errorf("%d packets, then %v", n, err)
	}
}
