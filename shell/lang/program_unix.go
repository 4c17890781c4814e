//go:build unix

package lang

import (
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/mattn/go-isatty"
)

// prepareGroup puts the program into a process group of its own, so that a
// cancel reaches its children too.
func prepareGroup(cmd *exec.Cmd, own bool) {
	if own {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
}

func signalGroup(cmd *exec.Cmd, own bool, sig os.Signal) {
	pid := cmd.Process.Pid
	if own {
		pid = -pid
	}
	syscall.Kill(pid, sig.(syscall.Signal))
}

// exitStatus is the program's own, or 128 and the signal that ended it.
func exitStatus(e *exec.ExitError) uint8 {
	if ws, ok := e.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + uint8(ws.Signal())
	}
	return uint8(e.ExitCode())
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && f != nil && isatty.IsTerminal(f.Fd())
}
