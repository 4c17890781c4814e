package capture

import (
	"errors"
	"net/netip"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// Ends are what the packets of a socket bear.
type Ends struct {
	Local, Remote socket.Address
	Accepted      bool // the peer connected to us: it is the client
	Connected     bool
	// Protocol is the number in IP of what the kernel carries, 0 for none.
	Protocol int
	// HeaderIn and HeaderOut say that messages begin with their IP header.
	HeaderIn, HeaderOut bool
}

// File is what a recorder writes to: an *os.File.
type File interface {
	Write(p []byte) (int, error)
	WriteAt(p []byte, off int64) (int, error)
	Close() error
}

// Recorder writes what passes a socket to a file. Streams become TCP segments, with
// the handshake and the end that they need, messages UDP datagrams or packets of the
// socket's own protocol. It keeps nothing but one piece in memory. The first error of
// the file ends the recording and is told; the socket goes on.
//
// One goroutine at a time uses it. It implements the table's Tap.
type Recorder struct {
	file File
	spec Spec
	buf  []byte
	keys *keys

	failure error // the file's first, or its close
	comment string

	set      bool // the addresses are known
	ends     Ends
	us, them netip.AddrPort

	begun        bool // the handshake is written
	seq, peerSeq uint32
	ended        [2]bool // received's, sent's direction
	id           uint16
}

// Spec says how to record.
type Spec struct {
	Name string // the socket's
	// Ends asks for the addresses, as they are then.
	Ends func() Ends
	// Tell hears of the error that ended the recording, once.
	Tell func(error)
	// Now is the clock; nil for the system's.
	Now func() time.Time
	// Secrets, when it is not nil, gives a TLS key log as it is by then, to be
	// embedded before the packets.
	Secrets Secrets
}

// Synthetic is what a recording says of itself.
const Synthetic = "headers are synthetic: these are the bytes that a socket of sosh sent and received, not the packets of the wire"

// keepBuffer is the most that a quiet recorder holds on to, in bytes.
const keepBuffer = 256 << 10

// NewRecorder begins a recording in an empty file, which it closes at its end, also
// when it fails.
func NewRecorder(f File, spec Spec) (*Recorder, error) {
	if spec.Now == nil {
		spec.Now = time.Now
	}
	r := &Recorder{file: f, spec: spec}
	r.buf = appendSection(nil, "sosh")
	r.buf = appendInterface(r.buf, spec.Name, Synthetic, Synthetic)
	if spec.Secrets != nil {
		r.keys = &keys{from: spec.Secrets, at: int64(len(r.buf))}
		r.buf = appendSecrets(r.buf, r.keys.empty())
	}
	tell := r.spec.Tell
	r.spec.Tell = nil
	r.flush()
	if r.failure != nil {
		f.Close()
		return nil, r.failure
	}
	r.spec.Tell = tell
	if e := spec.Ends(); e.Connected { // a reset would take the peer's address away
		r.locate(e)
	}
	return r, nil
}

// flush writes what is gathered, and before it new secrets: a reader needs them first.
func (r *Recorder) flush() {
	if r.failure == nil {
		err := r.keys.embed(r.file)
		if err == nil && len(r.buf) > 0 {
			_, err = r.file.Write(r.buf)
		}
		r.fail(err)
	}
	if r.buf = r.buf[:0]; cap(r.buf) > keepBuffer {
		r.buf = nil
	}
}

func (r *Recorder) fail(err error) {
	if err == nil || r.failure != nil {
		return
	}
	r.failure = err
	if r.spec.Tell != nil {
		r.spec.Tell(err)
	}
}

// Bytes records bytes of a stream.
func (r *Recorder) Bytes(out bool, p []byte) {
	if r.failure != nil || len(p) == 0 {
		return
	}
	r.begin()
	for len(p) > 0 {
		n := min(len(p), segment)
		flags := byte(tcpACK)
		if n == len(p) {
			flags |= tcpPSH
		}
		r.tcp(out, flags, p[:n])
		p = p[n:]
		r.flush()
	}
}

// End records the end of a direction, or of both.
func (r *Recorder) End(out, reset bool) {
	if r.failure != nil {
		return
	}
	if !r.begun {
		if !r.set {
			r.locate(r.spec.Ends())
		}
		if r.ends.Protocol != protoTCP || !r.ends.Connected {
			return
		}
		r.begin()
	}
	switch {
	case r.ended[0] && r.ended[1], r.ended[way(out)] && !reset:
		return
	case reset:
		r.ended = [2]bool{true, true}
		r.tcp(out, tcpRST|tcpACK, nil)
	default:
		r.ended[way(out)] = true
		r.tcp(out, tcpFIN|tcpACK, nil)
		if r.ended[way(!out)] {
			r.tcp(!out, tcpACK, nil)
		}
	}
	r.flush()
}

func way(out bool) int {
	if out {
		return 1
	}
	return 0
}

// Close ends the recording.
func (r *Recorder) Close() {
	r.flush()
	r.fail(r.file.Close())
	r.failure = errClosed
}

var errClosed = errors.New("the recording is closed")

// begin writes the handshake.
func (r *Recorder) begin() {
	if r.begun {
		return
	}
	r.begun = true
	if !r.set {
		r.locate(r.spec.Ends())
	}
	client := !r.ends.Accepted
	r.seq, r.peerSeq = 0, 0
	r.tcp(client, tcpSYN, nil)
	r.tcp(!client, tcpSYN|tcpACK, nil)
	r.tcp(client, tcpACK, nil)
	r.flush()
}

// tcp appends a segment; a SYN and a FIN take a place in the sequence.
func (r *Recorder) tcp(out bool, flags byte, payload []byte) {
	from, to, seq, ack := r.us, r.them, &r.seq, r.peerSeq
	if !out {
		from, to, seq, ack = r.them, r.us, &r.peerSeq, r.seq
	}
	if flags&tcpACK == 0 {
		ack = 0
	}
	h := tcpHeader{seq: *seq, ack: ack, flags: flags}
	r.packet(out, r.remark(), 0, func(dst []byte) []byte { return appendTCP(dst, from, to, r.id, h, payload) })
	*seq += uint32(len(payload))
	if flags&(tcpSYN|tcpFIN) != 0 {
		*seq++
	}
}

// packet appends a packet with the time of now.
func (r *Recorder) packet(out bool, comment string, cut int, f func([]byte) []byte) {
	r.id++
	r.buf = appendPacket(r.buf, r.spec.Now(), out, comment, cut, f)
}

// remark is the comment of the first packet.
func (r *Recorder) remark() string {
	c := r.comment
	r.comment = ""
	return c
}
