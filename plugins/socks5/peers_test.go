package socks5

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// start runs a proxy of somebody else's on a free port, and waits until it answers.
func start(t *testing.T, name string, args func(port string) []string) (addr string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("SOSH_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skipf("%s is not installed", name)
	}
	port := strconv.Itoa(plugintest.Port(t))
	addr = "127.0.0.1:" + port
	var log strings.Builder
	cmd := exec.Command(name, args(port)...)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for end := time.Now().Add(20 * time.Second); ; <-time.After(2 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return addr
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %s", name, log.String())
		}
	}
}

// echo answers each line with "you said" and itself, and tells its port.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Fprint(c, "welcome\n")
				io.Copy(c, c)
			}()
		}
	}()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// talk sends and reads over the connection to the target, to its end. The half
// close comes last: microsocks makes it the end of both directions.
func talk(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("welcome\nhello\n"))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "welcome\nhello\n" {
		t.Fatalf("read %q, %v", got, err)
	}
	if err := c.(sdk.CloseWriter).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := rest(t, c); got != "" {
		t.Fatalf("at the end %q", got)
	}
}

func TestMicrosocksConnectsByNameAndByAddress(t *testing.T) {
	proxy := start(t, "microsocks", func(port string) []string { return []string{"-i", "127.0.0.1", "-p", port} })
	port := echo(t)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		c, err := wrap(dial(t, proxy), set("to", host+":"+port))
		if err != nil {
			t.Fatal(err)
		}
		talk(t, c)
	}
	_, err := wrap(dial(t, proxy), set("to", fmt.Sprint("127.0.0.1:", plugintest.Port(t))))
	if !errors.Is(err, sdk.Refused) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("a closed port: %v", err)
	}
}

func TestMicrosocksAsksForThePassword(t *testing.T) {
	proxy := start(t, "microsocks", func(port string) []string {
		return []string{"-i", "127.0.0.1", "-p", port, "-u", "joe", "-P", "sesame"}
	})
	to := set("to", "127.0.0.1:"+echo(t))
	c, err := wrap(dial(t, proxy), to, set("user", "joe"), set("password", "sesame"))
	if err != nil {
		t.Fatal(err)
	}
	if fact(c, "method") != "password" {
		t.Errorf("method %q", fact(c, "method"))
	}
	talk(t, c)
	if _, err := wrap(dial(t, proxy), to, set("user", "joe"), set("password", "wrong")); !errors.Is(err, sdk.Refused) {
		t.Errorf("wrong password: %v", err)
	}
	if _, err := wrap(dial(t, proxy), to); err == nil || !strings.Contains(err.Error(), "give user=") {
		t.Errorf("no password: %v", err)
	}
}

func TestDanteConnectsAndItsRulesAreSaid(t *testing.T) {
	port := echo(t)
	conf := filepath.Join(t.TempDir(), "danted.conf")
	proxy := start(t, "danted", func(p string) []string {
		text := "logoutput: stderr\ninternal: 127.0.0.1 port = " + p + "\nexternal: 127.0.0.1\n" +
			"clientmethod: none\nsocksmethod: none\nuser.privileged: root\nuser.unprivileged: nobody\n" +
			"client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n" +
			"socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 port = 9 }\n" +
			"socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n"
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"-f", conf}
	})
	c, err := wrap(dial(t, proxy), set("to", "127.0.0.1:"+port))
	if err != nil {
		t.Fatal(err)
	}
	if host, _, err := net.SplitHostPort(fact(c, "bound")); err != nil || host != "127.0.0.1" {
		t.Errorf("bound %q", fact(c, "bound"))
	}
	talk(t, c)
	_, err = wrap(dial(t, proxy), set("to", "127.0.0.1:9"))
	if err == nil || !strings.Contains(err.Error(), "rules do not allow") {
		t.Errorf("a blocked port: %v", err)
	}
}
