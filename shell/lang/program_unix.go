//go:build unix

package lang

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"github.com/mattn/go-isatty"
	"golang.org/x/sys/unix"
)

// programGroup is the process group of a program, so that a cancel reaches its
// children too. At a prompt the programs of a line share one, which has the
// terminal.
type programGroup struct {
	pgid     int // 0 for the shell's own group
	pid      int
	terminal *terminalGroup // nil without
}

// terminalGroup is the process group that has the terminal while a prompt's
// programs run.
type terminalGroup struct {
	mu   sync.Mutex
	file *os.File // the terminal
	pgid int
	n    int // programs in it
}

// startProgram starts a program: at a prompt in the group that has the terminal,
// in a script in a group of its own, unless it could then not read the terminal.
func (sh *Shell) startProgram(cmd *exec.Cmd, terminal bool) (*programGroup, error) {
	if !terminal || !sh.cfg.Prompt {
		own := !terminal || !isTerminal(cmd.Stdin)
		if own {
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		g := &programGroup{pid: cmd.Process.Pid}
		if own {
			g.pgid = g.pid
		}
		return g, nil
	}
	t := &sh.terminal
	t.mu.Lock()
	defer t.mu.Unlock()
	if syscall.Getpgrp() == 0 && syscall.Setpgid(0, 0) == nil {
		// Our group was of another PID namespace (nsenter, unshare): it has no number
		// here by which the terminal could be given back to it.
		takeTerminal(sh.cfg.Stdin)
	}
	if t.n > 0 {
		again := *cmd
		again.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: t.pgid}
		if err := again.Start(); err == nil {
			*cmd = again
			t.n++
			return &programGroup{pgid: t.pgid, pid: cmd.Process.Pid, terminal: t}, nil
		} // else all of the group have ended just now
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Foreground: true, Ctty: int(sh.cfg.Stdin.Fd())}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t.file, t.pgid, t.n = sh.cfg.Stdin, cmd.Process.Pid, t.n+1
	return &programGroup{pgid: t.pgid, pid: t.pgid, terminal: t}, nil
}

func (g *programGroup) holdsTerminal() bool { return g.terminal != nil }

func (g *programGroup) signal(sig os.Signal) {
	pid := g.pid
	if g.pgid != 0 {
		pid = -g.pgid
	}
	syscall.Kill(pid, sig.(syscall.Signal))
}

// wait waits for the program. One that has the terminal and stops, by Ctrl-Z, is
// made to go on: nothing here could bring it back.
func (g *programGroup) wait(cmd *exec.Cmd) error {
	for g.terminal != nil {
		if stopped, err := awaitChange(g.pid); err != nil || !stopped {
			break
		}
		syscall.Kill(-g.pgid, syscall.SIGCONT)
	}
	return cmd.Wait()
}

// done gives the terminal back when the last of the group has ended. It reports
// whether Ctrl-C ended the program.
func (g *programGroup) done(cmd *exec.Cmd) (interrupted bool) {
	ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	interrupted = ok && ws.Signaled() && ws.Signal() == syscall.SIGINT
	if t := g.terminal; t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.n--; t.n == 0 {
			takeTerminal(t.file)
		}
	}
	return interrupted
}

// takeTerminal makes the shell's group the one that has the terminal. The shell
// is in the background at that moment: a SIGTTOU that is not blocked would stop it.
func takeTerminal(f *os.File) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore, err := blockTTOU()
	if err != nil {
		return
	}
	defer restore()
	if conn, err := f.SyscallConn(); err == nil {
		conn.Control(func(fd uintptr) { unix.IoctlSetPointerInt(int(fd), unix.TIOCSPGRP, syscall.Getpgrp()) })
	}
}

// exitStatus is the program's own, or 128 and the signal that ended it.
func exitStatus(e *exec.ExitError) uint8 {
	if ws, ok := e.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + uint8(ws.Signal())
	}
	return uint8(e.ExitCode())
}

// isTerminal reports whether w is a terminal's file. It leaves the file's mode
// alone, which Fd would not.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok || f == nil {
		return false
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	is := false
	conn.Control(func(fd uintptr) { is = isatty.IsTerminal(fd) })
	return is
}
