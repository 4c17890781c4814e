package wire

import "syscall"

// errnos are those that socket calls give. Package syscall invents their numbers
// on this system, so the name is all that two systems share.
var errnos = map[string]syscall.Errno{
	"EACCES": syscall.EACCES, "EADDRINUSE": syscall.EADDRINUSE, "EADDRNOTAVAIL": syscall.EADDRNOTAVAIL,
	"EAFNOSUPPORT": syscall.EAFNOSUPPORT, "EAGAIN": syscall.EAGAIN, "EALREADY": syscall.EALREADY,
	"EBADF": syscall.EBADF, "ECONNABORTED": syscall.ECONNABORTED, "ECONNREFUSED": syscall.ECONNREFUSED,
	"ECONNRESET": syscall.ECONNRESET, "EDESTADDRREQ": syscall.EDESTADDRREQ, "EEXIST": syscall.EEXIST,
	"EHOSTUNREACH": syscall.EHOSTUNREACH, "EINPROGRESS": syscall.EINPROGRESS, "EINTR": syscall.EINTR,
	"EINVAL": syscall.EINVAL, "EIO": syscall.EIO, "EISCONN": syscall.EISCONN, "EMFILE": syscall.EMFILE,
	"EMSGSIZE": syscall.EMSGSIZE, "ENETDOWN": syscall.ENETDOWN, "ENETUNREACH": syscall.ENETUNREACH,
	"ENFILE": syscall.ENFILE, "ENOBUFS": syscall.ENOBUFS, "ENOENT": syscall.ENOENT, "ENOMEM": syscall.ENOMEM,
	"ENOPROTOOPT": syscall.ENOPROTOOPT, "ENOTCONN": syscall.ENOTCONN, "ENOTSOCK": syscall.ENOTSOCK,
	"EOPNOTSUPP": syscall.EOPNOTSUPP, "EPERM": syscall.EPERM, "EPIPE": syscall.EPIPE,
	"EPROTONOSUPPORT": syscall.EPROTONOSUPPORT, "ETIMEDOUT": syscall.ETIMEDOUT,
}

func errnoName(n syscall.Errno) string {
	for s, e := range errnos {
		if e == n {
			return s
		}
	}
	return ""
}

func errnoByName(s string) (syscall.Errno, bool) {
	n, ok := errnos[s]
	return n, ok
}
