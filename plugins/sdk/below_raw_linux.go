package sdk

import "syscall"

// SyscallConn implements syscall.Conn, for a layer that sets an option of the socket
// beneath. Its reads and writes are not counted.
func (b *beneath) SyscallConn() (syscall.RawConn, error) { return b.raw, nil }
