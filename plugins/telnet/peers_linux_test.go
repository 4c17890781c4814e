package telnet

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("SOSH_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// telnetd runs Debian's server on one connection, with a shell behind it and no login.
func telnetd(t *testing.T, set ...sdk.Setting) *conn {
	t.Helper()
	path := need(t, "telnetd")
	if _, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err != nil {
		t.Skipf("no terminal for telnetd: %v", err)
	}
	a, b := pair(t)
	f, err := b.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(path, "-h", "-E", "/bin/sh")
	cmd.Stdin, cmd.Stdout = f, f
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	b.Close()
	return wrap(t, a, false, set...)
}

// until reads to the given text.
func until(t *testing.T, c *conn, text string) string {
	t.Helper()
	var got []byte
	for one := make([]byte, 1); !bytes.Contains(got, []byte(text)); {
		n, err := c.Read(one)
		if got = append(got, one[:n]...); err != nil {
			t.Fatalf("after %q: %v, want %q", got, err, text)
		}
	}
	return string(got)
}

func say(t *testing.T, c *conn, line string) {
	t.Helper()
	if _, err := io.WriteString(c, line+"\r\n"); err != nil {
		t.Fatal(err)
	}
}

func TestDebiansServerUnderstandsUs(t *testing.T) {
	c := telnetd(t, set("ttype", "vt220"), set("naws", "132x43"))
	if got := until(t, c, "# "); strings.Contains(got, "\xff") {
		t.Errorf("commands in the data: %q", got)
	}
	say(t, c, `stty size; echo "[$TERM]"`)
	until(t, c, "43 132\r\n[vt220]\r\n")
	if err := c.SetOption("naws", "100x30"); err != nil {
		t.Fatal(err)
	}
	say(t, c, "stty size")
	until(t, c, "30 100\r\n")
	say(t, c, `stty -opost; printf 'a\377b\r\rc\r\nd.'`)
	until(t, c, "a\xffb\r\rc\r\nd.")
	for name, want := range map[string]string{"remote.echo": "on", "remote.sga": "on", "local.ttype": "on", "local.naws": "on", "local.echo": "off", "local.binary": "off"} {
		if got := fact(c, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	say(t, c, "exit")
	if b, err := io.ReadAll(c); err != nil || bytes.Contains(b, []byte{0xff}) {
		t.Errorf("at the end: %q, %v", b, err)
	}
}

// An interrupt throws telnetd's output away, which it tells with a SYNCH: the DATA
// MARK comes as urgent data.
func TestInterruptedServersSynchIsTaken(t *testing.T) {
	c := telnetd(t)
	until(t, c, "# ")
	say(t, c, "echo reading; cat")
	until(t, c, "\nreading\r\n")
	if _, err := io.WriteString(c, "\x03"); err != nil {
		t.Fatal(err)
	}
	for fact(c, "commands") != "DM 1" { // whether cat lives depends on who runs the test
		say(t, c, "more")
		if got := until(t, c, "more"); strings.Contains(got, "\xff") || strings.Contains(got, "\xf2") {
			t.Fatalf("%q", got)
		}
	}
}

func TestBinaryWithDebiansServer(t *testing.T) {
	c := telnetd(t, set("binary", "on"))
	until(t, c, "# ")
	// In BINARY a CR LF is two ends of a line to the terminal.
	io.WriteString(c, `stty raw -echo; echo ready; head -c 6 | od -An -tx1; printf 'x\r\000\377y'`+"\n")
	until(t, c, "\nready")
	until(t, c, "\n")
	if _, err := io.WriteString(c, "\r\x00\r\n\xff."); err != nil {
		t.Fatal(err)
	}
	until(t, c, "0d 00 0d 0a ff 2e")
	until(t, c, "x\r\x00\xffy")
	if fact(c, "local.binary") != "on" { // its own direction it changes with the terminal's mode
		t.Errorf("%v", c.Facts())
	}
}

func TestDebiansClientUnderstandsUs(t *testing.T) {
	path := need(t, "telnet")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	cmd := exec.Command(path, "-E", host, port)
	cmd.Env = append(os.Environ(), "TERM=xterm-test")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := wrap(t, below(t, conn), true, set("echo", "on"))
	io.WriteString(stdin, "hello\n")
	if got := until(t, s, "hello"); strings.Contains(got, "\xff") {
		t.Errorf("commands in the data: %q", got)
	}
	// Its answers come in their order: behind a last question's, all are here.
	if err := s.SetOption("echo", "off"); err != nil {
		t.Fatal(err)
	}
	for fact(s, "local.echo") != "off" || fact(s, "ttype") == "" {
		io.WriteString(stdin, "more\n")
		until(t, s, "more")
	}
	if got := fact(s, "ttype"); !strings.EqualFold(got, "xterm-test") {
		t.Errorf("ttype %q", got)
	}
	if fact(s, "local.sga") != "on" || fact(s, "remote.sga") != "on" {
		t.Errorf("%v", s.Facts())
	}
	io.WriteString(s, "gr\xff\xfcn\r\n")
	s.Close()
	<-exited
	if !strings.Contains(out.String(), "gr\xff\xfcn\r\n") && !strings.Contains(out.String(), "gr\xff\xfcn\n") {
		t.Errorf("the client shows %q", out.String())
	}
}
