//go:build !unix

package lang

import (
	"os"
	"os/exec"
)

// programGroup is a program alone: there are no process groups here.
type programGroup struct{ process *os.Process }

type terminalGroup struct{}

func (sh *Shell) startProgram(cmd *exec.Cmd, _ bool) (*programGroup, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &programGroup{cmd.Process}, nil
}

func (g *programGroup) holdsTerminal() bool      { return false }
func (g *programGroup) signal(sig os.Signal)     { g.process.Signal(sig) }
func (g *programGroup) wait(cmd *exec.Cmd) error { return cmd.Wait() }
func (g *programGroup) done(*exec.Cmd) bool      { return false }

func exitStatus(e *exec.ExitError) uint8 { return uint8(e.ExitCode()) }

func isTerminal(any) bool { return false }
