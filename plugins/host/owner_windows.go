package host

import (
	"io/fs"
	"os"
)

// owner is not known here, so nothing is trusted and nothing removed.
func owner(fs.FileInfo) (int, bool) { return 0, false }
func ownedByUs(fs.FileInfo) bool    { return false }
func alive(int) bool                { return true }
func lockDir(*os.File, bool) bool   { return true }
