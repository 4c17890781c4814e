package sdk

import (
	"io"
	"sync"
	"time"
)

// past is a deadline that is over.
var past = time.Unix(1, 0)

// small is the size of the buffers that wait for bytes, middling that of the ones for a
// connection that gives many at once: who is idle holds no large one.
const (
	small    = 2 << 10
	middling = 64 << 10
)

var middlings = sync.Pool{New: func() any { return new([middling]byte) }}

// maxEmpty bounds how many reads in a row may give neither a byte nor an error: a
// Reader may do so (io.Reader), one that does nothing else would be read for ever.
const maxEmpty = 100

// moveBytes hands what comes to f, with a small buffer as long as little comes. Its
// error is the end's, or f's.
func moveBytes(from io.Reader, f func([]byte) error) error {
	least := make([]byte, small)
	for empty := 0; ; {
		n, err := pass(from, least, f)
		if empty++; n > 0 {
			empty = 0
		}
		switch {
		case err == nil && empty == maxEmpty:
			err = io.ErrNoProgress
		case err == nil && n == len(least):
			err = moveMany(from, f)
		}
		if err != nil {
			return err
		}
	}
}

// moveMany goes on with a large buffer, until little comes.
func moveMany(from io.Reader, f func([]byte) error) error {
	buf := middlings.Get().(*[middling]byte)
	defer middlings.Put(buf)
	for {
		n, err := pass(from, buf[:], f)
		if err != nil || n < small {
			return err
		}
	}
}

// pass reads once.
func pass(from io.Reader, buf []byte, f func([]byte) error) (int, error) {
	n, err := from.Read(buf)
	if n < 0 || n > len(buf) {
		return 0, Faultf(Failed, "Read says that it read %d bytes into %d", n, len(buf))
	}
	if n > 0 {
		if ferr := f(buf[:n]); ferr != nil {
			return n, ferr
		}
	}
	return n, err
}

// writeWhole writes p. A Write that takes less must say why (io.Writer).
func writeWhole(to io.Writer, p []byte) error {
	n, err := to.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}
