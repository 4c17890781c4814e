package host

import (
	"bufio"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// pump moves the bytes or messages of one socket between its pair and its stream. It ends, and
// frees both, when the caller has closed its end, when both directions have ended,
// or when the plugin is gone.
type pump struct {
	*carrier
	st   grpc.BidiStreamingClient[pb.ToSocket, pb.FromSocket]
	ours *os.File
}

// pair makes the two ends: ours in the poller, and the caller's.
func pair() (ours *os.File, theirs int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, err
	}
	return os.NewFile(uintptr(fds[0]), "pair"), fds[1], nil
}

func (p *pump) run() {
	var up sync.WaitGroup
	up.Go(p.up)
	p.down()
	// Whatever ended the stream: the caller reads what has come, then the end.
	if p.wasAborted() {
		p.end(socket.Reset)
	}
	p.lose()
	p.shut(unix.SHUT_RDWR)
	p.cancel()
	up.Wait()
	p.pr.drop(p.carrier)
	p.ours.Close()
	close(p.gone)
}

// up moves what the caller writes from the pair to the stream.
func (p *pump) up() {
	move := p.bytesUp
	if p.kind.Messages() {
		move = p.messagesUp
	}
	switch err := move(); {
	case errors.Is(err, errStream):
		return // down knows why
	case errors.Is(err, unix.ECONNRESET) && !p.connectionless():
		p.Abort() // closed with unread bytes: as with a TCP socket, that is a reset
		return
	}
	raw, err := p.ours.SyscallConn()
	if err != nil {
		return
	}
	told := false
	err = raw.Read(func(fd uintptr) bool {
		if hungUp(int(fd)) {
			return true
		}
		if !told { // only the writing direction has ended
			told = true
			p.st.Send(&pb.ToSocket{What: &pb.ToSocket_End{End: true}})
		}
		return false
	})
	if err != nil {
		return
	}
	if p.wasAborted() || !p.flowing() && !p.connectionless() {
		p.Abort() // nothing of it can reach a peer
		return
	}
	p.st.Send(&pb.ToSocket{What: &pb.ToSocket_Close{Close: true}})
	p.st.CloseSend()
}

// errStream is the end of the stream, and not of the pair.
var errStream = errors.New("the stream has ended")

func (p *pump) send(m *pb.ToSocket) error {
	if p.st.Send(m) != nil {
		return errStream
	}
	return nil
}

// bytesUp moves bytes until the caller writes no more: its error says how that ended.
func (p *pump) bytesUp() error {
	var least [2 << 10]byte // all that an idle socket holds
	for {
		n, err := p.readUp(least[:])
		if err == nil && n == len(least) {
			large := frames.Get().(*[wire.MaxFrame]byte)
			for err == nil && n >= len(least) {
				n, err = p.readUp(large[:])
			}
			frames.Put(large)
		}
		if err != nil {
			return err
		}
	}
}

var frames = sync.Pool{New: func() any { return new([wire.MaxFrame]byte) }}

func (p *pump) readUp(buf []byte) (int, error) {
	n, err := p.ours.Read(buf)
	if n > 0 {
		if err := p.send(&pb.ToSocket{What: &pb.ToSocket_Data{Data: buf[:n]}}); err != nil {
			return n, err
		}
		p.moved.Add(int64(n))
	}
	return n, err
}

// messagesUp moves messages. One that the caller has not written whole goes nowhere.
func (p *pump) messagesUp() error {
	from := bufio.NewReaderSize(p.ours, 4<<10)
	for {
		m, err := wire.ReadMessage(from)
		if err == nil {
			err = p.send(&pb.ToSocket{What: &pb.ToSocket_Message{Message: wire.FromMessage(m)}})
		}
		if err != nil {
			return err
		}
	}
}

// down moves what comes from the stream to the pair.
func (p *pump) down() {
	stop := make(chan struct{})
	defer close(stop)
	go func() { // a write that nobody reads must not outlive the plugin
		select {
		case <-p.pr.run.exited:
			p.ours.SetWriteDeadline(time.Unix(1, 0))
		case <-stop:
		}
	}()
	words := newPace(paceBurst, paceRate) // what carries nothing
	var frame []byte
	for {
		m, err := p.st.Recv()
		if err != nil {
			return
		}
		p.attach()
		p.update(m.Facts)
		switch w := m.What.(type) {
		case *pb.FromSocket_Data:
			if !p.kind.Messages() {
				p.ours.Write(w.Data) // fails when the caller has closed: then they go nowhere
				if len(w.Data) > 0 {
					continue
				}
			}
		case *pb.FromSocket_Message, *pb.FromSocket_Return:
			if !p.kind.Messages() {
				break
			}
			var ok bool
			if frame, ok = framed(frame[:0], m); ok {
				p.ours.Write(frame)
			}
			if cap(frame) > keptFrame {
				frame = nil
			}
			if ok {
				continue
			}
		case *pb.FromSocket_Acceptable:
			p.ours.Write([]byte{1}) // waits for the caller when there are too many
			continue
		case *pb.FromSocket_Finish:
			if err := wire.ToError(w.Finish.GetError()); err != nil {
				p.end(err)
				p.shut(unix.SHUT_RDWR)
				continue
			}
			p.end(nil)
			p.shut(unix.SHUT_WR)
		}
		words.wait(wordCost, p.pr.run.over)
	}
}

// wordCost is what a message that carries nothing counts as, in bytes: a thousand may
// come at once, and 256 a second from then on.
const wordCost = 1 << 10

// keptFrame bounds the buffer that a socket keeps for its messages, in bytes.
const keptFrame = 16 << 10

// framed appends the frame of a message, or of what came back for one; false for one
// that is malformed, which is dropped as the network would.
func framed(dst []byte, m *pb.FromSocket) ([]byte, bool) {
	if r := m.GetReturn(); r != nil {
		back, err := wire.ToReturn(r)
		if err != nil {
			return dst, false
		}
		return socket.AppendReturn(dst, back), true
	}
	out, err := wire.ToMessage(m.GetMessage())
	if err != nil {
		return dst, false
	}
	return socket.AppendFrame(dst, out), true
}

// shut ends directions of our end. Only the caller's writes see that; the bytes
// that it has not read stay.
func (p *pump) shut(how int) {
	if raw, err := p.ours.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { unix.Shutdown(int(fd), how) })
	}
}

// hungUp reports whether both directions of the pair have ended.
func hungUp(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd)}}
	for {
		_, err := unix.Poll(p, 0)
		if err != unix.EINTR {
			return p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
		}
	}
}

// drainOne takes the byte that says a connection waits.
func drainOne(fd int) {
	var b [1]byte
	unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT)
}

func shutdownWrite(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) }

var _ socket.Carrier = (*pump)(nil)
