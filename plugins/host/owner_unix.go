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

// lockDir locks a directory, shared or for one alone, without waiting: flock(2). The
// lock ends with the file, and with this process.
func lockDir(f *os.File, alone bool) bool {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	return syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB) == nil
}

// alive reports whether a process of that number exists, as far as can be told.
func alive(pid int) bool { return pid <= 0 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
