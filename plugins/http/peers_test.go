package http

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func need(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("SOSH_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skipf("%s is not installed", name)
	}
}

func TestNginxIsUnderstood(t *testing.T) {
	need(t, "nginx")
	addr := fmt.Sprint("127.0.0.1:", plugintest.Port(t))
	dir := t.TempDir()
	os.Mkdir(dir+"/www", 0o755)
	page := strings.Repeat("<p>hello</p>\n", 1000)
	os.WriteFile(dir+"/www/page.html", []byte(page), 0o644)
	for d := dir; d != "/" && strings.HasPrefix(d, os.TempDir()); d = d[:strings.LastIndexByte(d, '/')] {
		if d != os.TempDir() {
			os.Chmod(d, 0o755) // nginx reads as another user
		}
	}
	// With SSI it does not know the length, and sends chunks.
	conf := "daemon off; master_process off; pid " + dir + "/pid; error_log " + dir + "/error.log;\n" +
		"events {}\nhttp { access_log off; client_body_temp_path " + dir + "/body; proxy_temp_path " + dir + "/proxy;\n" +
		"fastcgi_temp_path " + dir + "/fcgi; uwsgi_temp_path " + dir + "/uwsgi; scgi_temp_path " + dir + "/scgi;\n" +
		"server { listen " + addr + "; root " + dir + "/www; types { text/html html; }\n" +
		"location /ssi/ { ssi on; alias " + dir + "/www/; } location = /echo { return 200 $request_method$content_length; } } }\n"
	os.WriteFile(dir+"/nginx.conf", []byte(conf), 0o600)
	var log bytes.Buffer
	cmd := exec.Command("nginx", "-c", dir+"/nginx.conf")
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	conn, err := net.Dial("tcp", addr)
	for end := time.Now().Add(20 * time.Second); err != nil; conn, err = net.Dial("tcp", addr) {
		if time.Now().After(end) {
			t.Fatalf("nginx does not listen: %s", log.String())
		}
		<-time.After(2 * time.Millisecond)
	}
	c := wrap(t, below(t, conn), false)
	// All at once: the responses come in order.
	for _, s := range [][]sdk.Setting{
		{set("target", "/page.html"), set("method", "HEAD")},
		{set("target", "/page.html")},
		{set("target", "/ssi/page.html")},
		{set("target", "/none")},
		{set("target", "/page.html"), set("header.connection", "close"), set("version", "1.0")},
	} {
		m, err := layer{}.Encode(t.Context(), c.Mark(), s)
		if err == nil {
			err = c.WriteMessage(m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []struct {
		status, chunked, body string
	}{{"200", "off", ""}, {"200", "off", page}, {"200", "on", page}, {"404", "off", "*"}, {"200", "off", page}} {
		m, err := c.ReadMessage()
		if err != nil {
			t.Fatal(i, err)
		}
		f := fieldsOf(t, m)
		if f["status"] != want.status || f["chunked"] != want.chunked || f["body"] != want.body && want.body != "*" || !strings.HasPrefix(f["header.server"], "nginx/") {
			t.Errorf("%d: %.300q", i, m.Data)
		}
	}
	if _, err := c.ReadMessage(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestCurlIsServed(t *testing.T) {
	need(t, "curl")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	url := "http://" + l.Addr().String() + "/"
	upload := bytes.Repeat([]byte("x"), 2<<20) // curl waits for 100 Continue with this
	cmd := exec.Command("curl", "-sS", "--max-time", "20", "-I", url+"head", "--next", "-sS", "--data-binary", "@-", url+"post", "--next", "-sS", "-H", "Transfer-Encoding: chunked", "-d", "abc", url+"chunks")
	cmd.Stdin = bytes.NewReader(upload)
	out := make(chan string, 1)
	go func() {
		b, err := cmd.CombinedOutput()
		out <- fmt.Sprintf("%s%v", b, err)
	}()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := wrap(t, below(t, conn), true)
	for _, want := range []struct {
		method, target, chunked string
		size                    int
	}{{"HEAD", "/head", "off", 0}, {"POST", "/post", "off", len(upload)}, {"POST", "/chunks", "on", 3}} {
		m, err := s.ReadMessage()
		if err != nil {
			t.Fatal(want.target, err)
		}
		f := fieldsOf(t, m)
		if f["method"] != want.method || f["target"] != want.target || f["chunked"] != want.chunked || len(f["body"]) != want.size {
			t.Errorf("%v: %.200q", want, m.Data)
		}
		set := []sdk.Setting{set("header.content-length", "3")}
		if want.method != "HEAD" {
			set = []sdk.Setting{{Name: "body", Value: "ok\n"}, {Name: "chunked", Value: want.chunked}}
		}
		m, err = layer{}.Encode(t.Context(), s.Mark(), set)
		if err == nil {
			err = s.WriteMessage(m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := <-out; !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(got, "ok\nok\n<nil>") {
		t.Errorf("curl says %q", got)
	}
}

// The standard library's server, over the layer's client, with large bodies both ways.
func TestLargeBodiesGoBothWays(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &nethttp.Server{Handler: nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Trailer", "Sum")
		b, _ := io.ReadAll(r.Body)
		w.Write(b)
		w.Header().Set("Sum", fmt.Sprint(len(b)))
	})}
	go server.Serve(l)
	defer server.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := wrap(t, below(t, conn), false)
	body := strings.Repeat("0123456789abcdef", 1<<20)
	for _, chunked := range []string{"off", "on"} {
		m, err := layer{}.Encode(t.Context(), c.Mark(), []sdk.Setting{set("method", "POST"), set("chunked", chunked), set("body", body)})
		if err != nil {
			t.Fatal(err)
		}
		sent := make(chan error, 1)
		go func() { sent <- c.WriteMessage(m) }()
		got, err := c.ReadMessage()
		if err := errors.Join(err, <-sent); err != nil {
			t.Fatal(err)
		}
		f := fieldsOf(t, got)
		if f["body"] != body || f["trailer.sum"] != fmt.Sprint(len(body)) || f["chunked"] != "on" {
			t.Errorf("%d bytes came back, trailer %q", len(f["body"]), f["trailer.sum"])
		}
	}
}
