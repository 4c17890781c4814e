package table

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

// notes is a tap that writes down what it hears.
type notes struct {
	mu sync.Mutex
	b  strings.Builder
}

func (n *notes) note(out bool, format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.b.WriteByte(map[bool]byte{true: '>', false: '<'}[out])
	fmt.Fprintf(&n.b, format+" ", args...)
}

func (n *notes) Bytes(out bool, p []byte)           { n.note(out, "%s", p) }
func (n *notes) Message(out bool, m socket.Message) { n.note(out, "[%s]", m.Data) }
func (n *notes) End(out, reset bool)                { n.note(out, "end:%v", reset) }
func (n *notes) Close()                             { n.note(true, "close") }

func (n *notes) heard(t *testing.T, want string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if got := strings.TrimSpace(n.b.String()); got != want {
		t.Errorf("heard %q, not %q", got, want)
	}
}

func TestTapHearsWhatPassesInOrder(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	must[int](t)(s.Send(bounded(t), []byte("early")))
	turn := must[*Turn](t)(c.Read(bounded(t)))
	must[[]byte](t)(turn.Fill(bounded(t)))
	turn.Done()
	var n, m notes
	c.Tap(&n)
	take(t, c, 5) // was heard as unread, and is not again
	must[int](t)(c.Send(bounded(t), []byte("q")))
	name := t.TempDir() + "/f"
	if err := os.WriteFile(name, []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := must[*os.File](t)(os.Open(name))
	defer f.Close()
	must[int64](t)(c.SendFile(bounded(t), f))
	take(t, s, 5)
	must[int](t)(s.Send(bounded(t), []byte("a")))
	s.Close(bounded(t), false)
	take(t, c, 1)
	readEnd(t, c)
	readEnd(t, c)
	if !c.Tap(&m) {
		t.Error("the new tap was not taken")
	}
	n.heard(t, "<early >q >file <a <end:false >close")
	c.Close(bounded(t), false)
	m.heard(t, ">end:false >close")
	if c.Tap(&m) || c.Tap(nil) {
		t.Error("a closed socket was tapped")
	}
}

func TestTapHearsAReset(t *testing.T) {
	tab, _ := newTable(t)
	_, c, s := pair(t, tab)
	var n, m notes
	c.Tap(&n)
	s.Tap(&m)
	s.Close(bounded(t), true)
	readEnd(t, c)
	n.heard(t, "<end:true")
	m.heard(t, ">end:true >close")
}

func TestTapHearsMessages(t *testing.T) {
	tab, _ := newTable(t)
	u, at := udp(t, tab, Spec{Listen: "127.0.0.1:0"})
	c, cAt := udp(t, tab, Spec{Connect: at.Text(socket.HostPort)})
	var n notes
	u.Tap(&n)
	must[int](t)(c.Send(bounded(t), []byte("q")))
	message(t, u)
	if err := u.SendMessage(bounded(t), socket.Message{Peer: cAt}); err != nil {
		t.Fatal(err)
	}
	n.heard(t, "<[q] >[]")
}

// TestTapBeginsWithinARelay: what was spliced until then is copied from then on.
func TestTapBeginsWithinARelay(t *testing.T) {
	tab, _ := newTable(t)
	client, server, in, out := between(t, tab)
	wait := started(bounded(t), in, out, RelaySpec{})
	echo := func(text string) {
		must[int](t)(client.Write([]byte(text)))
		must[int](t)(io.ReadFull(server, make([]byte, len(text))))
	}
	echo("before")
	var n notes
	in.Tap(&n)
	echo("after")
	n.heard(t, "<after")
	in.Tap(nil)
	echo("not")
	for _, c := range []*net.TCPConn{client, server} {
		c.CloseWrite()
	}
	if _, err := wait(); err != nil {
		t.Error(err)
	}
	n.heard(t, "<after >close")
}
