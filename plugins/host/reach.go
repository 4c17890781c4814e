package host

import (
	"bufio"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

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

	mu      sync.Mutex
	stage   stage
	version int      // of the contract, that the plugin greeted with
	reason  []string // why the place refused
	way     *way
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
func newTraveller(s *starter, at *place, prog program, log *ring, over chan struct{}, alive func()) *child {
	c := exec.Command(at.command[0], append(at.command[1:len(at.command):len(at.command)], "sh")...)
	setAttributes(c)
	t := &traveller{at: at, cargo: prog.cargo, file: prog.file, args: prog.args, word: newWord(), alive: alive, before: log.count()}
	ch := &child{starter: s, cmd: c, log: log, over: over, exited: make(chan struct{}), far: t}
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
	version := t.version
	t.mu.Unlock()
	fmt.Fprintf(greeting, "1|%d|unix|place|grpc\n", version)
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
			if t.deaf(line) {
				return errRefused
			}
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

// localGreeting is how a plugin greets over a socket of its machine.
var localGreeting = regexp.MustCompile(`^1\|\d+\|unix\|`)

// deaf reports whether the plugin does not know that it is far away: it was built
// before there were places.
func (t *traveller) deaf(line []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stage != found || !localGreeting.Match(line) {
		return false
	}
	t.reason = []string{"deaf"}
	return true
}

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
		t.version, err = strconv.Atoi(strings.Join(said[1:], " "))
		if err != nil || t.version < wire.Oldest || t.version > wire.Version {
			t.reason = append([]string{"version"}, said[1:]...)
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
