//go:build unix

package host

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
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

// tryLock locks an open directory until it is closed, if nobody else has it.
func tryLock(dir *os.File) (bool, error) {
	err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
