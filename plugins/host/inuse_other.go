//go:build !linux

package host

import (
	"os"
	"time"
)

// inUse reports whether a process may run a script of that folder, as far as can be told:
// while it is younger than what nobody uses any more.
func inUse(dir string) bool {
	fi, err := os.Stat(dir)
	return err == nil && time.Since(fi.ModTime()) < abandoned
}
