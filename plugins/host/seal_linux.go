package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxProgram bounds a plugin's file in bytes.
const maxProgram = 512 << 20

// seal copies a program into memory where nobody can change it any more
// (memfd_create(2)), and returns the copy and its SHA-256 in hex. The digest is that of
// the sealed copy, which is then run: there is no moment in between, not even for who
// can reach this process's descriptors.
func seal(src io.Reader, name string) (*os.File, string, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 every memfd may be executed
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, "", fmt.Errorf("memfd_create: %w", err)
	}
	// The number must be above those that a child's descriptors are put on: there
	// the program is named by it.
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 16)
	unix.Close(fd)
	if err != nil {
		return nil, "", err
	}
	f := os.NewFile(uintptr(high), name)
	n, err := io.Copy(f, io.LimitReader(src, maxProgram+1))
	if err == nil && n > maxProgram {
		err = fmt.Errorf("larger than %d MiB", maxProgram>>20)
	}
	if err == nil {
		err = addSeals(high)
	}
	h := sha256.New()
	if err == nil {
		_, err = io.Copy(h, io.NewSectionReader(f, 0, maxProgram+1))
	}
	if err != nil {
		f.Close()
		return nil, "", err
	}
	return f, hex.EncodeToString(h.Sum(nil)), nil
}

// sealTries is how often the seals are asked for. Each time the kernel itself waits for
// some hundred milliseconds.
const sealTries = 10

// addSeals makes the copy one that cannot be changed. EBUSY says that somebody still
// holds a page of it: we map none, but the kernel does while it moves pages about
// (fcntl(2), F_SEAL_WRITE).
func addSeals(fd int) (err error) {
	for range sealTries {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS,
			unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
		if err != unix.EBUSY {
			break
		}
	}
	return err
}

// sealedPath names the copy for execve(2), in this process and its children.
func sealedPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// openNoFollow opens a file that must not be a link, and does not wait for a FIFO's writer.
func openNoFollow(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}
