package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBase keeps the path of a socket below the 104 to 108 bytes that systems allow
// (unix(7)): our directory's name, go-plugin's, and the socket's take up to 73.
const maxBase = 31

// socketBases are where socket directories may be made: those of the usual
// places whose name is short enough.
func socketBases() []string {
	var bases []string
	for _, d := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		if filepath.IsAbs(d) && len(d) <= maxBase && !slices.Contains(bases, d) {
			bases = append(bases, d)
		}
	}
	return bases
}

// socketDir makes a directory, 0700, for one plugin's socket, and holds a lock on it
// until it is removed. Its name tells whose it is, so that one that a killed program
// left can be found. A place that is not ours to write to, as su leaves it in the
// environment, is passed over.
func socketDir() (dir string, remove func(), err error) {
	for _, base := range socketBases() {
		if dir, err = os.MkdirTemp(base, fmt.Sprintf("sosh-%d-%d-*", os.Getuid(), os.Getpid())); err != nil {
			continue
		}
		held, err := os.Open(dir)
		if err == nil {
			tryLock(held)
		}
		return dir, func() { os.RemoveAll(dir); held.Close() }, nil
	}
	return "", nil, err
}

// youngest is the age that a directory must have to be swept: in its first moment it has
// no lock yet, and that of an older program never has one. But none is in use for longer
// than a plugin takes to start.
const youngest = time.Minute

// sweep removes the socket directories of programs that are gone. The process number
// alone does not tell: it may be another's number in another PID namespace
// (pid_namespaces(7)), as that of a container which shares the directory.
func sweep() {
	for _, base := range socketBases() {
		sweepIn(base)
	}
}

func sweepIn(base string) {
	prefix := filepath.Join(base, fmt.Sprintf("sosh-%d-", os.Getuid()))
	found, _ := filepath.Glob(prefix + "*")
	for _, dir := range found {
		pid, err := strconv.Atoi(strings.SplitN(strings.TrimPrefix(dir, prefix), "-", 2)[0])
		if err != nil || alive(pid) {
			continue
		}
		// Others may make names in a shared directory: only what is ours is removed.
		if fi, err := os.Lstat(dir); err != nil || !fi.IsDir() || !ownedByUs(fi) || time.Since(fi.ModTime()) <= youngest {
			continue
		}
		f, err := os.Open(dir)
		if err != nil {
			continue
		}
		if free, _ := tryLock(f); free {
			os.RemoveAll(dir)
		}
		f.Close()
	}
}
