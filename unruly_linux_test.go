package main

import (
	"os"
	"syscall"

	"github.com/sosh-shell/sosh/plugins/unruly"
)

// unrulyVariable gives the program the plugin that misbehaves.
const unrulyVariable = "SOSH_TEST_UNRULY"

func init() {
	unruly.ServeIfAsked()
	if os.Getenv(unrulyVariable) != "" {
		bundled[unruly.Name], bundled[unruly.LayerName] = unruly.New, unruly.Layer
		for _, name := range []string{"dies", "escapes"} {
			bundled[unruly.Name+"-"+name] = unruly.Named(unruly.Name + "-" + name)
		}
	}
}

func closeDescriptor(fd int) { syscall.Close(fd) }

func socketPair() (a, b int, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	return fds[0], fds[1], err
}
