//go:build unix

package sdk

import (
	"os"

	"golang.org/x/sys/unix"
)

// takeStdio takes stdin and stdout for the connection, non-blocking, and puts
// stderr in stdout's place: whatever prints does not break in.
func takeStdio() (in, out *os.File, err error) {
	inFD, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, nil, err
	}
	outFD, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	defer null.Close()
	for from, to := range map[int]int{int(null.Fd()): 0, 2: 1} {
		if err := unix.Dup2(from, to); err != nil {
			return nil, nil, err
		}
	}
	for _, fd := range []int{inFD, outFD} {
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, nil, err
		}
	}
	return os.NewFile(uintptr(inFD), "stdin"), os.NewFile(uintptr(outFD), "stdout"), nil
}
