package host

import (
	"io/fs"
	"os"
)

// owner is not known here, so nothing is trusted and nothing removed.
func owner(fs.FileInfo) (int, bool) { return 0, false }
func ownedByUs(fs.FileInfo) bool    { return false }
func alive(int) bool                { return true }

func openGuard(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
}

// tryGuard and tryLock lock nothing: two programs that install at the same moment may lose one record.
func tryGuard(*os.File) (bool, error) { return true, nil }
func tryLock(*os.File) (bool, error)  { return true, nil }
