package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxBase keeps the path of a socket below the 104 to 108 bytes that systems allow
// (unix(7)): our directory's name, go-plugin's, and the socket's take up to 73.
const maxBase = 31

// socketBase is where socket directories are made: of the usual places the first
// whose name is short enough.
func socketBase() string {
	for _, d := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir()} {
		if filepath.IsAbs(d) && len(d) <= maxBase {
			if fi, err := os.Stat(d); err == nil && fi.IsDir() {
				return d
			}
		}
	}
	return "/tmp"
}

// socketDir makes a directory, 0700, for one plugin's socket. Its name tells whose
// it is, so that one that a killed program left can be found.
func socketDir() (string, error) {
	return os.MkdirTemp(socketBase(), fmt.Sprintf("sosh-%d-%d-*", os.Getuid(), os.Getpid()))
}

// sweep removes the socket directories of programs that are gone.
func sweep() {
	prefix := filepath.Join(socketBase(), fmt.Sprintf("sosh-%d-", os.Getuid()))
	found, _ := filepath.Glob(prefix + "*")
	for _, dir := range found {
		pid, err := strconv.Atoi(strings.SplitN(strings.TrimPrefix(dir, prefix), "-", 2)[0])
		if err != nil || alive(pid) {
			continue
		}
		// Others may make names in a shared directory: only what is ours is removed.
		if fi, err := os.Lstat(dir); err == nil && fi.IsDir() && ownedByUs(fi) {
			os.RemoveAll(dir)
		}
	}
}
