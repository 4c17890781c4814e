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
