package host

import (
	"bufio"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
)

// place is where a plugin runs when it does not run here.
type place struct {
	name    string
	command []string // what leads there
	// tell tells whoever waits what takes so long.
	tell atomic.Pointer[func(string)]
}

//go:embed reach.sh
var reachScript string

// maxPrelude bounds what a place may print before the plugin greets, maxLine one line of it.
const (
	maxPrelude = 64 << 10
	maxLine    = 8 << 10
)

// pieceSize is how much of the program is sent at once: each is progress.
const pieceSize = 32 << 10

// traveller is the way of one plugin to its place: what is said to the shell there,
// over the command's stdin and stdout, until the plugin speaks there itself.
//
// The only word that is added to the command is "sh", which needs no quoting: ssh
// gives a line to a shell, kubectl and ip an argument list to execve(2).
type traveller struct {
	at     *place
	cargo  *executable
	file   io.ReaderAt // its content
	args   []string
	word   string // bears the lines that are meant for us
	alive  func() // is called whenever it gets on
	before int    // lines of the log before

	mu     sync.Mutex
	stage  stage
	reason []string // why the place refused
	way    *way
}

// stage is how far it has come.
type stage int

const (
	called  stage = iota // nothing was heard
	sending              // the program is on its way
	found                // it is there, and becomes the plugin
	arrived              // the plugin has greeted
)

// newTraveller prepares a command that leads to a place. It is the user's own, so it
// has the user's environment; but no terminal.
func newTraveller(s *starter, at *place, prog program, log *ring, alive func()) *child {
	c := exec.Command(at.command[0], append(at.command[1:len(at.command):len(at.command)], "sh")...)
	setAttributes(c)
	t := &traveller{at: at, cargo: prog.cargo, file: prog.file, args: prog.args, word: newWord(), alive: alive, before: log.count()}
	ch := &child{starter: s, cmd: c, log: log, exited: make(chan struct{}), far: t}
	ch.converse = func(out *os.File, greeting *io.PipeWriter) { t.converse(ch, out, greeting) }
	return ch
}

func newWord() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// script is all that the place's shell gets to read before it asks for more: one
// command, so that it is read to its end before any of it is done.
func (t *traveller) script() string {
	var b strings.Builder
	b.WriteString("{\n")
	for _, v := range [][2]string{
		{"word", t.word}, {"self", t.cargo.path}, {"sum", t.cargo.digest}, {"size", strconv.FormatInt(t.cargo.size, 10)},
		{"name", t.cargo.name}, {"version", t.cargo.version}, {"system", runtime.GOOS + "/" + runtime.GOARCH},
		{"cookie", wire.CookieKey + "=" + wire.CookieValue},
	} {
		b.WriteString(v[0] + "=" + singleQuoted(v[1]) + "\n")
	}
	b.WriteString(reachScript)
	b.WriteString("arrive")
	for _, a := range t.args {
		b.WriteString(" " + singleQuoted(a))
	}
	b.WriteString("\nexit\n}\n")
	return b.String()
}

func singleQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// converse leads the plugin to its place. The greeting is go-plugin's.
func (t *traveller) converse(c *child, out *os.File, greeting *io.PipeWriter) {
	go io.WriteString(c.lifeline, t.script())
	r := bufio.NewReaderSize(out, maxLine)
	if err := t.listen(c, r); err != nil {
		if err != io.EOF && err != errRefused {
			c.log.add("sosh: " + err.Error())
		}
		out.Close()
		c.endSoon()
		go func() { // go-plugin kills when no greeting comes: let it end by itself, with its status
			<-c.exited
			greeting.Close()
		}()
		return
	}
	defer greeting.Close()
	t.mu.Lock()
	t.stage = arrived
	t.way = &way{child: c, in: out, first: r, out: c.lifeline}
	t.mu.Unlock()
	fmt.Fprintf(greeting, "1|%d|unix|place|grpc\n", wire.Version)
}

// listen takes in what the place says until the plugin greets. What does not bear our
// word is a greeting of the place's own, and goes to the log.
func (t *traveller) listen(c *child, r *bufio.Reader) error {
	left := maxPrelude
	for {
		line, err := r.ReadSlice('\n')
		if left -= len(line); left < 0 {
			return fmt.Errorf("more than %d bytes came before the plugin greeted", maxPrelude)
		}
		said, ours := t.ours(string(line))
		switch {
		case !ours && len(line) > 0:
			c.log.add(strings.TrimRight(string(line), "\r\n"))
		case ours && err == nil:
			if done, err := t.heard(c, said); done || err != nil {
				return err
			}
		}
		if err != nil && err != bufio.ErrBufferFull {
			return io.EOF
		}
	}
}

// ours finds our word in a line: something without a line end may stand before it.
func (t *traveller) ours(line string) (said []string, ok bool) {
	_, rest, ok := strings.Cut(line, wire.Marker(t.word))
	return strings.Fields(rest), ok
}

var errRefused = errors.New("the place refused")

// heard acts on a line of ours; done when the plugin has greeted.
func (t *traveller) heard(c *child, said []string) (done bool, err error) {
	t.alive()
	t.mu.Lock()
	defer t.mu.Unlock()
	switch word := strings.Join(said[:min(len(said), 1)], ""); {
	case word == "want" && t.stage == called:
		t.stage = sending
		if tell := t.at.tell.Load(); tell != nil {
			(*tell)(fmt.Sprintf("%s is not at %s yet: carrying it there, %d MB", t.cargo.name, t.at.name, (t.cargo.size+1<<20-1)>>20))
		}
		go t.send(c)
	case word == "found" && t.stage < found:
		t.stage = found
	case word == "fail":
		t.reason = said[1:]
		return false, errRefused
	case word == wire.Serves && t.stage == found:
		if len(said) != 2 || said[1] != strconv.Itoa(wire.Version) {
			t.reason = []string{"version"}
			return false, errRefused
		}
		return true, nil
	default:
		return false, fmt.Errorf("nonsense came from the place: %q", said)
	}
	return false, nil
}

// send carries the program there. What fails the place will tell, or its end.
func (t *traveller) send(c *child) {
	buf := make([]byte, pieceSize)
	rest := io.NewSectionReader(t.file, 0, t.cargo.size)
	for {
		n, err := rest.Read(buf)
		if n > 0 {
			if _, werr := c.lifeline.Write(buf[:n]); werr != nil {
				return
			}
			t.alive()
		}
		if err != nil {
			return // changed meanwhile: the digest tells there
		}
	}
}

// conn is the way to the plugin, once it has arrived.
func (t *traveller) conn() (net.Conn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.way == nil {
		return nil, errors.New("the plugin has not arrived")
	}
	return t.way, nil
}

func (t *traveller) how() (stage, []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stage, t.reason
}

// why says why a plugin is not at its place, by how far it came, what the place said,
// and how the command ended.
func (t *traveller) why(c *child, late string) (text, hint string) {
	stage, reason := t.how()
	var words string
	if last := lastWords(c.log.since(t.before)); last != "" {
		words = fmt.Sprintf(": %q", last)
	}
	if len(reason) > 0 {
		return t.refusal(reason, words)
	}
	command := socket.JoinCommand(t.at.command)
	status := -1
	if c.cmd.ProcessState != nil {
		status = c.cmd.ProcessState.ExitCode()
	}
	switch {
	case late != "" && stage == sending:
		return "it was carried there, and for " + late + " nothing more was heard" + words, "the connection is slow, or has gone"
	case late != "":
		return command + " sh did not answer for " + late + words, "it must work without asking for a password: it has no terminal"
	case stage == found:
		return "what is there does not run" + words, "sosh -v shows what it prints"
	case status == 255 && (strings.Contains(words, "Permission denied") || strings.Contains(words, "verification failed")):
		return fmt.Sprintf("%s ended with status 255%s", command, words), "ssh must work without asking: with a key or an agent, to a host that it knows"
	case status == 255:
		return fmt.Sprintf("%s ended with status 255%s", command, words), ""
	case status < 0:
		return command + " sh closed its output and was ended" + words, "sosh -v shows what it prints"
	case status == 127, status == 126, strings.Contains(words, "executable file not found"):
		return fmt.Sprintf("%s sh ended with status %d%s", command, status, words),
			"there must be a shell, sh: beside a container without one, kubectl debug or docker run --network container:NAME gives one"
	case status == 0 && stage == called:
		return command + " sh ended at once" + words, "it must pass standard input on: kubectl exec -i, docker exec -i, ssh without -n"
	}
	return fmt.Sprintf("%s sh ended with status %d%s", command, status, words), "sosh -v shows what it prints"
}

// refusal words what the place's shell said.
func (t *traveller) refusal(reason []string, words string) (text, hint string) {
	rest := strings.Join(reason[1:], " ")
	us := runtime.GOOS + "/" + runtime.GOARCH
	switch reason[0] {
	case "terminal":
		return "the command makes a terminal there, which is no way for bytes", "leave out its -t"
	case "system":
		text = fmt.Sprintf("it is %s there, and this sosh is for %s", rest, us)
		if t.cargo.version == "" {
			return text, "only a plugin for the same system can be carried there"
		}
		return text, fmt.Sprintf("put a sosh of the same version on the PATH there (%s), built for %s", t.cargo.version, rest)
	case "directory":
		return "there is no directory there that can be written and run from", "it tried the user's cache, $TMPDIR or /tmp, /var/tmp and /dev/shm"
	case "short":
		return "carrying it to " + rest + " failed" + words, fmt.Sprintf("it needs %d MB there", t.cargo.size>>20+1)
	case "run":
		return "what was carried there does not run" + words, "it needs libraries that are not there: sosh built with CGO_ENABLED=0 needs none"
	case "changed":
		return "what arrived in " + rest + " is not what was sent", "try again"
	case "digest":
		return "nothing there can check what arrives", "one of sha256sum, shasum and openssl must be there"
	case "version":
		return "what is there speaks another version of the contract", "put a sosh of this version there"
	}
	return fmt.Sprintf("it was refused there: %q", strings.Join(reason, " ")), ""
}

// lastWords are what is worth telling of the command's last lines: those that only say
// how it ended are not.
func lastWords(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		line := strings.TrimSpace(lines[i])
		if line != "" && !strings.HasPrefix(line, "command terminated with") && !strings.HasPrefix(line, "Connection closed by") || i == 0 {
			return line[:min(len(line), maxWords)]
		}
	}
	return ""
}

const maxWords = 300

// whyNotThere says why a plugin did not start at its place.
func (pr *process) whyNotThere(ctx context.Context, h *Host, err error, late bool) error {
	switch {
	case h.ctx.Err() != nil:
		return errClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	c := pr.run
	fail := func(text, hint string) error {
		return &socket.Error{Op: "the place " + pr.at.name, Err: socket.Faultf(socket.Failed, "%s", text), Hint: hint}
	}
	if c == nil || c.pid == 0 {
		var of *exec.Error
		if errors.As(err, &of) {
			err = of.Err
		}
		return fail(fmt.Sprintf("%s cannot be started: %v", pr.at.command[0], err), "a place is a command that leads there, such as ssh HOST")
	}
	if stage, _ := c.far.how(); stage == arrived {
		return fail(fmt.Sprintf("the plugin ended as it began: %v", err), "sosh -v shows what it prints")
	}
	limit := ""
	if late {
		limit = h.cfg.ReachTimeout.String()
	}
	return fail(c.far.why(c, limit))
}

var _ net.Conn = (*way)(nil)
