//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hinshun/vt10x"
)

// patience bounds every wait; a test that needs it has failed already.
const patience = 30 * time.Second

// terminal is the prompt in a terminal, with somebody who types and reads.
type terminal struct {
	*testing.T
	home   string
	master *os.File
	leader *exec.Cmd
	free   bool // escape sequences may come: a program of others ran, or recv --raw
	left   bool

	mu    sync.Mutex
	vt    vt10x.Terminal
	raw   strings.Builder
	held  []byte        // the beginning of a character
	moved chan struct{} // closed and renewed at each output
	over  bool          // nobody has the terminal any more
}

// setup is how a terminal differs from the usual one.
type setup struct {
	home       string // of an earlier session
	cols, rows int
	env        []string
	through    []string // the program and its arguments that start sosh, to be somewhere else
}

// leader is the shell that sosh is started from: it checks that it gets its
// terminal back as it was. Without it the kernel would reset the modes at the
// end of the session's first process.
const leader = `trap : INT QUIT HUP TERM
before=$(stty -g)
"$0" "$@"; status=$?
[ "$(stty -g)" = "$before" ] || echo MODES-NOT-RESTORED
exit $status`

func openTerminal(t *testing.T, s setup) *terminal {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if s.home == "" {
		s.home = t.TempDir()
	}
	bin := filepath.Join(t.TempDir(), "sosh")
	if err := os.Symlink(self, bin); err != nil {
		t.Fatal(err)
	}
	if s.cols == 0 {
		s.cols, s.rows = 80, 24
	}
	master, tty, err := openPty()
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", leader}, append(slices.Clone(s.through), bin)...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.Dir = s.home
	cmd.Env = append([]string{
		"HOME=" + s.home, "XDG_DATA_HOME=" + s.home + "/data", "XDG_STATE_HOME=" + s.home + "/state",
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "TERM=xterm-256color", "LANG=C.UTF-8",
	}, s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	tm := &terminal{
		T: t, home: s.home, master: master, leader: cmd,
		vt:    vt10x.New(vt10x.WithSize(s.cols, s.rows)),
		moved: make(chan struct{}),
	}
	tm.setSize(s.cols, s.rows)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		tm.read()
	}()
	t.Cleanup(func() {
		if !tm.left {
			tm.leader.Process.Kill()
			tm.leader.Wait()
		}
		for _, pid := range processesOf(tm.home) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		master.Close()
		<-read
	})
	t.Cleanup(func() {
		if !tm.left && !t.Failed() {
			tm.leave()
		}
	})
	return tm
}

// newTerminal is a terminal of 80 columns and 24 rows, at its first prompt.
func newTerminal(t *testing.T) *terminal {
	t.Helper()
	t.Parallel()
	tm := openTerminal(t, setup{})
	tm.prompt("sosh> ")
	return tm
}

func (tm *terminal) read() {
	b := make([]byte, 4096)
	for {
		n, err := tm.master.Read(b)
		tm.mu.Lock()
		tm.raw.Write(b[:n])
		tm.held = append(tm.held, b[:n]...)
		whole := len(tm.held)
		for i := max(0, whole-utf8.UTFMax+1); i < whole; i++ {
			if utf8.RuneStart(tm.held[i]) && !utf8.FullRune(tm.held[i:]) {
				whole = i
				break
			}
		}
		tm.vt.Write(tm.held[:whole])
		tm.held = bytes.Clone(tm.held[whole:])
		tm.over = err != nil
		close(tm.moved)
		tm.moved = make(chan struct{})
		tm.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// screen is what one sees at a moment.
type screen struct {
	rows []string // without blanks at their ends
	x, y int      // the cursor
	raw  string   // all that was ever printed
}

func (s screen) String() string {
	return fmt.Sprintf("%s\n(cursor at column %d, row %d)", strings.TrimRight(strings.Join(s.rows, "\n"), "\n"), s.x, s.y)
}

// has reports whether a row contains text.
func (s screen) has(text string) bool {
	return slices.ContainsFunc(s.rows, func(row string) bool { return strings.Contains(row, text) })
}

// before is what stands before the cursor, without blanks: of a line that is
// wrapped, one cannot tell where they are.
func (s screen) before() string {
	return strings.ReplaceAll(strings.Join(s.rows[:s.y+1], ""), " ", "")
}

// lately reports whether text was among what was printed last: in a flood the
// screen is never at rest.
func (s screen) lately(text string) bool {
	return strings.Contains(s.raw[max(0, len(s.raw)-1<<20):], text)
}

// row reports whether a row is exactly text.
func (s screen) row(text string) bool { return slices.Contains(s.rows, text) }

// edits reports whether the cursor stands behind text, in a row that holds
// nothing else.
func (s screen) edits(text string) bool {
	return s.rows[s.y] == strings.TrimRight(text, " ") && s.x == utf8.RuneCountInString(text)
}

// seen is the screen now; called with mu held.
func (tm *terminal) seen() screen {
	rows := strings.Split(strings.TrimSuffix(tm.vt.String(), "\n"), "\n")
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " \x00")
	}
	c := tm.vt.Cursor()
	return screen{rows, c.X, c.Y, tm.raw.String()}
}

func (tm *terminal) screen() screen {
	tm.mu.Lock()
	defer tm.mu.Unlock()
	return tm.seen()
}

// wait looks again at each output until ok is content.
func (tm *terminal) wait(what string, ok func(screen) bool) screen {
	tm.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		tm.mu.Lock()
		s, moved, over := tm.seen(), tm.moved, tm.over
		tm.mu.Unlock()
		if ok(s) {
			return s
		}
		if over {
			tm.Fatalf("sosh ended before %s:\n%s", what, s)
		}
		select {
		case <-moved:
		case <-limit.C:
			tm.Fatalf("waited in vain for %s:\n%s\nthe last output was %q", what, s, s.raw[max(0, len(s.raw)-600):])
		}
	}
}

// waitScreen waits until a row contains text.
func (tm *terminal) waitScreen(text string) screen {
	tm.Helper()
	return tm.wait(strconv.Quote(text), func(s screen) bool { return s.has(text) })
}

// waitRow waits until a row is exactly text.
func (tm *terminal) waitRow(text string) screen {
	tm.Helper()
	return tm.wait("the row "+strconv.Quote(text), func(s screen) bool { return s.row(text) })
}

// prompt waits until the cursor stands behind text: the prompt and what was typed.
func (tm *terminal) prompt(text string) screen {
	tm.Helper()
	return tm.wait("the line "+strconv.Quote(text), func(s screen) bool { return s.edits(text) })
}

// typeKeys types.
func (tm *terminal) typeKeys(keys string) {
	tm.Helper()
	if _, err := tm.master.WriteString(keys); err != nil {
		tm.Fatal(err)
	}
}

// run types a command and waits until it has ended, at the prompt given.
func (tm *terminal) run(command, prompt string) {
	tm.Helper()
	tm.typeKeys(command)
	tm.wait("the typed command", func(s screen) bool {
		return strings.Contains(strings.Join(s.rows, ""), command)
	})
	tm.typeKeys("\r")
	tm.prompt(prompt)
}

func (tm *terminal) resize(cols, rows int) {
	tm.Helper()
	tm.mu.Lock()
	tm.vt.Resize(cols, rows)
	tm.mu.Unlock()
	tm.setSize(cols, rows)
}

// pid is sosh's.
func (tm *terminal) pid() int {
	tm.Helper()
	pids := children(tm.leader.Process.Pid)
	if len(pids) != 1 {
		tm.Fatalf("sosh is one of %v", pids)
	}
	return pids[0]
}

// plugins are the processes that sosh has started and that are alive.
func (tm *terminal) plugins() []int {
	tm.Helper()
	return children(tm.pid())
}

// leave gives the line up, leaves with Ctrl-D and checks the end.
func (tm *terminal) leave() {
	tm.Helper()
	tm.typeKeys("\x03")
	tm.wait("an empty line", func(s screen) bool {
		return strings.HasPrefix(s.rows[s.y], "sosh") && strings.HasSuffix(s.rows[s.y], ">")
	})
	tm.typeKeys("\x04")
	tm.ended(anyStatus)
}

// anyStatus is for a session whose last command may have failed.
const anyStatus = -1

// ended waits for sosh's end and checks what it leaves: its status, the
// terminal's modes, no process, and nothing on the screen that may not be there.
func (tm *terminal) ended(status int) {
	tm.Helper()
	tm.left = true
	limit := time.AfterFunc(patience, func() { // a Go program tells where it hangs
		syscall.Kill(-tm.leader.Process.Pid, syscall.SIGABRT)
	})
	tm.leader.Wait()
	limit.Stop()
	if got := tm.leader.ProcessState.ExitCode(); got != status && status != anyStatus {
		tm.Errorf("status %d, not %d", got, status)
	}
	tm.mu.Lock()
	for !tm.over {
		moved := tm.moved
		tm.mu.Unlock()
		<-moved
		tm.mu.Lock()
	}
	tm.mu.Unlock()
	tm.nobodyLeft()
	s := tm.screen()
	for _, bad := range []string{"panic", "DATA RACE", "fatal error", "goroutine ", "MODES-NOT-RESTORED"} {
		if strings.Contains(s.raw, bad) {
			tm.Errorf("printed %q:\n%s", bad, s.raw)
		}
	}
	if i := strings.LastIndex(s.raw, "\x1b[?2004h"); i > strings.LastIndex(s.raw, "\x1b[?2004l") {
		tm.Error("bracketed paste is left on")
	}
	if !tm.free {
		tm.harmless(s.raw)
	}
}

// ownSequences are what the prompt itself prints: moving, erasing, bracketed
// paste, bold.
var ownSequences = regexp.MustCompile(`\x1b\[[0-9]*[ABCDHJK]|\x1b\[\?2004[hl]|\x1b\[[014]?m`)

// harmless checks that nothing else could do something to the terminal.
func (tm *terminal) harmless(raw string) {
	tm.Helper()
	rest := ownSequences.ReplaceAllString(raw, "")
	for i, r := range rest {
		switch {
		case r == '\n', r == '\r', r == '\b', r == '\a', unicode.IsPrint(r):
		default:
			tm.Errorf("printed %U, within %q", r, rest[max(0, i-40):min(len(rest), i+40)])
			return
		}
	}
}

func TestPromptLeavesTheTerminalAsItWas(t *testing.T) {
	tm := newTerminal(t)
	tm.waitScreen("a shell for live sockets")
	tm.run("open tcp -n c", "sosh c> ")
	if n := len(tm.plugins()); n != 1 {
		t.Errorf("%d plugins", n)
	}
	tm.typeKeys("exit 7\r")
	tm.ended(7)
}
