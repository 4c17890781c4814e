//go:build unix

package repl

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyScreen tells when the line must be drawn again: the terminal has another
// size, or the process was stopped and goes on.
func notifyScreen(c chan os.Signal) { signal.Notify(c, syscall.SIGWINCH, syscall.SIGCONT) }
