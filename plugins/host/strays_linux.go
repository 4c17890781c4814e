package host

import (
	"bytes"
	"errors"
	"os"
	"slices"
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

// Strays that fork as they are killed, or are in the midst of execve(2), are looked for
// for strayTime, and on a machine so busy that a look takes long, strayLooks times. After
// each there is a pause, as what is killed takes its time to go: of strayPause, then twice
// that, to maxStrayPause.
const (
	strayTime     = time.Second
	strayLooks    = 20
	strayPause    = time.Millisecond
	maxStrayPause = 32 * time.Millisecond
)

// killStrays kills what the process left behind. It looks only where there may be
// something, as that takes 10 µs for each process of the machine: not when one of ours
// ended in order and its pipes are free. It is done when two looks in a row have found
// nothing: one can miss a process whose parent was still listed, forked it, and ended.
func (c *child) killStrays() {
	c.mu.Lock()
	look := c.strays
	c.mu.Unlock()
	if look {
		untilNone(c.killFound)
	}
}

// untilNone looks until nothing is found.
func untilNone(look func() (any, unknown bool)) {
	pause := strayPause
	end := time.Now().Add(strayTime)
	for looks, free := 0, 0; free < 2 && (looks < strayLooks || time.Now().Before(end)); looks++ {
		if any, unknown := look(); !any && !unknown {
			free++
			continue
		}
		free = 0
		time.Sleep(pause)
		pause = min(2*pause, maxStrayPause)
	}
}

// killFound kills the processes that have the plugin's environment, and reports
// whether there were any, and whether there may be more that cannot be told.
func (c *child) killFound() (any, unknown bool) {
	mark := []byte(goplugin.EnvUnixSocketDir + "=" + c.dir + "\x00")
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false, shortage(err)
	}
	slices.Reverse(entries) // the youngest fork, and are gone first
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		// First looked at cheaply; then held, so that the number stays its own.
		has, open := hasEnvironment(pid, mark)
		unknown = unknown || open
		if !has {
			continue
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			unknown = unknown || shortage(err)
			continue
		}
		has, open = hasEnvironment(pid, mark)
		unknown = unknown || open
		if has && unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil {
			any = true
		}
		unix.Close(fd)
	}
	return any, unknown
}

// hasEnvironment reports whether the mark is in the environment of a process, and
// whether that cannot be told now: in the midst of execve(2) there is none for a moment,
// on a busy machine for long. What has none for good is no plugin's.
func hasEnvironment(pid int, mark []byte) (has, unknown bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	for {
		env, err := os.ReadFile(dir + "/environ") // as long as execve(2) allowed
		if err != nil || len(env) > 0 {
			return bytes.Contains(env, mark), shortage(err)
		}
		if _, err := os.Readlink(dir + "/exe"); err != nil {
			return false, shortage(err) // a thread of the kernel has no program, and neither has what is dead
		}
		if started, err := hasCode(dir); err != nil || !started {
			return false, err == nil || shortage(err)
		}
		// Its execve(2) is done, perhaps just now: then it has one.
		if env, err := os.ReadFile(dir + "/environ"); err != nil || len(env) == 0 {
			return false, shortage(err)
		}
	}
}

// startCode is the place of startcode behind the name in proc_pid_stat(5): the kernel
// sets it when the environment is in place.
const startCode = 26 - 3

// hasCode reports whether the process is past its execve(2).
func hasCode(dir string) (bool, error) {
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return false, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	return len(fields) <= startCode || string(fields[startCode]) != "0", nil
}

// shortage reports whether an error says nothing of the process: this program has no
// descriptors or memory left.
func shortage(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
}
