package tls

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

const (
	header = 5         // bytes of a record's header (RFC 8446, section 5.1)
	little = 2 << 10   // of the buffer of a connection that is quiet
	bulk   = 256 << 10 // of one in motion
)

var bulks = sync.Pool{New: func() any { return new([bulk]byte) }}

// records is the socket beneath as crypto/tls sees it. No Read goes beyond the end
// of a record, so that what follows the last one can be given back; the socket
// itself is read as much at a time as there is.
//
// Reads are for one goroutine at a time, as are writes: crypto/tls's locks see to it.
type records struct {
	sdk.Below
	quiet [little]byte
	large *[bulk]byte // nil while there is little
	buf   []byte      // one of them
	r, w  int         // buf[r:w] is read and not given
	left  int         // bytes of the record under way that are to come
	hold  bool        // a Read that would wait fails with errWait instead
	full  bool        // the last read filled the buffer
	seen  [16]byte    // the first bytes, to say what was no TLS
	seenN int

	mu     sync.Mutex
	gather bool // writes are gathered
	out    []byte
}

// errWait is a net.Error that is temporary, which is what crypto/tls can go on after.
var errWait error = wait{}

type wait struct{}

func (wait) Error() string   { return "nothing is buffered" }
func (wait) Timeout() bool   { return false }
func (wait) Temporary() bool { return true }

// errCut is an end of the stream where a record should follow. It is not io.EOF:
// crypto/tls would take that for an end.
var errCut = sdk.Faultf(sdk.Truncated, "the stream ended without a close_notify")

// Read implements net.Conn.
func (r *records) Read(p []byte) (int, error) {
	if r.left == 0 {
		for r.w-r.r < header {
			if err := r.fill(); err != nil {
				return 0, err
			}
		}
		r.left = header + int(binary.BigEndian.Uint16(r.buf[r.r+3:]))
	} else if r.r == r.w {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf[r.r:min(r.w, r.r+r.left)])
	r.r += n
	r.left -= n
	if r.r == r.w {
		r.release()
	}
	return n, nil
}

// fill reads on, after what is buffered: less than a header.
func (r *records) fill() error {
	if r.hold {
		return errWait
	}
	have := append([]byte(nil), r.buf[r.r:r.w]...)
	r.release()
	r.buf = r.quiet[:]
	if r.full {
		r.large = bulks.Get().(*[bulk]byte)
		r.buf = r.large[:]
	}
	r.r, r.w = 0, copy(r.buf, have)
	n, err := r.Below.Read(r.buf[r.w:])
	r.w += n
	r.full = r.w == len(r.buf)
	if r.seenN < len(r.seen) {
		r.seenN += copy(r.seen[r.seenN:], r.buf[r.w-n:r.w])
	}
	switch {
	case n > 0:
		return nil
	case errors.Is(err, io.EOF):
		return errCut
	case err == nil:
		return io.ErrNoProgress
	}
	return err
}

// release lets a large buffer go.
func (r *records) release() {
	if r.large != nil {
		bulks.Put(r.large)
		r.large = nil
	}
	r.buf, r.r, r.w = nil, 0, 0
}

// buffered is what came after the record that was read last.
func (r *records) buffered() []byte {
	b := append([]byte(nil), r.buf[r.r:r.w]...)
	r.release()
	return b
}

// Write implements net.Conn.
func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.gather {
		return r.Below.Write(p)
	}
	if len(r.out)+len(p) > bulk {
		if err := r.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) > bulk {
		return r.Below.Write(p)
	}
	r.out = append(r.out, p...)
	return len(p), nil
}

// gathered writes all records that f makes at once, or nearly.
func (r *records) gathered(f func() (int, error)) (int, error) {
	held := bulks.Get().(*[bulk]byte)
	defer bulks.Put(held)
	r.mu.Lock()
	r.gather, r.out = true, held[:0]
	r.mu.Unlock()
	n, err := f()
	r.mu.Lock()
	defer r.mu.Unlock()
	ferr := r.flush()
	r.gather, r.out = false, nil
	if err == nil && ferr != nil {
		return 0, ferr
	}
	return n, err
}

func (r *records) flush() error {
	_, err := r.Below.Write(r.out)
	r.out = r.out[:0]
	return err
}

// SetWriteDeadline does nothing: crypto/tls sets one for its close_notify, which
// would be lost behind a peer that is slow to read. NewLayer bounds writes.
func (r *records) SetWriteDeadline(time.Time) error { return nil }

// Close does nothing: NewLayer closes below.
func (r *records) Close() error { return nil }
