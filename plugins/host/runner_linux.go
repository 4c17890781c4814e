package host

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// defaultExecutable is this very program, also when its file has been replaced.
const defaultExecutable = "/proc/self/exe"

// setAttributes: a session of its own, so no terminal; and SIGKILL when this
// program is gone, for a plugin that does not read its lifeline.
func setAttributes(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// starter starts processes from one thread that lives as long as they do: the
// kernel sends PDEATHSIG when the starting thread ends, and Go ends threads.
type starter struct {
	mu   sync.Mutex
	jobs chan func()
}

func (s *starter) start(c *exec.Cmd) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs == nil {
		s.jobs = make(chan func())
		jobs := s.jobs
		go func() {
			runtime.LockOSThread() // for good: the thread ends with the goroutine
			for job := range jobs {
				job()
			}
		}()
	}
	err := make(chan error)
	s.jobs <- func() { err <- c.Start() }
	return <-err
}

// stop ends the thread. No process that it started may be left.
func (s *starter) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs != nil {
		close(s.jobs)
		s.jobs = nil
	}
}

// wait waits for the process and reaps it. In between, while its number is still
// its own, what is left of its process group is killed too. pipes are what it wrote to.
func (c *child) wait(pipes []*os.File) {
	for {
		err := unix.Waitid(unix.P_PID, c.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	syscall.Kill(-c.pid, syscall.SIGKILL)
	// What leads to a place may leave something behind, as ssh its ControlPersist.
	c.strays = c.far == nil && (!c.ours || !c.dismissed || c.doomed || held(append(pipes, c.lifeline)))
	c.cmd.Wait() // has ended: does not block
	c.reaped = true
}

// ended reports whether the process has ended and only its reaping is under way: who
// calls then would reach nobody.
func (c *child) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reaped || c.pid == 0 {
		return c.reaped
	}
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, c.pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	return err == nil && info.Signo != 0
}

// killGroup kills the process and its children. It may be stopped.
func killGroup(c *exec.Cmd) {
	syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
	c.Process.Kill() // when the group is not there yet
}
