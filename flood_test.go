package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"
)

// flood is a peer that tries to send 10 GB to whoever connects.
type flood struct {
	addr string
	sent atomic.Int64
}

func newFlood(t *testing.T) *flood {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flood{addr: l.Addr().String()}
	t.Cleanup(func() { l.Close() })
	go func() {
		piece := bytes.Repeat([]byte("nothing that anybody waits for\r\n"), 2048)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for f.sent.Load() < 10e9 {
					n, err := c.Write(piece)
					f.sent.Add(int64(n))
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return f
}

// blocked returns once the peer can send no more: its kernel and ours are full.
func (f *flood) blocked(t *testing.T) int64 {
	t.Helper()
	deadline := time.After(20 * time.Second)
	last, same := int64(-1), 0
	for {
		select {
		case <-deadline:
			t.Fatalf("the peer is not held back: it has sent %d bytes", f.sent.Load())
		case <-time.After(50 * time.Millisecond): // the absence of progress has no event
		}
		n := f.sent.Load()
		if n == last && n > 0 {
			same++
		} else {
			last, same = n, 0
		}
		if same == 10 {
			return n
		}
	}
}

// peak is the greatest memory a process has had, in bytes: VmHWM, proc(5).
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// maxGrowth is what a flood may cost.
const maxGrowth = 64 << 20

// soshCommand is the program, as a user starts it.
func soshCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(builtProgram(t), args...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_DATA_HOME="+dir)
	return cmd
}

// feed runs sosh on a script that comes in pieces.
func feed(t *testing.T) (cmd *exec.Cmd, in io.WriteCloser, out *bufio.Scanner) {
	t.Helper()
	cmd = soshCommand(t)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd, in, bufio.NewScanner(stdout)
}

func say(t *testing.T, in io.Writer, out *bufio.Scanner, code, want string) {
	t.Helper()
	if _, err := fmt.Fprintln(in, code); err != nil {
		t.Fatal(err)
	}
	if !out.Scan() || out.Text() != want {
		t.Fatalf("%s: %q, not %q", code, out.Text(), want)
	}
}

func TestFloodOfASocketThatNobodyReadsCostsNothing(t *testing.T) {
	f := newFlood(t)
	cmd, in, out := feed(t)
	say(t, in, out, "open tcp 127.0.0.1:1 -n no || open tcp -n c; show c name", "c")
	before := peak(t, cmd.Process.Pid)
	say(t, in, out, "connect c "+f.addr+"; show c state", "ESTABLISHED")
	sent := f.blocked(t)
	say(t, in, out, "show c received", "0")
	grown := peak(t, cmd.Process.Pid) - before
	t.Logf("the peer was held back after %d bytes; sosh grew by %d", sent, grown)
	if grown > maxGrowth {
		t.Errorf("sosh grew by %d bytes", grown)
	}
}

func TestFloodUnderAnExpectIsAFullInbox(t *testing.T) {
	f := newFlood(t)
	cmd, in, out := feed(t)
	say(t, in, out, "set +e; open tcp -n c; show c name", "c")
	before := peak(t, cmd.Process.Pid)
	say(t, in, out, "connect c "+f.addr+"; expect c 'what never comes'; echo status $?", "status 6")
	grown := peak(t, cmd.Process.Pid) - before
	t.Logf("sosh grew by %d", grown)
	if grown > maxGrowth {
		t.Errorf("sosh grew by %d bytes", grown)
	}
	say(t, in, out, "recv c --lines 1", "nothing that anybody waits for")
}

func TestFloodAtThePromptCostsNothing(t *testing.T) {
	f := newFlood(t)
	cmd := soshCommand(t)
	term, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		term.Close()
		cmd.Process.Kill()
		cmd.Wait()
	}()
	seen := make(chan string, 1)
	var all bytes.Buffer
	wait := func(text string) {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for !strings.Contains(all.String(), text) {
			select {
			case s, ok := <-seen:
				if !ok {
					t.Fatalf("the prompt ended:\n%s", &all)
				}
				all.WriteString(s)
			case <-deadline:
				t.Fatalf("no %q:\n%s", text, &all)
			}
		}
	}
	go func() {
		defer close(seen)
		buf := make([]byte, 64<<10)
		for {
			n, err := term.Read(buf)
			if n > 0 {
				seen <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	wait("sosh> ")
	fmt.Fprint(term, "open tcp -n c\r")
	wait("c: a stream socket")
	before := peak(t, cmd.Process.Pid)
	fmt.Fprint(term, "connect c "+f.addr+"\r")
	wait("more waits in the kernel")
	sent := f.blocked(t)
	grown := peak(t, cmd.Process.Pid) - before
	t.Logf("the peer was held back after %d bytes; sosh grew by %d", sent, grown)
	if grown > maxGrowth {
		t.Errorf("sosh grew by %d bytes", grown)
	}
}
