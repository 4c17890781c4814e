package host

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"

	"github.com/sosh-shell/sosh/core/socket"
)

// program is what to run for a plugin.
type program struct {
	path string   // as execve(2) gets it
	name string   // as people and the process list see it; path when empty
	args []string // without argument 0
	env  []string // beside what every plugin gets
	file *os.File // holds what path names; nil when path names itself
	ours bool     // of this program: it forks nothing
	desc *socket.Description
	// cargo is what must be where it runs, when that is not here; file has its content.
	cargo *executable
}

func (p program) close() {
	if p.file != nil {
		p.file.Close()
	}
}

// child is a plugin's process as go-plugin drives it. go-plugin's own runner would
// give it this program's stdin, and with it the terminal.
type child struct {
	starter *starter
	cmd     *exec.Cmd
	ours    bool
	log     *ring
	dir     string // where its socket must be

	lifeline *os.File // our end of its stdin
	greeting *io.PipeReader
	pid      int
	addr     string // of its socket, once it has said it

	// converse reads stdout, and writes the greeting when there is one.
	converse func(out *os.File, greeting *io.PipeWriter)
	far      *traveller // of a plugin at a place

	over    chan struct{} // closed when it is gone
	exited  chan struct{} // closed when it is reaped, too, and its last words are here
	drained sync.WaitGroup

	mu        sync.Mutex
	started   bool
	doomed    bool // killed, perhaps before it was started
	reaped    bool
	dismissed bool   // its lifeline was closed, to end it in order
	strays    bool   // it may have left processes behind
	greeted   bool   // it wrote a first line
	first     string // the beginning of that line
}

var _ runner.Runner = (*child)(nil)

// newChild prepares cmd, which has go-plugin's environment, to run prog.
func newChild(s *starter, prog program, cmd *exec.Cmd, dir string, extra *os.File, log *ring, over chan struct{}) *child {
	env := append(append(hostEnv(), cmd.Env...), prog.env...)
	c := exec.Command(prog.path, prog.args...)
	if prog.name != "" {
		c.Args[0] = prog.name
	}
	c.Env, c.Dir = env, "/"
	if extra != nil {
		c.ExtraFiles = []*os.File{extra} // descriptor 3
	}
	setAttributes(c)
	ch := &child{starter: s, cmd: c, ours: prog.ours, log: log, dir: dir, over: over, exited: make(chan struct{})}
	ch.converse = ch.greet
	return ch
}

// hostEnv is all that a plugin sees of this program's environment, and that a script in
// Python is to leave its folder as it is.
func hostEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		k, _, _ := strings.Cut(kv, "=")
		switch {
		case k == "PATH", k == "HOME", k == "LANG", k == "TZ", k == "TMPDIR", k == "SSLKEYLOGFILE",
			strings.HasPrefix(k, "LC_"), strings.HasPrefix(k, "XDG_"):
			env = append(env, kv)
		}
	}
	return append(env, "PYTHONDONTWRITEBYTECODE=1") // it would change what was recorded of a script
}

// Start starts the process.
func (c *child) Start(context.Context) error {
	pipes := make([]*os.File, 0, 6)
	closeAll := func() {
		for _, f := range pipes {
			f.Close()
		}
	}
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll()
			return err
		}
		pipes = append(pipes, r, w)
	}
	in, lifeline, out, stdout, errs, stderr := pipes[0], pipes[1], pipes[2], pipes[3], pipes[4], pipes[5]
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = in, stdout, stderr
	if err := c.starter.start(c.cmd); err != nil {
		closeAll()
		return err
	}
	in.Close()
	stdout.Close()
	stderr.Close()
	c.lifeline = lifeline
	c.mu.Lock()
	c.pid, c.started = c.cmd.Process.Pid, true
	if c.far == nil { // what leads to a place is the user's own, and has its sockets
		expendable(c.pid)
	}
	if c.doomed {
		killGroup(c.cmd)
	}
	c.mu.Unlock()
	var greeting *io.PipeWriter
	c.greeting, greeting = io.Pipe()
	c.drained.Go(func() { c.converse(out, greeting) })
	c.drained.Go(func() { c.drain(errs) })
	go c.reap(out, errs)
	return nil
}

// greet passes the first line of stdout to go-plugin and the rest to the log.
func (c *child) greet(out *os.File, greeting *io.PipeWriter) {
	r := bufio.NewReaderSize(out, 4096) // no greeting is longer
	line, err := r.ReadSlice('\n')
	if len(line) > 0 {
		c.mu.Lock()
		c.greeted, c.first = true, strings.TrimRight(string(line[:min(len(line), maxWords)]), "\r\n")
		c.mu.Unlock()
		greeting.Write(line)
	}
	greeting.Close()
	if err == nil || err == bufio.ErrBufferFull {
		c.drain(r)
	}
	out.Close()
}

func (c *child) drain(r io.Reader) {
	w := c.log.writer(c.over)
	io.Copy(w, r)
	w.flush()
	if f, ok := r.(*os.File); ok {
		f.Close()
	}
}

// wordsGrace is how long the pipes of a process that is gone are read when somebody
// else still holds them: a child of its may do so for ever.
const wordsGrace = 50 * time.Millisecond

// reap waits for the end, and for the last words: where nobody else can say any, what
// is in the pipes is read to its end however long that takes.
func (c *child) reap(pipes ...*os.File) {
	c.wait(pipes)
	close(c.over)
	if deadline := time.Now().Add(wordsGrace); held(pipes) {
		for _, f := range pipes {
			f.SetReadDeadline(deadline)
		}
	}
	c.drained.Wait()
	c.lifeline.Close()
	close(c.exited)
}

// dismiss closes its lifeline: it is to end by itself.
func (c *child) dismiss() {
	c.mu.Lock()
	c.dismissed = true
	c.mu.Unlock()
	c.lifeline.Close()
}

func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doomed = true
	if c.started && !c.reaped {
		killGroup(c.cmd)
	}
}

// The rest is what go-plugin asks.

func (c *child) Wait(context.Context) error { <-c.exited; return nil }

func (c *child) Kill(context.Context) error { c.kill(); return nil }

func (c *child) Stdout() io.ReadCloser { return c.greeting }

// Stderr is empty: the log has it already.
func (c *child) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

func (c *child) Name() string { return c.cmd.Path }

func (c *child) Diagnose(context.Context) string { return "" }

func (c *child) ID() string {
	if c.pid == 0 {
		return ""
	}
	return strconv.Itoa(c.pid)
}

// PluginToHost takes the address that the plugin greets with. It must be a socket
// in the directory made for it.
func (c *child) PluginToHost(network, addr string) (string, string, error) {
	if c.far != nil {
		return network, addr, nil // our own words
	}
	if network != "unix" || !strings.HasPrefix(addr, c.dir+"/") || strings.Contains(addr, "..") {
		return "", "", fmt.Errorf("unexpected address %s %q", network, addr)
	}
	c.mu.Lock()
	c.addr = addr
	c.mu.Unlock()
	return network, addr, nil
}

// dial connects to the plugin. To one at a place it is connected already.
func (c *child) dial(ctx context.Context) (net.Conn, error) {
	if c.far != nil {
		return c.far.conn()
	}
	c.mu.Lock()
	addr := c.addr
	c.mu.Unlock()
	return (&net.Dialer{}).DialContext(ctx, "unix", addr)
}

func (c *child) HostToPlugin(network, addr string) (string, string, error) { return network, addr, nil }
