//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// What the terminal tests ask the kernel.

// openPty is pty.Open with a master whose Close ends a read of it.
func openPty() (master, tty *os.File, err error) {
	blocking, tty, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer blocking.Close()
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		tty.Close()
		return nil, nil, err
	}
	return os.NewFile(uintptr(fd), "ptmx"), tty, nil
}

func (tm *terminal) setSize(cols, rows int) {
	tm.Helper()
	tm.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(cols), Row: uint16(rows)})
	})
}

// until looks again and again: for what the kernel tells nobody.
func (tm *terminal) until(what string, ok func() bool) {
	tm.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(limit) {
			tm.Fatalf("waited in vain until %s:\n%s", what, tm.screen())
		}
	}
}

// waitModes waits until the terminal has certain modes.
func (tm *terminal) waitModes(what string, ok func(*unix.Termios) bool) {
	tm.Helper()
	tm.until("the modes are "+what, func() (is bool) {
		tm.control(func(fd int) error {
			modes, err := unix.IoctlGetTermios(fd, unix.TCGETS)
			is = err == nil && ok(modes)
			return err
		})
		return is
	})
}

func (tm *terminal) setModes(change func(*unix.Termios)) {
	tm.Helper()
	tm.control(func(fd int) error {
		modes, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return err
		}
		change(modes)
		return unix.IoctlSetTermios(fd, unix.TCSETS, modes)
	})
}

// control calls f with the master's descriptor; Fd would make it block.
func (tm *terminal) control(f func(fd int) error) {
	tm.Helper()
	conn, err := tm.master.SyscallConn()
	if err != nil {
		tm.Fatal(err)
	}
	conn.Control(func(fd uintptr) { err = f(int(fd)) })
	if err != nil {
		tm.Fatal(err)
	}
}

// fullListener is a port whose backlog is full, so that a connect waits.
func fullListener(t *testing.T) (port int, drain func()) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port = name.(*unix.SockaddrInet4).Port
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return port, func() {
		c, _, err := unix.Accept(fd)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(c)
	}
}

// waitHeld waits until sosh's kernel has what the peer sent.
func (tm *terminal) waitHeld(p *peer) {
	tm.Helper()
	conn, err := p.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		tm.Fatal(err)
	}
	tm.until("the peer's bytes are acknowledged", func() bool {
		var info *unix.TCPInfo
		conn.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
		return err == nil && info.Unacked == 0
	})
}

func children(pid int) []int {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var pids []int
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for f := range strings.FieldsSeq(string(text)) {
			child, _ := strconv.Atoi(f)
			pids = append(pids, child)
		}
	}
	slices.Sort(pids)
	return pids
}

// nobodyLeft waits until no process of this terminal's home lives.
func (tm *terminal) nobodyLeft() {
	tm.Helper()
	end := time.Now().Add(patience)
	for {
		pids := processesOf(tm.home)
		if len(pids) == 0 {
			return
		}
		fd, err := unix.PidfdOpen(pids[0], 0)
		if err != nil {
			continue // gone in between
		}
		n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(max(0, time.Until(end).Milliseconds())))
		unix.Close(fd)
		if n == 0 && time.Now().After(end) {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pids[0]))
			tm.Errorf("a process is left: %q", text)
			return
		}
	}
}

// processesOf are the living processes whose HOME is the given one: sosh, its
// plugins and all that it ran.
func processesOf(home string) []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		env, _ := os.ReadFile("/proc/" + e.Name() + "/environ")
		if bytes.Contains(append([]byte{0}, env...), []byte("\x00HOME="+home+"\x00")) {
			pids = append(pids, pid)
		}
	}
	return pids
}
