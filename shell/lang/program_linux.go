package lang

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// awaitChange waits until a child has stopped or ended, and tells which. An end
// is left for who waits for it.
func awaitChange(pid int) (stopped bool, err error) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || info.Code != cldStopped {
			return false, err
		}
		unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WNOHANG, nil) // it is told once
		return true, nil
	}
}

// cldStopped is CLD_STOPPED of <signal.h>.
const cldStopped = 5

// blockTTOU keeps SIGTTOU from this thread until restore.
func blockTTOU() (restore func(), err error) {
	var set, old unix.Sigset_t
	bits := 8 * int(unsafe.Sizeof(set.Val[0]))
	n := int(unix.SIGTTOU) - 1
	set.Val[n/bits] |= 1 << (n % bits)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, &old); err != nil {
		return nil, err
	}
	return func() { unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) }, nil
}
