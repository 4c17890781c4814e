package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxSocketDir keeps the path of a socket in it below the 104 to 108 bytes that
// systems allow (unix(7)).
const maxSocketDir = 48

// socketBase is where socket directories are made.
func socketBase() string {
	if d := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(d) && len(d) <= maxSocketDir {
		if fi, err := os.Stat(d); err == nil && fi.IsDir() {
			return d
		}
	}
	return os.TempDir()
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
