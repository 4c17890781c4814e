package repl

import (
	"os"

	"golang.org/x/sys/unix"
)

// makeRaw gives the terminal's keys to the prompt one by one, and returns what
// undoes it. Enter stays a line end (ICRNL), as what is typed ahead may be for a
// program, which reads it in the modes of its own.
func makeRaw(f *os.File) (restore func() error, err error) {
	fd := int(f.Fd())
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	raw := *old
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.IXON
	raw.Iflag |= unix.ICRNL
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		return nil, err
	}
	unix.SetNonblock(fd, false) // programs leave it on
	return func() error { return unix.IoctlSetTermios(fd, unix.TCSETS, old) }, nil
}

// byLines reports whether the terminal is in the mode in which programs read
// lines. One that is not has the screen to itself.
func byLines(f *os.File) bool {
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err != nil || t.Lflag&unix.ICANON != 0
}
