package tls_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// sServer is openssl's server, which answers each line reversed.
func sServer(t *testing.T, args ...string) (addr string, cmd *exec.Cmd) {
	t.Helper()
	cmd = exec.Command("openssl", append([]string{"s_server", "-accept", "127.0.0.1:0", "-rev"}, args...)...)
	out, err := cmd.StdoutPipe()
	must(t, err)
	stderr := &strings.Builder{}
	cmd.Stderr = stderr
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(stderr.String())
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if a, ok := strings.CutPrefix(lines.Text(), "ACCEPT "); ok {
			go io.Copy(io.Discard, out)
			return a, cmd
		}
	}
	t.Fatalf("openssl s_server did not start: %s", stderr)
	return "", nil
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestOpenSSLsServerUnderstandsUs(t *testing.T) {
	ca := newAuthority(t, "test authority")
	cert, key := ca.leaf("server", nil)
	clientCert, clientKey := ca.leaf("client", nil)
	for _, v := range []string{"1.2", "1.3"} {
		t.Run(v, func(t *testing.T) {
			addr, _ := sServer(t, "-cert", cert, "-key", key, "-alpn", "sosh,h2", "-Verify", "1", "-verify_return_error", "-CAfile", ca.File,
				"-tls1_"+v[2:])
			e, err := wrap(t, dial(t, addr), sdk.WrapRequest{Host: "localhost",
				Options: settings("ca", ca.File, "alpn", "h3,sosh", "cert", clientCert, "key", clientKey)})
			must(t, err)
			e.exchange("hello\n", "olleh\n")
			long := strings.Repeat("x", 8000)
			e.exchange(long+"\n", long+"\n")
			f := e.facts()
			for name, want := range map[string]string{"version": v, "alpn": "sosh", "sni": "localhost", "verified": "on", "resumed": "off",
				"peer.subject": "CN=server", "peer.issuer": "CN=test authority", "peer.dns": "localhost,127.0.0.1", "warning": ""} {
				if f[name] != want {
					t.Errorf("%s is %q, not %q", name, f[name], want)
				}
			}
			if len(f["peer.sha256"]) != 64 || f["cipher"] == "" || f["peer.notafter"] == "" {
				t.Errorf("%v", f)
			}
		})
	}
}

func TestOpenSSLsClientUnderstandsUs(t *testing.T) {
	ca := newAuthority(t, "test authority")
	cert, key := ca.leaf("server", nil)
	clientCert, clientKey := ca.leaf("client", nil)
	for _, v := range []string{"1.2", "1.3"} {
		t.Run(v, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			defer l.Close()
			cmd := exec.Command("openssl", "s_client", "-connect", l.Addr().String(), "-CAfile", ca.File, "-verify_return_error",
				"-servername", "localhost", "-alpn", "sosh", "-cert", clientCert, "-key", clientKey, "-tls1_"+v[2:], "-nocommands")
			in, err := cmd.StdinPipe()
			must(t, err)
			out, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
			c, err := l.Accept()
			must(t, err)
			t.Cleanup(func() { c.Close() })
			e, err := wrap(t, c, sdk.WrapRequest{Accepted: true,
				Options: settings("cert", cert, "key", key, "alpn", "sosh", "clientauth", "require", "ca", ca.File)})
			must(t, err)
			io.WriteString(in, "hello\n")
			e.exchange("answer\n", "hello\n")
			lines := bufio.NewScanner(out)
			for lines.Scan() && lines.Text() != "answer" {
			}
			if lines.Text() != "answer" {
				t.Fatal("the client did not print the answer")
			}
			if f := e.facts(); f["version"] != v || f["sni"] != "localhost" || f["verified"] != "on" || f["peer.subject"] != "CN=client" {
				t.Errorf("%v", f)
			}
			go io.Copy(io.Discard, out)
			in.Close() // it leaves with a close_notify
			if got, err := e.reason(); err != nil || got != "" {
				t.Errorf("the client's orderly end: %q, %v", got, err)
			}
		})
	}
}

// A killed process's kernel closes its socket in order, but no close_notify was sent.
func TestKilledPeerIsNoOrderlyEnd(t *testing.T) {
	ca := newAuthority(t, "test authority")
	cert, key := ca.leaf("server", nil)
	for _, v := range []string{"1.2", "1.3"} {
		addr, server := sServer(t, "-cert", cert, "-key", key, "-tls1_"+v[2:])
		e, err := wrap(t, dial(t, addr), sdk.WrapRequest{Host: "127.0.0.1", Options: settings("ca", ca.File)})
		must(t, err)
		e.exchange("hello\n", "olleh\n")
		must(t, server.Process.Kill())
		if _, err := e.reason(); !errors.Is(err, sdk.Truncated) {
			t.Errorf("TLS %s: %v", v, err)
		}
	}
}
