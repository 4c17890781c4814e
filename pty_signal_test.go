//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cooked waits until the terminal's modes are those of programs: the shell runs
// what was typed. The kernel tells nobody of a change, so the marker in front of
// the command does.
func (tm *terminal) cooked(command string) {
	tm.Helper()
	tm.typeKeys("echo go-ahead; " + command + "\r")
	tm.waitRow("go-ahead")
}

// promptly checks that the prompt comes back at once after an interrupt.
func (tm *terminal) promptly(prompt string) {
	tm.Helper()
	begin := time.Now()
	tm.typeKeys("\x03")
	tm.prompt(prompt)
	if took := time.Since(begin); took > 5*time.Second {
		tm.Errorf("Ctrl-C took %v", took)
	}
}

func TestCtrlCEndsAWaitAndNothingElse(t *testing.T) {
	for _, command := range []string{
		"recv c", "recv c --all", "recv c --bytes 100", "expect c never", "x=$(recv c)", "recv c | cat",
		"while :; do recv c; done",
	} {
		t.Run(command, func(t *testing.T) {
			tm := newTerminal(t)
			p := tm.connect("")
			plugins := tm.plugins()
			tm.cooked(command)
			tm.promptly("sosh c> ")
			if now := tm.plugins(); !slices.Equal(now, plugins) {
				t.Errorf("the plugins were %v and are %v", plugins, now)
			}
			tm.run("send c here", "sosh c> ")
			p.hears("here")
			p.says("there\n")
			tm.waitRow("c < there")
			tm.typeKeys("recv c\r")
			tm.waitRow("there")
			tm.prompt("sosh c> ")
		})
	}
}

func TestCtrlCEndsAnAccept(t *testing.T) {
	tm := newTerminal(t)
	tm.run("open tcp --listen 127.0.0.1:0 -n srv", "sosh srv> ")
	tm.cooked("accept srv")
	tm.promptly("sosh srv> ")
	tm.run("open tcp :$(show srv local.port) -n c", "sosh c> ")
	tm.run("accept srv -n a", "sosh a> ")
}

func TestCtrlCEndsAConnect(t *testing.T) {
	tm := newTerminal(t)
	port, drain := fullListener(t)
	tm.run("open tcp -n c", "sosh c> ")
	plugins := tm.plugins()
	tm.cooked(fmt.Sprintf("connect c 127.0.0.1:%d", port))
	tm.promptly("sosh c> ")
	if now := tm.plugins(); !slices.Equal(now, plugins) {
		t.Errorf("the plugins were %v and are %v", plugins, now)
	}
	drain()
	tm.run(fmt.Sprintf("connect c 127.0.0.1:%d", port), "sosh c> ")
	tm.typeKeys("show c state\r")
	tm.waitRow("ESTABLISHED")
}

func TestCtrlCLeavesJobsAlone(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	tm.run("recv c --bytes 4 &", "sosh c> ")
	tm.typeKeys("half\x03")
	tm.prompt("sosh c> ")
	tm.cooked("sleep 100")
	tm.promptly("sosh c> ")
	p.says("job\n")
	tm.waitRow("job")
}

func TestCtrlCClearsTheLine(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("echo never")
	tm.prompt("sosh> echo never")
	tm.typeKeys("\x03")
	tm.prompt("sosh> ")
	tm.waitRow("sosh> echo never^C")
	tm.typeKeys("for i in 1\r")
	tm.prompt("  ... ")
	tm.typeKeys("\x03")
	tm.prompt("sosh> ")
	tm.typeKeys("echo \x03echo twice\r")
	tm.waitRow("twice")
	if s := tm.screen(); s.row("never") {
		t.Errorf("it ran:\n%s", s)
	}
}

func TestCtrlCEndsAProgram(t *testing.T) {
	for _, command := range []string{"cat", "sleep 100", "sleep 100 | cat", "while :; do sleep 100; done"} {
		t.Run(command, func(t *testing.T) {
			tm := newTerminal(t)
			tm.cooked(command)
			tm.promptly("sosh> ")
			tm.run("echo fine", "sosh> ")
		})
	}
}

// A program at the prompt has the terminal and its keys, as in every shell.
func TestCtrlCAtAProgramIsTheProgramsAffair(t *testing.T) {
	tm := newTerminal(t)
	tm.free = true
	tm.typeKeys(`sh -c 'trap "echo caught" INT; trap "echo quits; exit 3" QUIT; echo re""ady; while :; do sleep 0.05; done'; echo "status $?"` + "\r")
	tm.waitRow("ready")
	for range 3 {
		tm.typeKeys("\x03")
		tm.waitScreen("caught")
	}
	tm.typeKeys("\x1c")
	tm.waitRow("status 3")
	tm.prompt("sosh> ")
	tm.run("echo fine", "sosh> ")
}

func TestAProgramThatStopsGoesOn(t *testing.T) {
	tm := newTerminal(t)
	tm.free = true
	tm.typeKeys("sh -c 'echo re\"\"ady; exec cat'\r")
	tm.waitRow("ready")
	tm.typeKeys("\x1a")
	tm.typeKeys("still here\r")
	tm.wait("it twice", func(s screen) bool { return strings.Count(strings.Join(s.rows, "\n"), "still here") == 2 })
	tm.typeKeys("\x04")
	tm.prompt("sosh> ")
}

func TestCtrlCInALoopOfProgramsEndsTheLine(t *testing.T) {
	tm := newTerminal(t)
	tm.free = true
	tm.typeKeys("while :; do echo ro\"\"und; sleep 100; done; echo nev\"\"er\r")
	tm.waitRow("round")
	tm.typeKeys("\x03")
	tm.prompt("sosh> ")
	tm.typeKeys("echo \"status $?\"\r")
	tm.waitRow("status 130")
	if s := tm.screen(); s.row("never") || strings.Count(strings.Join(s.rows, "\n"), "round") > 1 {
		t.Errorf("a command more has run:\n%s", s)
	}
}

func TestJobsOfThePromptOutliveCtrlCAndNotTheShell(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("sleep 8765 &\r")
	tm.waitScreen("%1: process ")
	tm.prompt("sosh> ")
	tm.typeKeys("wait\r")
	tm.again("\x03", func() bool { return tm.screen().has("wait %1: interrupted") })
	tm.prompt("sosh> ")
	tm.typeKeys("jobs\r")
	tm.waitScreen("running")
	tm.prompt("sosh> ")
	tm.typeKeys("\x04")
	tm.ended(0)
	if out, err := exec.Command("pgrep", "-f", "^sleep 8765").Output(); err == nil {
		t.Errorf("left behind: %s", out)
	}
}

// A Ctrl-C that comes between two lines, when neither a line is edited nor a
// command runs, must not end the shell.
func TestManyCtrlCDoNotEndTheShell(t *testing.T) {
	tm := newTerminal(t)
	for range 20 {
		tm.typeKeys("sleep 100\r\x03\x03\x03")
		syscall.Kill(tm.pid(), syscall.SIGINT)
	}
	// One that was typed while the modes changed was a byte for the program:
	// somebody at a keyboard types another one.
	tm.again("\x03\x15echo survived\r", func() bool { return tm.screen().row("survived") })
}

// again types keys, and types them again from time to time until ok is content.
func (tm *terminal) again(keys string, ok func() bool) {
	tm.Helper()
	var typed time.Time
	tm.until(fmt.Sprintf("%q was of use", keys), func() bool {
		if time.Since(typed) > 100*time.Millisecond {
			tm.typeKeys(keys)
			typed = time.Now()
		}
		return ok()
	})
}

func TestQuitKeyDoesNotEndTheShell(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	tm.cooked("recv c")
	tm.typeKeys("\x1c")
	tm.waitScreen(`^\`) // with it the kernel drops what was printed and not read
	p.says("still\n")
	tm.waitScreen("still")
	tm.prompt("sosh c> ")
}

func TestCtrlDLeaves(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("echo 'unfinished\r")
	tm.prompt("  ... ")
	tm.typeKeys("\x04")
	tm.prompt("sosh> ")
	tm.typeKeys("xy\x02\x04\x15")
	tm.prompt("sosh> ")
	tm.typeKeys("false\r")
	tm.wait("the prompt", func(s screen) bool { return s.edits("sosh> ") && s.has("false") })
	tm.typeKeys("\x04")
	tm.ended(1)
}

func TestSignalsLeaveTheTerminalAndNoPlugin(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		for _, at := range []string{"an empty line", "a half line", "a wait", "a program"} {
			t.Run(fmt.Sprint(sig, " at ", at), func(t *testing.T) {
				tm := newTerminal(t)
				tm.connect("")
				file := filepath.Join(tm.home, "ran")
				switch at {
				case "a half line":
					tm.typeKeys("echo > " + file)
					tm.wait("it", func(s screen) bool { return strings.HasSuffix(s.before(), file) })
				case "a wait":
					tm.cooked("recv c")
				case "a program":
					tm.cooked("sleep 100")
				}
				syscall.Kill(tm.pid(), sig)
				tm.ended(128 + int(sig))
				if _, err := os.Stat(file); err == nil {
					t.Error("the half line was run")
				}
			})
		}
	}
}

func TestStoppedPromptGoesOn(t *testing.T) {
	tm := newTerminal(t)
	tm.typeKeys("echo on")
	tm.prompt("sosh> echo on")
	syscall.Kill(tm.pid(), syscall.SIGSTOP)
	tm.setModes(func(m *unix.Termios) { m.Lflag |= unix.ICANON | unix.ECHO | unix.ISIG })
	syscall.Kill(tm.pid(), syscall.SIGCONT)
	tm.waitModes("those of the prompt", func(m *unix.Termios) bool { return m.Lflag&unix.ICANON == 0 })
	tm.typeKeys("ward\r")
	tm.waitRow("onward")
}

func TestHangupLeavesNothing(t *testing.T) {
	tm := newTerminal(t)
	tm.connect("")
	tm.typeKeys("echo half")
	tm.prompt("sosh c> echo half")
	tm.left = true
	tm.master.Close() // the terminal's window is closed
	tm.leader.Wait()
	tm.nobodyLeft()
}

func TestProgramsGetTheTerminal(t *testing.T) {
	tm := newTerminal(t)
	tm.free = true
	tm.typeKeys("cat\rtyped ahead\r") // in one go
	tm.wait("what was typed ahead", func(s screen) bool { return s.row("typed ahead") && s.y > 0 })
	tm.typeKeys("typed after\r")
	tm.wait("both", func(s screen) bool {
		return strings.Count(strings.Join(s.rows, "\n"), "typed after") == 2 // its echo, and cat's
	})
	tm.typeKeys("\x04")
	tm.prompt("sosh> ")
	tm.typeKeys("stty -a </dev/tty\r")
	tm.waitScreen("icanon")
	s := tm.prompt("sosh> ")
	for _, mode := range []string{"icanon", " echo ", "isig", " icrnl"} {
		if !strings.Contains(s.raw, mode) {
			t.Errorf("no%s:\n%s", mode, s)
		}
	}
}

func TestTypedAheadIsNotLost(t *testing.T) {
	tm := newTerminal(t)
	p := tm.connect("")
	tm.cooked("recv c")
	tm.typeKeys("echo typed while waiting\r")
	p.says("now\n")
	tm.waitRow("now")
	tm.waitRow("typed while waiting")
}

func TestNothingIsPrintedIntoAProgramsScreen(t *testing.T) {
	tm := newTerminal(t)
	tm.free = true
	p := tm.connect("")
	tm.cooked("sh -c 'stty -icanon -echo; echo mine; head -c 1 >/dev/null; stty icanon echo; echo yours'")
	tm.waitRow("mine")
	p.says("noise\n")
	tm.waitHeld(p)
	if s := tm.screen(); s.has("c < noise") {
		t.Errorf("printed over the program:\n%s", s)
	}
	tm.typeKeys("q")
	tm.waitRow("c < noise")
	s := tm.prompt("sosh c> ")
	if strings.Index(s.raw, "\nyours") > strings.Index(s.raw, "c < noise") {
		t.Errorf("printed before the program's end:\n%s", s)
	}
}
