//go:build !linux

package host

import (
	"errors"
	"os"
	"os/exec"
)

const defaultExecutable = ""

// starter starts nothing on this system: the rules for a plugin's process (no
// terminal, dies with this program, no way in by its files) are kept on Linux only.
type starter struct{}

func (*starter) start(*exec.Cmd) error { return errors.ErrUnsupported }
func (*starter) stop()                 {}

func setAttributes(*exec.Cmd)           {}
func (c *child) wait([]*os.File)        {}
func held([]*os.File) bool              { return false }
func (c *child) ended() bool            { return false }
func (c *child) dying() bool            { return false }
func (c *child) ending() (string, bool) { return "", false }
func (c *child) killStrays()            {}
func expendable(int)                    {}
func killGroup(*exec.Cmd)               {}
