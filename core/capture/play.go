package capture

import (
	"io"
	"time"
)

// Play calls give for what one side of a stream sent: of TCP the bytes in order, each
// once, of others each datagram. The data is valid during the call, whose error ends
// Play. Bytes that the file lacks are [socket.Malformed]; what comes before them is given.
//
// What comes out of order is kept, within bounds.
func Play(r io.Reader, stream int, from Side, give func(at time.Time, p []byte) error) error {
	a := assembler{give: give}
	err := pieces(r, func(_ *tracker, i int, side Side, p *piece, pk *Packet) error {
		if i != stream || side != from {
			return nil
		}
		switch whole := len(p.payload) > 0 || p.missing > 0 || p.proto != protoTCP; {
		case whole && p.fragment:
			return malformed("packet %d is a fragment: the others are not put together here", pk.Number)
		case whole && p.missing > 0:
			return malformed("packet %d lacks its last %d bytes: it was cut when it was captured", pk.Number, p.missing)
		case p.proto != protoTCP:
			return give(pk.Time, p.payload)
		}
		return a.add(p, pk)
	})
	if err == nil && len(a.held) > 0 {
		err = a.gap()
	}
	return err
}

// Bounds of what is kept until the bytes before it come.
const (
	maxHeld      = 16 << 20 // bytes
	maxHeldParts = 4096
)

// assembler puts segments in order (RFC 9293 section 3.10.7.4): what was sent again is
// given once.
type assembler struct {
	give  func(at time.Time, p []byte) error
	known bool
	next  uint32 // the sequence number that comes next
	given int64
	held  []part
	size  int
}

type part struct {
	seq  uint32
	at   time.Time
	data []byte
	pack int
}

func (a *assembler) add(p *piece, pk *Packet) error {
	seq := p.seq
	if p.flags&tcpSYN != 0 {
		seq++
	}
	if !a.known && (p.flags&tcpSYN != 0 || len(p.payload) > 0) {
		a.known, a.next = true, seq
	}
	if len(p.payload) == 0 {
		return nil
	}
	if int32(seq-a.next) > 0 {
		if len(a.held) == maxHeldParts || a.size+len(p.payload) > maxHeld {
			return a.gap()
		}
		a.held = append(a.held, part{seq, pk.Time, append([]byte(nil), p.payload...), pk.Number})
		a.size += len(p.payload)
		return nil
	}
	if err := a.take(seq, pk.Time, p.payload); err != nil {
		return err
	}
	for i := 0; i < len(a.held); i++ {
		h := a.held[i]
		if int32(h.seq-a.next) > 0 {
			continue
		}
		a.held = append(a.held[:i], a.held[i+1:]...)
		a.size -= len(h.data)
		if err := a.take(h.seq, h.at, h.data); err != nil {
			return err
		}
		i = -1 // what was passed over may follow now
	}
	return nil
}

// take gives what of a segment is new.
func (a *assembler) take(seq uint32, at time.Time, data []byte) error {
	old := int64(int32(a.next - seq))
	if old >= int64(len(data)) {
		return nil
	}
	data = data[old:]
	a.next += uint32(len(data))
	a.given += int64(len(data))
	return a.give(at, data)
}

// gap is the error of bytes that are not in the file.
func (a *assembler) gap() error {
	first := a.held[0]
	for _, h := range a.held {
		if int32(h.seq-first.seq) < 0 {
			first = h
		}
	}
	return malformed("%d bytes are missing in the file after byte %d, before packet %d", first.seq-a.next, a.given, first.pack)
}
