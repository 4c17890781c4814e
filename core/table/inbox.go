package table

// inbox holds the bytes that were read from the kernel and not consumed. It
// grows by four, so that growing to its bound leaves little garbage behind, and
// gives its memory back when it is empty.
//
// Not safe for concurrent use: the reading turn guards it.
type inbox struct {
	buf    []byte
	off    int // buf[off:] is unread
	before int // the last consumed byte, -1 when there is none
}

const (
	// DefaultInbox is the bound of unread bytes a socket.
	DefaultInbox = 16 << 20
	// MaxInboxes is the bound of unread bytes in all sockets of a table.
	MaxInboxes = 512 << 20
	// inboxKeep is the most that an empty inbox holds on to.
	inboxKeep = 512
)

func (b *inbox) unread() []byte { return b.buf[b.off:] }

func (b *inbox) add(p []byte, bound int) {
	if len(b.buf)+len(p) > cap(b.buf) {
		n := len(b.buf) - b.off
		dst := b.buf[:0]
		// Moving down is worth it only when much is free, or each add would move.
		if need := n + len(p); need > cap(b.buf)/2 {
			dst = make([]byte, 0, max(need, min(4*cap(b.buf), bound), 64))
		}
		b.buf = append(dst, b.buf[b.off:]...)
		b.off = 0
	}
	b.buf = append(b.buf, p...)
}

func (b *inbox) consume(n int) {
	if n == 0 {
		return
	}
	b.off += n
	b.before = int(b.buf[b.off-1])
	if b.off < len(b.buf) {
		return
	}
	b.off, b.buf = 0, b.buf[:0]
	if cap(b.buf) > inboxKeep {
		b.buf = nil
	}
}
