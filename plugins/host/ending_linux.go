package host

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
)

// exiting is PF_EXITING of the kernel's sched.h, in the flags of proc_pid_stat(5).
const exiting = 0x4

// dying reports whether the process has begun to exit, whatever the reason: then what
// it breaks off is no doing of its code. The kernel closes a dying process's descriptors
// before it can be waited for.
func (c *child) dying() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reaped || !c.started {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.pid))
	if err != nil {
		return false
	}
	// After the name in parentheses: state, parent, group, session, terminal, its group, flags.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 7 {
		return false
	}
	flags, err := strconv.ParseUint(string(fields[6]), 10, 64)
	return err == nil && flags&exiting != 0 || fields[0][0] == 'Z'
}

// sent are the signals that somebody else sends: a process that ends by one has not
// crashed. Among them is the kernel's SIGKILL for want of memory, and one that the
// process sent itself: they cannot be told apart.
var sent = []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT}

// ending is how the process ended, once it is reaped, and whether by its own fault.
func (c *child) ending() (how string, crash bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.reaped {
		return "has not ended", false
	}
	status := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return fmt.Sprintf("was ended by signal %d (%v)", int(status.Signal()), status.Signal()), !slices.Contains(sent, status.Signal())
	}
	return fmt.Sprintf("exited with status %d", status.ExitStatus()), true
}

// expendable makes the kernel take the plugin before this program when memory runs
// out: a plugin can be started again, the user's sockets cannot.
func expendable(pid int) {
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), os.O_WRONLY, 0)
	if err != nil {
		return // a kernel without it; the plugin runs all the same
	}
	defer f.Close()
	f.WriteString("500")
}
