//go:build !linux

package repl

import (
	"os"

	"github.com/chzyer/readline"
)

// makeRaw gives the terminal's keys to the prompt one by one, and returns what
// undoes it.
func makeRaw(f *os.File) (restore func() error, err error) {
	fd := int(f.Fd())
	old, err := readline.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	return func() error { return readline.Restore(fd, old) }, nil
}

func byLines(*os.File) bool { return true }
