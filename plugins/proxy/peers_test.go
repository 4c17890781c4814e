package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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

// talk sends and reads over the connection to the target, to its end.
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

// tinyproxy runs one with the given lines in its configuration.
func tinyproxy(t *testing.T, lines string) string {
	conf := filepath.Join(t.TempDir(), "tinyproxy.conf")
	return start(t, "tinyproxy", func(port string) []string {
		text := "Port " + port + "\nListen 127.0.0.1\nTimeout 60\nMaxClients 10\nAllow 127.0.0.1\n" + lines
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"-d", "-c", conf}
	})
}

func TestTinyproxyConnects(t *testing.T) {
	proxy := tinyproxy(t, "")
	c, err := wrap(dial(t, proxy), set("to", "127.0.0.1:"+echo(t)))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(fact(c, "status"), "200 ") {
		t.Errorf("status %q", fact(c, "status"))
	}
	talk(t, c)
	_, err = wrap(dial(t, proxy), set("to", fmt.Sprint("127.0.0.1:", plugintest.Port(t))))
	if !errors.Is(err, sdk.Refused) {
		t.Errorf("a closed port: %v", err)
	}
}

func TestTinyproxyAsksForThePassword(t *testing.T) {
	proxy := tinyproxy(t, "BasicAuth joe sesame\nConnectPort 0\n")
	to := set("to", "127.0.0.1:"+echo(t))
	_, err := wrap(dial(t, proxy), to)
	if err == nil || !strings.Contains(err.Error(), "give user=NAME") || !strings.Contains(err.Error(), "Basic") {
		t.Errorf("no password: %v", err)
	}
	_, err = wrap(dial(t, proxy), to, set("user", "joe"), set("password", "sesame"))
	if err == nil || !strings.Contains(err.Error(), "rules") {
		t.Errorf("a port that is not allowed: %v", err)
	}
	proxy = tinyproxy(t, "BasicAuth joe sesame\n")
	c, err := wrap(dial(t, proxy), to, set("user", "joe"), set("password", "sesame"))
	if err != nil {
		t.Fatal(err)
	}
	talk(t, c)
}

// nginx runs one that takes PROXY headers and answers with what they say.
func TestNginxUnderstandsBothVersions(t *testing.T) {
	dir := t.TempDir()
	addr := start(t, "nginx", func(port string) []string {
		conf := "daemon off; master_process off; pid " + dir + "/pid; error_log " + dir + "/error.log;\n" +
			"events {}\nhttp { access_log off; client_body_temp_path " + dir + "/body; proxy_temp_path " + dir + "/proxy;\n" +
			"fastcgi_temp_path " + dir + "/fcgi; uwsgi_temp_path " + dir + "/uwsgi; scgi_temp_path " + dir + "/scgi;\n" +
			"server { listen 127.0.0.1:" + port + " proxy_protocol;\n" +
			"location / { return 200 '$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port'; } } }\n"
		if err := os.WriteFile(dir+"/nginx.conf", []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"-c", dir + "/nginx.conf"}
	})
	for _, mode := range []string{"v1", "v2"} {
		for _, ends := range [][2]string{{"192.0.2.1:1234", "198.51.100.2:443"}, {"[2001:db8::1]:1234", "[2001:db8::2]:443"}, {"none", ""}} {
			c, err := wrap(dial(t, addr), set("mode", mode), set("from", ends[0]), set("to", ends[1]))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(c, "GET / HTTP/1.0\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("%s %v: %v", mode, ends, err)
			}
			got := rest(t, resp.Body)
			want := "   "
			if ends[0] != "none" {
				from, to := plainOf(ends[0]), plainOf(ends[1])
				want = fmt.Sprintf("%v %d %v %d", from.Addr(), from.Port(), to.Addr(), to.Port())
			}
			if got != want {
				t.Errorf("%s %v: nginx understood %q, want %q", mode, ends, got, want)
			}
		}
	}
}

func TestCurlsHeaderIsRead(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	curl := exec.Command("curl", "-s", "--max-time", "20", "--haproxy-protocol", "http://"+l.Addr().String()+"/x")
	out := make(chan string, 1)
	go func() {
		b, err := curl.CombinedOutput()
		out <- fmt.Sprintf("%s%v", b, err)
	}()
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	peer.SetDeadline(time.Now().Add(20 * time.Second))
	c, err := (layer{}).Wrap(t.Context(), below(t, peer), sdk.LayerRequest{Accepted: true, Options: defaults(t)})
	if err != nil {
		t.Fatal(err)
	}
	if fact(c, "mode") != "read" || fact(c, "src") != peer.RemoteAddr().String() || fact(c, "dst") != l.Addr().String() {
		t.Errorf("%v", c.(sdk.FactTeller).Facts())
	}
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil || req.URL.Path != "/x" {
		t.Fatalf("%v, %v", req, err)
	}
	fmt.Fprint(c, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
	c.Close()
	if got := <-out; got != "ok<nil>" {
		t.Errorf("curl: %s", got)
	}
}

func defaults(t *testing.T) sdk.OptionValues {
	v, err := sdk.OptionValuesOf(options)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
