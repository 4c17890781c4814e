//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPagesRun does what the pages say.
func TestPagesRun(t *testing.T) {
	for _, page := range pages(t) {
		all, err := readPage(page)
		if err != nil {
			t.Error(err)
			continue
		}
		if len(all) == 0 {
			continue
		}
		t.Run(strings.TrimSuffix(page, ".md"), func(t *testing.T) {
			t.Parallel()
			runPage(t, all)
		})
	}
}

// drawing is what a block of text must have.
var drawing = regexp.MustCompile(`[─-╿▀-▟▲-▽◀-◁]`)

func runPage(t *testing.T, all []block) {
	for _, name := range unused(all) {
		t.Errorf("%s: the file %s is used by no block", all[0].page, name)
	}
	var prompts []block
	s := pageScript{dir: t.TempDir()}
	for _, b := range all {
		switch {
		case b.file != "":
			s.file(&b)
		case b.prompt():
			prompts = append(prompts, b)
		case b.lang == "console":
			s.console(t, &b)
		case b.lang == "sh":
			s.shell(t, &b)
		case b.lang == "sosh":
			name := fmt.Sprintf("line%d.sosh", b.line)
			s.put(name, b.text)
			s.add(pageCommand{at: b.String(), line: "sosh " + name})
		case b.lang == "yaml":
			run, err := steps(&b)
			if err != nil {
				t.Error(err)
			}
			s.shell(t, &block{page: b.page, line: b.line, text: strings.Join(run, "\n")})
		case b.lang == "text":
			if !drawing.MatchString(b.text) {
				t.Errorf("%v: a block of text is a drawing", &b)
			}
		default:
			t.Errorf("%v: not known how to run %q", &b, b.lang)
		}
	}
	if len(prompts) == 0 && len(s.commands) == 0 {
		return
	}
	p := newPlace(t)
	s.run(t, p)
	for _, b := range prompts {
		p.typed(t, &b)
	}
}

// pageCommand is one of a page.
type pageCommand struct {
	at      string // where it stands
	line    string
	prints  []string // lines
	compare bool     // what it prints is told
	fails   bool     // its status is asked for next
}

// pageScript is a page as one script of bash: what a block leaves, a server say, is there
// in the next.
type pageScript struct {
	dir      string // of the page's reader
	text     strings.Builder
	commands []pageCommand
}

// put writes a file.
func (s *pageScript) put(name, text string) {
	// The end is one that no page has; the name's characters are those of fileLine.
	fmt.Fprintf(&s.text, "mkdir -p \"$(dirname %s)\"; cat > %s <<'=END='\n%s=END=\n", name, name, text)
}

func (s *pageScript) file(b *block) { s.put(b.file, b.text) }

func (s *pageScript) add(c pageCommand) {
	s.commands = append(s.commands, c)
	// The status goes on to the next command, which may ask for it.
	fmt.Fprintf(&s.text, "(exit ${status-0})\n%s\nstatus=$?; printf '\\036%%d\\036' $status\n", c.line)
}

// console adds a session's commands.
func (s *pageScript) console(t *testing.T, b *block) {
	var list []pageCommand
	for i, line := range b.lines() {
		if typed, ok := strings.CutPrefix(line, "$ "); ok {
			if typed == "echo $?" && len(list) > 0 {
				list[len(list)-1].fails = true
			}
			list = append(list, pageCommand{at: fmt.Sprintf("%s:%d", b.page, b.line+1+i), line: typed, compare: true})
		} else if len(list) > 0 {
			last := &list[len(list)-1]
			last.prints = append(last.prints, line)
		} else {
			t.Errorf("%v: a session begins with %q", b, "$ ")
		}
	}
	for _, c := range list {
		s.add(c)
	}
}

// shell adds a block as it is, but for calls of go.
func (s *pageScript) shell(t *testing.T, b *block) {
	var rest []string
	for _, line := range b.lines() {
		if !strings.HasPrefix(line, "go ") {
			rest = append(rest, line)
		} else if err := goCommand(line); err != nil {
			t.Errorf("%v: %v", b, err)
		}
	}
	if len(rest) > 0 {
		s.add(pageCommand{at: b.String(), line: "set -e; eval " + quote(strings.Join(rest, "\n")) + "; set +e"})
	}
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// run runs the script and looks at what each command printed.
func (s *pageScript) run(t *testing.T, p *place) {
	if len(s.commands) == 0 {
		return
	}
	name := filepath.Join(t.TempDir(), "page.sh")
	if err := os.WriteFile(name, []byte(s.text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	out, err := os.Create(name + ".out") // no pipe: a server that is left would hold it open
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := p.command(ctx, s.dir, "bash", name)
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	printed, rerr := os.ReadFile(out.Name())
	if rerr != nil {
		t.Fatal(rerr)
	}
	parts := strings.Split(string(printed), "\x1e")
	if done := len(parts) / 2; done < len(s.commands) {
		t.Fatalf("%s: the page's shell ended here: %v\n%s", s.commands[done].at, err, printed)
	}
	for i, c := range s.commands {
		got, status := strings.ReplaceAll(parts[2*i], "\r\n", "\n"), parts[2*i+1] // as one sees it
		if status != "0" && !c.fails && !slices.ContainsFunc(c.prints, failure.MatchString) {
			t.Errorf("%s: %s\nstatus %s, of which the page tells nothing; printed:\n%s", c.at, c.line, status, got)
		}
		if c.compare && !printsLike(c.prints).MatchString(got) {
			t.Errorf("%s: %s\nprinted:\n%snot:\n%s", c.at, c.line, got, strings.Join(c.prints, "\n"))
		}
	}
}

// failure is a line that tells that a command has failed.
var failure = regexp.MustCompile(`^FAIL `)

// printsLike matches a page's lines, where "…" stands for what varies.
func printsLike(lines []string) *regexp.Regexp {
	text := `\A`
	for _, line := range lines {
		if strings.TrimSpace(line) == "…" {
			text += `(?:.*\n)*?`
		} else {
			text += strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + `\n`
		}
	}
	return regexp.MustCompile(text + `\z`)
}

// place is where a page is done: a network of its own, in which every port is free and
// example.com is a web server of this machine, which nginx is. Its processes are a
// namespace, too, so that a server that a page leaves behind ends with it.
type place struct {
	home   string
	first  int // its first process
	path   string
	golang []string // where the Go tools keep what they have built
}

func newPlace(t *testing.T) *place {
	if os.Geteuid() != 0 && os.Getenv("SOSH_TEST_ALL") == "" {
		t.Skip("a network of its own needs root")
	}
	p := &place{home: t.TempDir()}
	bin := filepath.Join(p.home, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(builtProgram(t), filepath.Join(bin, "sosh")); err != nil {
		t.Fatal(err)
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	p.path = bin + ":/usr/sbin:/usr/bin:/sbin:/bin:" + filepath.Dir(tool)
	for _, key := range []string{"GOCACHE", "GOMODCACHE"} {
		value, err := exec.Command(tool, "env", key).Output()
		if err != nil {
			t.Fatal(err)
		}
		p.golang = append(p.golang, key+"="+strings.TrimSpace(string(value)))
	}
	cmd := exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", placeSetup)
	cmd.Dir, cmd.Env = p.home, p.environ()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill() // which is felt by all
		cmd.Wait()
	})
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("a network of its own: %s", &stderr)
	}
	p.first = children(cmd.Process.Pid)[0]
	return p
}

// placeTemp is TMPDIR there: in a shared one sosh takes the folders of processes that it
// does not see for left behind.
const placeTemp = "/mnt"

// placeSetup makes a place and holds it until its input ends, which it does with the test at the latest.
const placeSetup = `
ip link set lo up
mount -t tmpfs tmp ` + placeTemp + `
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout key.pem -out cert.pem \
	-subj /CN=example.com -addext subjectAltName=DNS:example.com
mount --bind cert.pem /etc/ssl/certs/ca-certificates.crt
printf '127.0.0.1 localhost example.com\n::1 localhost\n' > hosts
mount --bind hosts /etc/hosts
mkdir -m 755 www; echo 'hello, world' > www/index.html
cat > nginx.conf <<END
daemon off; master_process off; pid $PWD/nginx.pid; error_log $PWD/error.log;
events {}
http {
	access_log off; default_type text/html;
	client_body_temp_path $PWD/body; proxy_temp_path $PWD/proxy; fastcgi_temp_path $PWD/fcgi; uwsgi_temp_path $PWD/uwsgi; scgi_temp_path $PWD/scgi;
	server { listen 80; listen 443 ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem; root $PWD/www; }
}
END
nginx -c "$PWD/nginx.conf" &
cat > smtp.py <<END
import email.utils, socket
s = socket.create_server(("127.0.0.1", 25))
while True:
    c, _ = s.accept()
    try:
        c.sendall(("220 mx.example.org ESMTP; " + email.utils.formatdate(localtime=True) + "\\r\\n").encode())
        c.makefile().readline()
        c.sendall(b"221 Bye\\r\\n")
    except OSError: # who asked only whether it listens
        pass
    c.close()
END
python3 smtp.py &
sosh --timeout 10s -c 'open tcp localhost:25 --retry'
sosh --timeout 10s -c 'open tcp localhost:443 --retry'
echo ready
cat
`

func (p *place) environ() []string {
	return append([]string{"HOME=" + p.home, "XDG_DATA_HOME=" + p.home + "/data", "XDG_STATE_HOME=" + p.home + "/state",
		"PATH=" + p.path, "TMPDIR=" + placeTemp, "LANG=C.UTF-8"}, p.golang...)
}

// through is what a program is started by to be there, in a folder.
func (p *place) through(dir string) []string {
	return []string{"nsenter", "--target", strconv.Itoa(p.first), "--net", "--mount", "--pid", "--wdns=" + dir}
}

func (p *place) command(ctx context.Context, dir string, argv ...string) *exec.Cmd {
	argv = slices.Concat(p.through(dir), argv)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = p.environ()
	return cmd
}
