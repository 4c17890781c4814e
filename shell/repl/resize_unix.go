//go:build unix

package repl

import (
	"os"
	"os/signal"
	"syscall"
)

func notifyResize(c chan os.Signal) { signal.Notify(c, syscall.SIGWINCH) }
