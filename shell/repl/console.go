package repl

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"

	"github.com/chzyer/readline"
)

// errInterrupt says that the line was given up with Ctrl-C.
var errInterrupt = readline.ErrInterrupt

// console owns the terminal. Write may be called from any goroutine.
type console struct {
	in, out *os.File
	rl      *readline.Instance
	keys    keys

	mu      sync.Mutex
	queue   bytes.Buffer // whole lines that wait to be shown above the prompt
	ops     []func()     // work for readline's loop
	active  bool         // a line is being edited
	midLine bool         // what was printed last did not end a line

	wake    chan struct{}
	input   chan []byte
	want    chan struct{}
	reading bool // a read of the terminal is under way; guarded by inMu
	entered bool // the line's end was handed over: no reading before the next line begins
	begun   *sync.Cond
	inMu    sync.Mutex
	rest    []byte
	resized func()
	stop    chan struct{}
	ending  sync.Once
	wg      sync.WaitGroup
}

// completer gives for a line and a cursor the text that replaces the word
// before it, and the candidates to list when there are several.
type completer func(line string, pos int) completion

func newConsole(in, out *os.File, complete completer) (*console, error) {
	c := &console{
		in: in, out: out,
		wake: make(chan struct{}, 1), input: make(chan []byte), want: make(chan struct{}), stop: make(chan struct{}),
	}
	c.begun = sync.NewCond(&c.inMu)
	rl, err := readline.NewEx(&readline.Config{
		Stdin: c, Stdout: out, Stderr: out,
		AutoComplete:           &tab{c, complete},
		Painter:                painter{},
		DisableAutoSaveHistory: true,
		HistoryLimit:           maxHistory,
		FuncFilterInputRune:    c.onRune,
		FuncOnWidthChanged:     func(f func()) { c.resized = f },
		FuncIsTerminal:         func() bool { return true },
	})
	if err != nil {
		return nil, err
	}
	c.rl = rl
	winch := make(chan os.Signal, 1)
	notifyResize(winch)
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		defer signal.Stop(winch)
		for {
			select {
			case <-winch:
				c.do(func() { c.resized() })
			case <-c.stop:
				return
			}
		}
	}()
	go c.readTerminal() // ends with the process: a read of a terminal cannot be cancelled
	return c, nil
}

// readTerminal reads only when asked, so that between two lines a program that
// runs in the terminal gets all its input.
func (c *console) readTerminal() {
	for range c.want {
		b := make([]byte, 4096)
		n, err := c.in.Read(b)
		if n > 0 {
			c.input <- b[:n]
		}
		if err != nil {
			close(c.input)
			return
		}
		if n == 0 {
			c.input <- nil
		}
	}
}

// Read gives readline its input: keys, or a wake rune. It is called by
// readline's terminal loop only.
//
// Readline asks for more when a line has just ended, if a wake rune had come
// while it was edited. That read would take the input of the program that the
// line starts: Read stops after a line's end until the next line is edited.
func (c *console) Read(p []byte) (int, error) {
	c.inMu.Lock()
	for c.entered && !c.stopped() {
		c.begun.Wait()
	}
	c.inMu.Unlock()
	for len(c.rest) == 0 {
		c.inMu.Lock()
		ask := !c.reading
		c.reading = true
		c.inMu.Unlock()
		if ask {
			c.want <- struct{}{}
		}
		select {
		case <-c.stop:
			return 0, io.EOF
		case <-c.wake:
			return copy(p, wakeBytes), nil
		case b, ok := <-c.input:
			if !ok {
				return 0, io.EOF
			}
			c.inMu.Lock()
			c.reading = false
			c.inMu.Unlock()
			c.rest = c.keys.next(b)
		}
	}
	n := len(c.rest)
	if i := bytes.IndexAny(c.rest, "\r\n"); i >= 0 {
		n = i + 1
	}
	n = copy(p, c.rest[:n])
	if last := c.rest[n-1]; last == '\r' || last == '\n' {
		c.inMu.Lock()
		c.entered = true
		c.inMu.Unlock()
	}
	c.rest = c.rest[n:]
	return n, nil
}

func (c *console) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// Close is for readline, which closes its input; ours stays the process's.
func (c *console) Close() error { return nil }

func (c *console) kick() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// do runs f in readline's loop, at the latest when the next line is edited.
func (c *console) do(f func()) {
	c.mu.Lock()
	c.ops = append(c.ops, f)
	c.mu.Unlock()
	c.kick()
}

// Write prints, above the line that is being edited if there is one. What is
// no whole line waits for its end or for the end of the editing.
func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active {
		c.queue.Write(b)
		if bytes.IndexByte(b, '\n') >= 0 {
			c.kick()
		}
		return len(b), nil
	}
	return c.print(b)
}

func (c *console) print(b []byte) (int, error) {
	if len(b) > 0 {
		c.midLine = b[len(b)-1] != '\n'
	}
	return c.out.Write(b)
}

// Note prints a line of its own, also while a command prints parts of lines.
func (c *console) Note(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active {
		c.queue.WriteString(line + "\n")
		c.kick()
		return
	}
	if c.midLine {
		c.print([]byte{'\n'})
	}
	c.print([]byte(line + "\n"))
}

// onRune runs in readline's loop for each rune, before readline sees it.
func (c *console) onRune(r rune) (rune, bool) {
	if r != wakeRune {
		return r, true
	}
	c.mu.Lock()
	ops := c.ops
	c.ops = nil
	lines := c.wholeLines()
	c.mu.Unlock()
	for _, f := range ops {
		f()
	}
	if len(lines) > 0 {
		c.rl.Write(lines)
	}
	return 0, false
}

// wholeLines takes the whole lines out of the queue; called with mu held.
func (c *console) wholeLines() []byte {
	q := c.queue.Bytes()
	n := bytes.LastIndexByte(q, '\n') + 1
	lines := bytes.Clone(q[:n])
	c.queue.Next(n)
	return lines
}

// Bracketed paste: the terminal says what was pasted and what was typed.
const (
	pasteOn  = "\x1b[?2004h"
	pasteOff = "\x1b[?2004l"
)

// readLine edits one line. io.EOF is Ctrl-D on an empty one.
func (c *console) readLine(prompt string) (string, error) {
	c.mu.Lock()
	if c.midLine {
		c.print([]byte{'\n'})
	}
	c.active = true
	pending := len(c.ops) > 0
	c.mu.Unlock()
	if pending {
		c.kick()
	}
	c.inMu.Lock()
	c.entered = false
	c.begun.Signal()
	c.inMu.Unlock()
	c.rl.SetPrompt(prompt)
	io.WriteString(c.out, pasteOn)
	line, err := c.rl.Readline()
	io.WriteString(c.out, pasteOff)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active, c.midLine = false, false
	if c.queue.Len() > 0 {
		c.print(c.queue.Bytes())
		c.queue.Reset()
	}
	if errors.Is(err, io.EOF) {
		c.print([]byte{'\n'})
	}
	return strings.ReplaceAll(line, string(newlineRune), "\n"), err
}

// remember gives a line to readline's history.
func (c *console) remember(line string) {
	line = strings.ReplaceAll(line, "\n", string(newlineRune))
	c.do(func() { c.rl.SaveHistory(line) })
}

// end ends the editing under way, as at the end of input.
func (c *console) end() {
	c.ending.Do(func() {
		close(c.stop)
		c.inMu.Lock()
		defer c.inMu.Unlock()
		c.begun.Broadcast()
	})
}

// close gives the terminal back.
func (c *console) close() {
	c.end()
	c.rl.Close()
	c.wg.Wait()
}

// painter shows pasted line ends as a sign.
type painter struct{}

func (painter) Paint(line []rune, _ int) []rune {
	out := make([]rune, len(line))
	for i, r := range line {
		if r == newlineRune {
			r = '⏎'
		}
		out[i] = r
	}
	return out
}
