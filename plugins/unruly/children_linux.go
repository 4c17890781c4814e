package unruly

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func ptr(b *byte) unsafe.Pointer { return unsafe.Pointer(b) }

// lifetime of a child, in seconds, that nobody kills.
const lifetime = "60"

// children starts n that hold what this process has of pipes. With away each is a
// daemon: its parent is gone and its session is its own.
func children(n int, away bool) {
	for range n {
		c := exec.Command("sleep", lifetime)
		if away {
			c = exec.Command("sh", "-c", "sleep "+lifetime+" &")
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		}
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
		start(c, away)
	}
}

// keepIn starts a daemon that has a copy of the descriptor, and of nothing else.
func keepIn(fd int) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 10)
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(dup), "kept")
	defer f.Close()
	c := exec.Command("sh", "-c", "sleep "+lifetime+" &")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.ExtraFiles = []*os.File{f}
	start(c, true)
}

// storm starts children that go on starting some.
func storm() {
	for range 4 {
		c := exec.Command("sh", "-c", "for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3; do sleep "+lifetime+" & done; wait) & done; wait")
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		start(c, false)
	}
}

func start(c *exec.Cmd, wait bool) {
	err := c.Start()
	if err == nil && wait {
		err = c.Wait()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "unruly:", err)
	}
}
