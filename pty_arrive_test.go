//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// peer is the other end of a connection that sosh has.
type peer struct {
	net.Conn
	tm *terminal
}

// connect opens the socket c of sosh to a peer in the test.
func (tm *terminal) connect(flags string) *peer {
	tm.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tm.Fatal(err)
	}
	defer l.Close()
	tm.run(strings.TrimSpace(fmt.Sprintf("open tcp %s -n c %s", l.Addr(), flags)), "sosh c> ")
	conn, err := l.Accept()
	if err != nil {
		tm.Fatal(err)
	}
	tm.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &peer{conn, tm}
}

// says sends bytes.
func (p *peer) says(data string) {
	p.tm.Helper()
	if _, err := io.WriteString(p, data); err != nil {
		p.tm.Fatal(err)
	}
}

// hears waits for exactly these bytes.
func (p *peer) hears(want string) {
	p.tm.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(p, got); err != nil || string(got) != want {
		p.tm.Fatalf("the peer got %q, %v; not %q", got[:n], err, want)
	}
}

func TestArrivingDataLeavesTheTypedLineWhole(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	line := "echo " + strings.Repeat("abcdefghi ", 4) + "end"
	const bursts = 40
	typed := 0
	for i := range bursts {
		until := len(line) * (i + 1) / bursts
		tm.typeKeys(line[typed:until])
		typed = until
		var b strings.Builder
		for j := range 10 {
			fmt.Fprintf(&b, "burst %d line %d\r\n", i, j)
		}
		p.says(b.String())
		last := fmt.Sprintf("c < burst %d line 9\r\n", i)
		tm.wait("the burst", func(s screen) bool { return strings.Contains(s.raw, last) })
	}
	s := tm.prompt("sosh c> " + line)
	for i := range bursts {
		for j := range 10 {
			want := fmt.Sprintf("c < burst %d line %d\r\n", i, j)
			if n := strings.Count(s.raw, want); n != 1 {
				t.Errorf("%q was shown %d times", want, n)
			}
		}
	}
	tm.typeKeys("\r")
	tm.waitRow(strings.TrimPrefix(line, "echo "))
}

func TestArrivingDataLeavesTheCursorWhereItWas(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	tm.typeKeys("echo one three" + strings.Repeat("\x02", 5))
	at := tm.wait("the cursor in the line", func(s screen) bool { return s.x == len("sosh c> echo one ") })
	for i := range 100 {
		p.says(fmt.Sprintf("part %d ", i)) // no line end
		tm.wait("the part", func(s screen) bool { return strings.Contains(s.raw, fmt.Sprintf("part %d ", i)) })
	}
	s := tm.wait("the line below what came", func(s screen) bool {
		return s.rows[s.y] == "sosh c> echo one three" && s.y == 23
	})
	if s.x != at.x {
		t.Errorf("the cursor went from %d to %d", at.x, s.x)
	}
	tm.typeKeys("two \r")
	tm.waitRow("one two three")
}

func TestHostileDataCannotReachTheTerminal(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	tm.typeKeys("echo ha")
	tm.prompt("sosh c> echo ha")
	for _, c := range []struct{ data, shown string }{
		{"\x1b]52;c;ZXZpbA==\x07", `c < \e]52;c;ZXZpbA==\a`},
		{"\x1b]0;title\x1b\\", `c < \e]0;title\e\`},
		{"\x1b[21t", `c < \e[21t`},
		{"\x1b[2J\x1b[1;1H", `c < \e[2J\e[1;1H`},
		{"\xc2\x9b31m", `c < \u009b31m`},
		{"\x9b31m", `c < \x9b31m`},
		{"\xe2\x80\xaeevil", `c < \u202eevil`},
		{"a\b\b\bb\rc\x7f", `c < a\x08\x08\x08b\rc\x7f`},
		{"\xee\x80\x80\xee\x80\x81", `c < \ue000\ue001`},
		{"tab\tq", `c < tab\tq`},
		{"\x1b[200~exit\r\x1b[201~", `c < \e[200~exit\r\e[201~`},
	} {
		p.says(c.data + "\n")
		tm.waitRow(c.shown)
		tm.prompt("sosh c> echo ha")
	}
	tm.typeKeys("rmless\r")
	tm.waitRow("harmless")
	if title := tm.vt.Title(); title != "" {
		t.Errorf("the title became %q", title)
	}
}

func TestArrivalTellsOfClientsAndEnds(t *testing.T) {
	tm := newTerminal(t)
	tm.run("open tcp --listen 127.0.0.1:0 -n srv", "sosh srv> ")
	tm.run("open tcp :$(show srv local.port) -n c", "sosh c> ")
	tm.waitRow("srv: a client waits: accept srv")
	tm.run("accept srv -n a", "sosh a> ")
	tm.typeKeys("ech")
	tm.prompt("sosh a> ech")
	tm.typeKeys("\x15close a\r")
	tm.waitRow("c: the peer has ended its direction")
}

func TestJobPrintsAboveTheLine(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	tm.run("recv c --bytes 9 &", "sosh c> ")
	tm.typeKeys("echo ti")
	tm.prompt("sosh c> echo ti")
	p.says("job data\n")
	tm.waitRow("job data")
	s := tm.prompt("sosh c> echo ti")
	if s.rows[s.y-1] != "job data" {
		t.Errorf("not right above the line:\n%s", s)
	}
	tm.typeKeys("dy\r")
	tm.waitRow("tidy")
}

func TestJobsSayNothingAfterTheEnd(t *testing.T) {
	tm := newTerminal(t)
	tm.connect("")
	tm.run("recv c &", "sosh c> ")
	tm.typeKeys("\x04")
	tm.ended(0)
	if s := tm.screen(); s.rows[s.y] != "" || s.rows[s.y-1] != "sosh c>" {
		t.Errorf("something came behind:\n%s", s)
	}
}

func TestPeersBytesInAVariableArePrintedEscaped(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	p.says("\x1b]0;owned\x07\x1b[31mred\n")
	tm.waitScreen(`c < \e]0;owned`)
	tm.run("recv c -v x", "sosh c> ")
	tm.typeKeys("echo \"got $x\"\r")
	tm.waitRow(`got \e]0;owned\a\e[31mred`)
}

func TestRawReceiveIsRaw(t *testing.T) {
	tm := newTerminal(t)
	tm.free = true
	p := tm.connect("")
	p.says("\x1b]0;mine\x07here\n")
	tm.waitScreen(`c < \e]0;mine`)
	tm.run("recv --raw c", "sosh c> ")
	tm.waitRow("here")
	tm.mu.Lock()
	defer tm.mu.Unlock()
	if title := tm.vt.Title(); title != "mine" {
		t.Errorf("the title is %q", title)
	}
}

func TestColourIsForThoseWhoWantIt(t *testing.T) {
	for _, c := range []struct {
		env  string
		bold bool
	}{{"NO_COLOR=1", false}, {"NO_COLOR=", true}} {
		t.Run(c.env, func(t *testing.T) {
			t.Parallel()
			tm := openTerminal(t, setup{env: []string{c.env}})
			tm.prompt("sosh> ")
			tm.run("open tcp -n c", "sosh c> ")
			tm.run("show", "sosh c> ")
			if got := strings.Contains(tm.screen().raw, "\x1b[1m"); got != c.bold {
				t.Errorf("bold: %v", got)
			}
		})
	}
}

// TestCommandsRunExactlyAsTyped feeds what was typed back through a socket, so
// that no byte of it can hide.
func TestCommandsRunExactlyAsTyped(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	in := bufio.NewReader(p)
	for i := range 20 {
		want := fmt.Sprintf("é日 %d \"quoted\" \\x", i)
		tm.typeKeys("send -l --raw c '" + want[:4])
		p.says(fmt.Sprintf("noise %d\n", i))
		tm.typeKeys(want[4:] + "'\r")
		got, err := in.ReadString('\n')
		if err != nil || got != want+"\r\n" {
			t.Fatalf("the peer got %q, %v", got, err)
		}
	}
}

func TestFloodOfAJobLeavesTheKeysAlive(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	tm.run("recv c --all &", "sosh c> ")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := io.WriteString(p, strings.Repeat("flood\n", 100)); err != nil {
				return // the socket is closed
			}
		}
	}()
	tm.waitScreen("flood")
	tm.typeKeys("echo al")
	tm.wait("the line", func(s screen) bool { return s.lately("sosh c> echo al\x1b[K") })
	tm.typeKeys("ive; close c\r")
	tm.wait("the command", func(s screen) bool { return s.lately("alive\r\n") })
	tm.prompt("sosh> ")
	<-done
}
