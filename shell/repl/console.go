package repl

import (
	"bytes"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"

	"github.com/chzyer/readline"
)

// errInterrupt says that the line was given up with Ctrl-C.
var errInterrupt = readline.ErrInterrupt

// console owns the terminal. Write and Note may be called from any goroutine.
type console struct {
	in, out *os.File
	input   *input
	rl      *readline.Instance

	mu      sync.Mutex
	view    view
	editing bool         // the view is on the screen
	restore func() error // gives back the terminal's modes; nil while they are not the prompt's
	closed  bool         // the terminal is somebody else's again: nothing is printed
	midLine bool         // what was printed last did not end a line
	held    bytes.Buffer // waits: for a line's end, or for the terminal

	recall *recall
	search *search // nil when there is none
	edit   edit    // what the key under way does that readline cannot

	screen chan os.Signal
	wg     sync.WaitGroup
}

// edit changes a line and the cursor in it.
type edit func(line []rune, pos int) ([]rune, int)

// Bracketed paste: the terminal says what was pasted and what was typed.
const (
	pasteOn  = "\x1b[?2004h"
	pasteOff = "\x1b[?2004l"
)

// maxHeld bounds what waits to be printed, in bytes.
const maxHeld = 1 << 20

func newConsole(in, out *os.File, complete completer, history func() []string) (*console, error) {
	c := &console{in: in, out: out, input: newInput(in), recall: &recall{history: history}, screen: make(chan os.Signal, 1)}
	c.view = view{w: out, size: c.size}
	rl, err := readline.NewEx(&readline.Config{
		Stdin: c.input, Stdout: bell{c}, Stderr: io.Discard,
		AutoComplete:           &tab{c, complete},
		Listener:               c,
		FuncFilterInputRune:    c.onKey,
		DisableAutoSaveHistory: true,
		FuncIsTerminal:         func() bool { return false }, // it draws nothing
		FuncGetWidth:           func() int { return 1 << 20 },
		FuncOnWidthChanged:     func(func()) {},
		FuncMakeRaw:            c.begin,
		FuncExitRaw:            func() error { return nil }, // see giveBack
	})
	if err != nil {
		return nil, err
	}
	c.rl = rl
	notifyScreen(c.screen)
	c.wg.Go(func() {
		for range c.screen {
			c.again()
		}
	})
	return c, nil
}

// size is the terminal's, or the usual one where it does not say.
func (c *console) size() (cols, rows int) {
	cols, rows, err := readline.GetSize(int(c.out.Fd()))
	if err != nil || cols <= 0 {
		cols = 80
	}
	if err != nil || rows <= 0 {
		rows = 24
	}
	return cols, rows
}

// readLine edits one line. io.EOF is Ctrl-D on an empty one, or the end of input.
func (c *console) readLine(prompt string) (string, error) {
	c.mu.Lock()
	c.view.prompt = prompt
	c.recall.begin()
	c.mu.Unlock()
	if c.input.ended() {
		return "", io.EOF
	}
	line, err := c.rl.Readline()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.editing { // ended by no key
		c.finish("")
	}
	if err == nil && c.input.ended() { // half a line is none
		err = io.EOF
	}
	return line, err
}

// begin is readline's beginning of a line. The prompt appears when keys are
// keys, not before.
func (c *console) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.restore == nil {
		restore, err := makeRaw(c.in)
		if err != nil { // the terminal is gone
			c.input.end()
			return err
		}
		c.restore = restore
	}
	io.WriteString(c.out, pasteOn)
	if c.midLine {
		io.WriteString(c.out, "\n")
		c.midLine = false
	}
	c.flush()
	c.editing = true
	c.view.draw(nil)
	c.input.goOn()
	return nil
}

// giveBack gives the terminal its modes back, for a command. Between two lines
// without a command they stay: a Ctrl-D that was typed then would be lost.
func (c *console) giveBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.restore != nil {
		c.restore() // fails only where there is no terminal any more
		c.restore = nil
	}
}

// finish leaves the line on the screen; called with mu held.
func (c *console) finish(behind string) {
	c.view.end(behind + pasteOff)
	c.editing, c.search = false, nil
	c.flush()
}

// flush prints what was held back; called with mu held.
func (c *console) flush() {
	if c.held.Len() > 0 {
		c.print(c.held.Bytes())
		c.held.Reset()
	}
}

func (c *console) print(b []byte) (int, error) {
	if len(b) > 0 {
		c.midLine = b[len(b)-1] != '\n'
	}
	return c.out.Write(b)
}

// Write prints, above the line that is being edited if there is one. What is
// no whole line waits for its end or for the end of the editing.
func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return len(b), nil
	case !c.editing:
		return c.print(b)
	}
	c.held.Write(b)
	n := bytes.LastIndexByte(c.held.Bytes(), '\n') + 1
	if n == 0 && c.held.Len() > maxHeld {
		c.held.WriteByte('\n')
		n = c.held.Len()
	}
	if n > 0 {
		c.view.draw(c.held.Next(n))
	}
	return len(b), nil
}

// Note prints whole lines of their own, also while a command prints parts of
// lines. While a program has the screen to itself they wait.
func (c *console) Note(lines string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
	case c.editing:
		c.view.draw([]byte(lines))
	case c.restore == nil && !byLines(c.in):
		if c.held.Len()+len(lines) <= maxHeld {
			c.held.WriteString(lines)
		}
	default:
		if c.midLine {
			lines = "\n" + lines
		}
		c.print([]byte(lines))
	}
}

// above shows lines above the line that is being edited, and it anew.
func (c *console) above(lines []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.editing {
		c.view.draw(lines)
	}
}

// again draws the line again, in modes that the shell which stopped this
// process may have changed.
func (c *console) again() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.editing {
		return
	}
	if _, err := makeRaw(c.in); err == nil { // what to give back is known
		io.WriteString(c.out, pasteOn)
		c.view.draw(nil)
	}
}

// interrupted goes to a new line, behind the ^C that the terminal has printed.
func (c *console) interrupted() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.editing && byLines(c.in) {
		c.print([]byte{'\n'})
	}
}

// end ends the editing under way, as at the end of input.
func (c *console) end() { c.input.end() }

// close gives the terminal back.
func (c *console) close() {
	c.end()
	c.rl.Close()
	c.giveBack()
	c.mu.Lock()
	c.flush()
	c.closed = true
	c.mu.Unlock()
	signal.Stop(c.screen)
	close(c.screen)
	c.wg.Wait()
}

// bell is all that readline may print.
type bell struct{ c *console }

func (b bell) Write(p []byte) (int, error) {
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	if string(p) == "\a" && b.c.editing {
		b.c.out.Write(p)
	}
	return len(p), nil
}

// ended reports whether no more lines can come.
func (c *console) ended() bool { return c.input.ended() }

// text is a line as a string; what readline cannot hold has been kept out.
func text(line []rune) string { return strings.ToValidUTF8(string(line), "") }
