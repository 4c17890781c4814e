package host

import (
	"bytes"
	"os"
	"strconv"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"golang.org/x/sys/unix"
)

// What a plugin forks dies with its process group. What has left the group is looked
// for by its environment: the socket directory's name is in it, and no other plugin
// has the same. A process that hides from that, too, has changed its environment: it
// is native code with the user's rights, and nothing here stops it.

// held reports whether some process has the other end of one of the pipes.
func held(pipes []*os.File) bool {
	for _, f := range pipes {
		raw, err := f.SyscallConn()
		if err != nil {
			continue // read to its end and closed
		}
		open := false
		raw.Control(func(fd uintptr) {
			p := []unix.PollFd{{Fd: int32(fd)}}
			for {
				_, err := unix.Poll(p, 0)
				if err != unix.EINTR {
					break
				}
			}
			open = p[0].Revents&(unix.POLLHUP|unix.POLLERR) == 0
		})
		if open {
			return true
		}
	}
	return false
}

// maxRounds bounds how often strays are looked for that fork as they are killed, and
// maxBlind how often once only processes are left whose environment is not known.
const (
	maxRounds = 20
	maxBlind  = 6
)

// killStrays kills what the process left behind. It looks only where there may be
// something, as that takes 10 µs for each process of the machine: not when one of ours
// ended in order and its pipes are free.
func (c *child) killStrays() {
	c.mu.Lock()
	look := c.strays
	c.mu.Unlock()
	if !look {
		return
	}
	blind := 0
	for range maxRounds {
		any, unknown := c.killFound()
		if !any && unknown {
			time.Sleep(time.Millisecond << blind)
			blind++
		}
		if !any && !unknown || blind == maxBlind {
			return
		}
	}
}

// killFound kills the processes that have the plugin's environment, and reports
// whether there were any, and whether there may be more: in the midst of execve(2) a
// process has no environment for a moment.
func (c *child) killFound() (any, unknown bool) {
	mark := []byte(goplugin.EnvUnixSocketDir + "=" + c.dir + "\x00")
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false, false
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		// First looked at cheaply; then held, so that the number stays its own.
		has, empty := hasEnvironment(pid, mark)
		unknown = unknown || empty
		if !has {
			continue
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue
		}
		has, empty = hasEnvironment(pid, mark)
		unknown = unknown || empty
		if has && unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil {
			any = true
		}
		unix.Close(fd)
	}
	return any, unknown
}

// hasEnvironment reports whether the mark is in the environment of a process, and
// whether that is empty. A thread of the kernel has none, and no program.
func hasEnvironment(pid int, mark []byte) (has, empty bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	env, err := os.ReadFile(dir + "/environ") // as long as execve(2) allowed
	if err == nil && len(env) == 0 {
		_, err := os.Readlink(dir + "/exe")
		return false, err == nil
	}
	return err == nil && bytes.Contains(env, mark), false
}
