//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// explorer is a terminal that is wide enough to find everything on it.
func explorer(t *testing.T) *terminal {
	t.Helper()
	t.Parallel()
	tm := openTerminal(t, setup{cols: 200, rows: 60})
	tm.prompt("sosh> ")
	return tm
}

// does types commands, one after the other, each with what is to be seen then.
func (tm *terminal) does(steps ...[2]string) {
	tm.Helper()
	for _, s := range steps {
		before := len(tm.screen().raw)
		tm.typeKeys(s[0])
		tm.wait("the typed command", func(sc screen) bool { return strings.HasSuffix(sc.rows[sc.y], lastLine(s[0])) })
		tm.typeKeys("\r")
		tm.wait(strconv.Quote(s[1])+" and a prompt after "+strconv.Quote(s[0]), func(sc screen) bool {
			row := sc.rows[sc.y]
			return strings.Contains(sc.raw[before:], s[1]) && strings.HasPrefix(row, "sosh") && strings.HasSuffix(row, ">")
		})
	}
}

func lastLine(text string) string { return text[strings.LastIndexByte(text, '\n')+1:] }

// saved saves the session and returns the script.
func (tm *terminal) saved(flags string) string {
	tm.Helper()
	tm.does([2]string{strings.TrimSpace("save s.sosh " + flags), "saved: sosh s.sosh"})
	text, err := os.ReadFile(filepath.Join(tm.home, "s.sosh"))
	if err != nil {
		tm.Fatal(err)
	}
	return string(text)
}

// replay runs a script as its user would, and returns its status and all that it said.
func (tm *terminal) replay(script string, args ...string) (status int, out string) {
	tm.Helper()
	self, err := os.Executable()
	if err != nil {
		tm.Fatal(err)
	}
	dir := tm.TempDir()
	if err := errors.Join(os.Symlink(self, dir+"/sosh"), os.WriteFile(dir+"/again.sosh", []byte(script), 0o700)); err != nil {
		tm.Fatal(err)
	}
	cmd := exec.Command(dir+"/sosh", append(args, "again.sosh")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir+"/data", "XDG_STATE_HOME="+dir+"/state")
	b, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		tm.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(b)
}

// thrice runs a script a few times, each of which must succeed.
func (tm *terminal) thrice(script string) {
	tm.Helper()
	for range 3 {
		if status, out := tm.replay(script); status != 0 {
			tm.Fatalf("status %d:\n%s\n%s", status, out, script)
		}
	}
}

// has checks that lines stand in the script, in this order.
func (tm *terminal) has(script string, lines ...string) {
	tm.Helper()
	rest := "\n" + script
	for _, l := range lines {
		_, after, ok := strings.Cut(rest, "\n"+l+"\n")
		if !ok {
			tm.Fatalf("%q is not there, or not in its place:\n%s", l, script)
		}
		rest = "\n" + after
	}
}

// program starts a server that ends with the test.
func program(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
}

// somePort is a port that nobody has.
func somePort(t *testing.T) string {
	t.Helper()
	return strconv.Itoa(plugintest.Port(t))
}

// answering is a server that gives every client a greeting, and an answer to each of its lines.
func answering(t *testing.T, greeting string, answer func(line string) string) (port string) {
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
				io.WriteString(c, greeting)
				in := make([]byte, 4096)
				var line []byte
				for {
					n, err := c.Read(in)
					if err != nil {
						return
					}
					for line = append(line, in[:n]...); bytes.IndexByte(line, '\n') >= 0; {
						one, rest, _ := bytes.Cut(line, []byte("\n"))
						line = rest
						text := answer(strings.TrimSuffix(string(one), "\r"))
						io.WriteString(c, text)
						if strings.HasSuffix(text, "bye\r\n") {
							return
						}
					}
				}
			}()
		}
	}()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// smtpServer greets with its process, the date and an identifier, and files mail under another.
const smtpServer = `
import asyncio, email.utils, os, sys, uuid
from aiosmtpd.smtp import SMTP
class Handler:
    async def handle_DATA(self, server, session, envelope):
        return '250 2.0.0 Ok: queued as %s at %s' % (uuid.uuid4().hex[:10].upper(), email.utils.formatdate())
def make():
    return SMTP(Handler(), hostname='mx.test', ident='ESMTP ready [%d] %s %s' % (os.getpid(), email.utils.formatdate(), email.utils.make_msgid()))
async def main():
    server = await asyncio.get_running_loop().create_server(make, '127.0.0.1', int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
`

func TestSavedMailSessionRunsAgain(t *testing.T) {
	tm := explorer(t)
	port := somePort(t)
	program(t, "/usr/bin/python3", "-c", smtpServer, port)
	tm.does(
		[2]string{"open tcp :" + port + " -n c --retry", "c < 220 mx.test"},
		[2]string{"send -l c EHLO me.example", "c < 250 HELP"},
		[2]string{"show c state", "ESTABLISHED"},
		[2]string{"send -l c 'MAIL FROM:<a@example.org>'", "c < 250 OK"},
		[2]string{"recv c", "250 HELP"},
		[2]string{"for to in b c; do\nsend -l c \"RCPT TO:<$to@example.org>\"\ndone", "c < 250 OK"},
	)
	tm.wait("both answers", func(s screen) bool { return strings.Count(s.raw, "c < 250 OK") == 3 })
	tm.does(
		[2]string{"expect c '^nothing' --timeout 10ms", "nothing"},
		[2]string{"send -l c DATA", "c < 354"},
		[2]string{"send -l c 'Subject: hi'; send -l c; send -l c .", "c < 250 2.0.0 Ok: queued as"},
		[2]string{"send -l c QUIT", "the peer has ended"},
	)
	script := tm.saved("")
	tm.has(script, "#!/usr/bin/env sosh", "open tcp :"+port+" -n c --retry", "send -l c EHLO me.example", `expect c '^250-mx\.test\r\n'`, `expect c '^250 HELP\r\n'`,
		"send -l c 'MAIL FROM:<a@example.org>'", `expect c '^250 OK\r\n'`, "for to in b c; do", "send -l c \"RCPT TO:<$to@example.org>\"", "done",
		`expect c '^250 OK\r\n'`, `expect c '^250 OK\r\n'`, "# expect c '^nothing' --timeout 10ms", "send -l c 'Subject: hi'; send -l c; send -l c .",
		"send -l c QUIT", `expect c '^221 Bye\r\n'`, "expect c --eof")
	for _, no := range []string{"show c", "recv c", "save"} {
		if strings.Contains(script, "\n"+no) {
			t.Errorf("%q stands in the script:\n%s", no, script)
		}
	}
	tm.thrice(script)

	other := answering(t, "554 go away\r\n", func(string) string { return "" })
	status, out := tm.replay(strings.ReplaceAll(script, port, other), "--timeout", "300ms")
	if line := 1 + strings.Count(script[:strings.Index(script, "expect c ")], "\n"); status != 3 || !strings.Contains(out, fmt.Sprintf("again.sosh:%d:1: expect c", line)) {
		t.Errorf("status %d:\n%s", status, out)
	}
}

func TestSavedRedisSessionRunsAgain(t *testing.T) {
	tm := explorer(t)
	port := somePort(t)
	program(t, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "")
	tm.does(
		[2]string{"open tcp :" + port + " --retry", "connected"},
		[2]string{"send -l . PING", "tcp1 < +PONG"},
		[2]string{`send -l tcp1 'EVAL "return redis.call([[TIME]])[1]" 0'`, "tcp1 < $10"},
		[2]string{`send -l tcp1 'SET k "a\\x00\\xffb"'`, "tcp1 < +OK"},
		[2]string{"send -l tcp1 GET k", `tcp1 < a\x00\xffb`},
		[2]string{"send -l tcp1 NONSENSE", "tcp1 < -ERR unknown command"},
	)
	script := tm.saved("")
	tm.has(script, "open tcp :"+port+" --retry -n tcp1", "send -l . PING", `expect tcp1 '^\+PONG\r\n'`, `send -l tcp1 'EVAL "return redis.call([[TIME]])[1]" 0'`, `expect tcp1 '^[0-9]{10}\r\n'`)
	tm.thrice(script)
}

func TestSavedWebSessionRunsAgain(t *testing.T) {
	tm := explorer(t)
	port := somePort(t)
	dir := t.TempDir()
	page := strings.Repeat("a line like all the others\n", 500) + "the last line\n"
	conf := "daemon off; master_process off; pid " + dir + "/pid; error_log " + dir + "/log;\nevents {}\nhttp { access_log off; client_body_temp_path " + dir +
		"/a; proxy_temp_path " + dir + "/b; fastcgi_temp_path " + dir + "/c; uwsgi_temp_path " + dir + "/d; scgi_temp_path " + dir + "/e;\nserver { listen 127.0.0.1:" + port + "; root " + dir + "; } }\n"
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(dir+"/conf", []byte(conf), 0o600), os.WriteFile(dir+"/page", []byte(page), 0o644)); err != nil {
		t.Fatal(err)
	}
	program(t, "nginx", "-c", dir+"/conf")
	tm.does(
		[2]string{"open tcp :" + port + " -n w --retry", "connected"},
		[2]string{`send w 'GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n'`, "bytes more"},
		[2]string{"open tcp :" + port + " -n h; wrap h http", "h"},
		[2]string{"send h target=/page", "status=200"},
	)
	script := tm.saved("")
	tm.has(script, `expect w '^HTTP/1\.1 200 OK\r\n'`, `expect w '^Date: [A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT\r\n'`,
		`expect w '^Content-Length: `+strconv.Itoa(len(page))+`\r\n'`, `expect w '^the last line\n'`)
	if !strings.Contains(script, "expect h status=200 reason=OK") {
		t.Errorf("the message is not awaited by its fields:\n%s", script)
	}
	tm.thrice(script)

	exact := tm.saved("--exact")
	date := regexp.MustCompile(`Date: ([^\\]+) GMT`).FindStringSubmatch(exact)
	if date == nil {
		t.Fatalf("--exact keeps no date:\n%s", exact)
	}
	for was := time.Now().Truncate(time.Second); !time.Now().After(was.Add(time.Second)); {
		time.Sleep(10 * time.Millisecond) // the next second
	}
	if status, out := tm.replay(exact, "--timeout", "300ms"); status != 3 || !strings.Contains(out, "Date: "+date[1]) {
		t.Errorf("status %d:\n%s", status, out)
	}
}

func TestSavedExactSessionRunsAgainstAConstantServer(t *testing.T) {
	tm := explorer(t)
	date := "Mon, 05 Oct 2026 12:00:00 GMT"
	port := answering(t, "hello it's "+date+"\r\n", func(string) string { return "always 10.5 ms\r\n" })
	tm.does([2]string{"open tcp :" + port + " -n c", "c < hello it's"}, [2]string{"send c 'x\\n'", "c < always"})
	script := tm.saved("--exact")
	tm.has(script, `expect c '^hello it\x27s `+date+`\r\n'`, `expect c '^always 10\.5 ms\r\n'`)
	tm.thrice(script)
}

func TestSavedDatagramsRunAgain(t *testing.T) {
	tm := explorer(t)
	port := somePort(t)
	self, _ := os.Executable()
	bin := t.TempDir() + "/sosh"
	if err := os.Symlink(self, bin); err != nil {
		t.Fatal(err)
	}
	program(t, bin, "--timeout", "none", "-c", "open udp --listen 127.0.0.1:"+port+` -n u; while :; do recv u --hex -v m; send --to $peer --hex u "$m"; done`)
	tm.does(
		[2]string{"until open udp :" + port + " -n probe && send probe x && recv probe --timeout 100ms; do close probe; done", "x"},
		[2]string{"open udp :" + port, "connected"},
		[2]string{"send . ping 12:00:00", "udp1 < 13 bytes"},
		[2]string{"send --hex . 00 01 02 ff", "udp1 < 4 bytes"},
		[2]string{"recv .", "ping 12:00:00"},
	)
	script := tm.saved("")
	tm.has(script, "open udp :"+port+" -n udp1", "send . ping 12:00:00", `expect udp1 '\Aping [0-9]{2}:[0-9]{2}:[0-9]{2}\z'`,
		"send --hex . 00 01 02 ff", "expect --hex udp1 '00 01 02 ff'")
	tm.thrice(script)
}

func TestSavedSessionOfBothEndsRunsAgain(t *testing.T) {
	tm := explorer(t)
	tm.does([2]string{"open tcp --listen :0 -n srv", "listening on 127.0.0.1:"})
	port := regexp.MustCompile(`listening on 127\.0\.0\.1:([0-9]+)`).FindStringSubmatch(tm.screen().raw)[1]
	tm.does(
		[2]string{"open tcp :" + port + " -n c; accept srv", "tcp1: a stream"},
		[2]string{"hello() {\nsend $1 \"hello from $(show $1 local.port)\\n\"\n}", ""},
		[2]string{"hello c", "tcp1 < hello from"},
		[2]string{"recv tcp1 -v line", ""},
		[2]string{"echo \"it was: $line\"", "it was: hello from"},
		[2]string{"send tcp1 'one two\\n'", "c < one two"},
		[2]string{"expect c '(t.*)'", ""},
		[2]string{"send tcp1 'more\\n'", "c < more"},
		[2]string{"send c \"${match[1]} to '" + port + "'\\n\"", "tcp1 < two to"},
		[2]string{" send c 'a secret\\n'", "tcp1 < a secret"},
		[2]string{"for i in 1 2; do expect c nope --timeout 0; send c \"again $i\\n\"; done", "tcp1 < again 2"},
		[2]string{"send c a; sned c b; send c c", "sned"},
		[2]string{"# a remark", ""},
		[2]string{"close c", "tcp1: the peer has ended"},
	)
	script := tm.saved("")
	tm.has(script, "open tcp --listen :0 -n srv", "open tcp :$(show srv local.port) -n c; accept srv -n tcp1", "hello() {", "hello c",
		`recv tcp1 -v line --until '\Ahello from [0-9]+\n'`, "echo \"it was: $line\"", "send tcp1 'one two\\n'", "expect c '(t.*)'", `expect c '\A\n' | :`,
		`expect c '^more\n' | :`, "send c \"${match[1]} to '$(show srv local.port)'\\n\"", `expect tcp1 '^two to \x27[0-9]+\x27\n'`,
		"# A line that began with a blank is left out, and what came after it.", "set +e # a command of the next one failed, and it went on", "set -e",
		"send c a", "# sned c b", "send c c", "# a remark", "close c", "expect tcp1 --eof")
	if strings.Contains(script, "secret") {
		t.Errorf("what began with a blank is there:\n%s", script)
	}
	tm.thrice(script)
}

func TestSavedJobsAreLeftToThemselves(t *testing.T) {
	tm := explorer(t)
	tm.does(
		[2]string{"open tcp --listen :0 -n srv", "listening"},
		[2]string{"shout() { expect $1 '(.*)\\n'; send $1 \"${match[1]^^}\\n\"; }", ""},
		[2]string{"accept srv --each shout --count 1 &", ""},
		[2]string{"open tcp :$(show srv local.port) -n c", "connected"},
		[2]string{"send c 'word\\n'", "c < WORD"},
	)
	tm.waitScreen("c: the peer has ended")
	script := tm.saved("")
	tm.has(script, "accept srv --each shout --count 1 &", "send c 'word\\n'", `expect c '^WORD\n'`, "expect c --eof", "wait")
	tm.thrice(script)
}

func TestSavedWaitsAreKept(t *testing.T) {
	tm := explorer(t)
	port := answering(t, "", func(line string) string { return line + "\r\n" })
	for _, step := range [][2]string{{"open tcp :" + port + " -n c", "connected"}, {"send c 'one\\n'", "c < one"}, {"send c 'two\\n'", "c < two"}} {
		tm.does(step)
		time.Sleep(50 * time.Millisecond) // which is to be kept
	}
	script := tm.saved("--timing")
	if n := len(regexp.MustCompile(`(?m)^sleep [0-9]+\.[0-9]{3}$`).FindAllString(script, -1)); n != 2 {
		t.Errorf("%d waits:\n%s", n, script)
	}
	tm.thrice(script)
	if plain := tm.saved(""); strings.Contains(plain, "sleep") {
		t.Errorf("a wait without --timing:\n%s", plain)
	}
}

func TestSavedHugeAndBinaryAnswersStayShort(t *testing.T) {
	tm := explorer(t)
	answers := map[string]string{
		"binary": string(bytes.Repeat([]byte{0, 1, 2, 0xff}, 4<<10)),
		"lines":  strings.Repeat("the same\r\n", 2000) + "done\r\n",
		"same":   strings.Repeat("the same\r\n", 2000),
		"long":   strings.Repeat("word ", 3000) + "\r\n",
		"prompt": "login: ",
		"port":   "your port is 51514:51515 127.0.0.1:51514",
	}
	port := answering(t, "\xff\xfd\x18\xff\xfd\x20", func(line string) string { return answers[line] })
	tm.does(
		[2]string{"open tcp :" + port + " -n c", `c < \xff`},
		[2]string{"send c 'binary\\n'", "bytes more"},
		[2]string{"send c 'lines\\n'", "bytes more"},
		[2]string{"recv c --bytes 24580 > /dev/null", ""},
		[2]string{"recv c > /dev/null", ""},
		[2]string{"send c 'same\\n'", "c < the same"},
		[2]string{"send c 'long\\n'", "c < word"},
		[2]string{"recv c > /dev/null", ""},
		[2]string{"send c 'prompt\\n'", "c < login:"},
		[2]string{"send c 'port\\n'", "c < your port"},
	)
	script := tm.saved("")
	if n := strings.Count(script, "\n"); n > 200 || len(script) > 16<<10 {
		t.Errorf("%d lines, %d bytes", n, len(script))
	}
	tm.has(script, "expect c '^login: '", `expect c '\Ayour port is 51514:51515 127\.0\.0\.1:[0-9]+' --settle 100ms`)
	tm.thrice(script)
}

func TestSaveSparesFilesOfOthers(t *testing.T) {
	tm := explorer(t)
	path := filepath.Join(tm.home, "mine.txt")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	tm.does(
		[2]string{"save mine.txt", "no script of save"},
		[2]string{"save /nowhere/s.sosh", "no such file or directory"},
		[2]string{"save", "FILE is missing"},
	)
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Fatalf("it is now %q", b)
	}
	tm.does([2]string{"save mine.txt --force", "saved"}, [2]string{"save mine.txt", "saved"})
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 { // it keeps what it had
		t.Fatalf("%v, %v", st.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(tm.home, ".save-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
