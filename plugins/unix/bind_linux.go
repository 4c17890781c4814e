package unix

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Bind implements sdk.Binder. bind(2) makes the socket's file, which nobody
// removes when the socket ends: then the next bind fails, as with every other
// server, unless unlink=on was given and the file is a socket that no process has.
func (protocol) Bind(_ context.Context, s sdk.Lent, local sdk.Address) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Bind(s.FD, local)
	if errors.Is(err, unix.EADDRINUSE) && named(local) {
		found := inspect(local.Path)
		if found == stale && unlinks(s.Mark) {
			err = unix.Unlink(local.Path)
			c.Report = append(c.Report, sdk.Syscall{Call: fmt.Sprintf("unlink(%q)", local.Path), Result: result(err)})
			if err == nil || errors.Is(err, unix.ENOENT) {
				err = c.Bind(s.FD, local)
			}
			return c.Report, bindError(err, "another has just taken that name")
		}
		return c.Report, bindError(unix.EADDRINUSE, string(found))
	}
	return c.Report, bindError(err, "another socket has that name")
}

// named reports whether the address is a path, and no abstract name.
func named(a sdk.Address) bool { return a.Path != "" && !strings.HasPrefix(a.Path, "\x00") }

// file is what a path that is in use was found to be, as a hint.
type file string

const (
	unknown file = "a file of that name was there, and cannot be looked at"
	foreign file = "the file of that name is no socket, and stays: choose another name"
	served  file = "a process has the socket of that name"
	stale   file = "no process has the socket of that name any more: unlink=on removes such a file"
)

// inspect says what a path is. It asks by connect(2) with a datagram socket: a
// stream server never sees that (EPROTOTYPE), and a datagram one gets no message. A
// socket that is bound and does not listen yet is served, too.
func inspect(path string) file {
	var before, after unix.Stat_t
	if err := unix.Lstat(path, &before); err != nil {
		return unknown
	}
	if before.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return foreign
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return unknown
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
	case err == nil, errors.Is(err, unix.EPROTOTYPE), errors.Is(err, unix.EPERM):
		return served
	default:
		return unknown
	}
	// Another may have put a new one in its place meanwhile.
	if err := unix.Lstat(path, &after); err != nil || before.Dev != after.Dev || before.Ino != after.Ino {
		return unknown
	}
	return stale
}

// bindError adds what to do about the common failures.
func bindError(err error, inUse string) error {
	hint := ""
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		hint = inUse
	case errors.Is(err, unix.ENOENT):
		hint = "its directory does not exist"
	case errors.Is(err, unix.ENOTDIR):
		hint = "what should be its directory is none"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EROFS):
		hint = "this user cannot make a file in that directory"
	case errors.Is(err, unix.EINVAL):
		hint = "the socket has an address already"
	}
	if hint == "" {
		return err
	}
	return &sdk.Error{Op: "bind", Err: err, Hint: hint}
}

func result(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return unix.ErrnoName(errno) + " (" + errno.Error() + ")"
	}
	return "0"
}
