//go:build unix

package wire

import (
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// errnoName is the errno's symbol, "" when it has none.
func errnoName(n syscall.Errno) string { return unix.ErrnoName(n) }

// errnos is the table by name. 255 is above every errno of every system.
var errnos = sync.OnceValue(func() map[string]syscall.Errno {
	m := map[string]syscall.Errno{}
	for n := syscall.Errno(255); n > 0; n-- { // downwards: of two names for one number the first wins
		if s := unix.ErrnoName(n); s != "" {
			m[s] = n
		}
	}
	// Synonyms, under the name that another system may send.
	m["EWOULDBLOCK"], m["ENOTSUP"] = syscall.EWOULDBLOCK, syscall.ENOTSUP
	return m
})

func errnoByName(s string) (syscall.Errno, bool) {
	if s == "" {
		return 0, false
	}
	n, ok := errnos()[s]
	return n, ok
}
