//go:build unix

package host

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// owner is a file's owner.
func owner(fi fs.FileInfo) (uid int, ok bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

func ownedByUs(fi fs.FileInfo) bool {
	uid, ok := owner(fi)
	return ok && uid == os.Getuid()
}

// alive reports whether a process of that number exists, as far as can be told.
func alive(pid int) bool { return pid <= 0 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// openGuard opens the file that is locked, for writing: NFS locks nothing else exclusively
// (flock(2)). Who may only read it can wait all the same until nobody writes.
func openGuard(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		if f, rerr := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0); rerr == nil {
			return f, nil
		}
	}
	return f, err
}

// tryGuard locks what openGuard opened until it is closed, if nobody else has it: against
// all others where it was opened for writing, else against who writes.
func tryGuard(f *os.File) (bool, error) {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY {
		return flock(f, syscall.LOCK_SH)
	}
	return tryLock(f)
}

// tryLock locks an open directory until it is closed, if nobody else has it.
func tryLock(dir *os.File) (bool, error) { return flock(dir, syscall.LOCK_EX) }

func flock(f *os.File, how int) (bool, error) {
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
