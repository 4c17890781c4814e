//go:build !unix

package lang

import (
	"io"
	"os"
	"os/exec"
)

func prepareGroup(*exec.Cmd, bool) {}

func signalGroup(cmd *exec.Cmd, _ bool, sig os.Signal) { cmd.Process.Signal(sig) }

func exitStatus(e *exec.ExitError) uint8 { return uint8(e.ExitCode()) }

func isTerminal(io.Reader) bool { return false }
