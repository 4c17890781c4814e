package host

import (
	"bytes"
	"os"
	"path/filepath"
)

// inUse reports whether a process of any sosh runs a script of that folder, which it was
// given as an argument: it may load more of its files.
func inUse(dir string) bool {
	begin := []byte(dir + "/")
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		line, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for arg := range bytes.SplitSeq(line, []byte{0}) {
			if bytes.HasPrefix(arg, begin) {
				return true
			}
		}
	}
	return false
}
