package host

import (
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

// pump moves the bytes of one socket between its pair and its stream. It ends, and
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

// up moves bytes from the pair to the stream.
func (p *pump) up() {
	buf := make([]byte, wire.MaxFrame)
	for {
		n, err := p.ours.Read(buf)
		if n > 0 {
			if p.st.Send(&pb.ToSocket{What: &pb.ToSocket_Data{Data: buf[:n]}}) != nil {
				return // down knows why
			}
			p.moved.Add(int64(n))
		}
		if err == nil {
			continue
		}
		if errors.Is(err, unix.ECONNRESET) {
			p.Abort() // closed with unread bytes: as with a TCP socket, that is a reset
			return
		}
		break
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
	if p.wasAborted() || !p.flowing() {
		p.Abort() // nothing of it can reach a peer
		return
	}
	p.st.Send(&pb.ToSocket{What: &pb.ToSocket_Close{Close: true}})
	p.st.CloseSend()
}

// down moves bytes from the stream to the pair.
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
	var words pace // what carries no bytes
	for {
		m, err := p.st.Recv()
		if err != nil {
			return
		}
		p.attach()
		p.update(m.Facts)
		switch w := m.What.(type) {
		case *pb.FromSocket_Data:
			p.ours.Write(w.Data) // fails when the caller has closed: then they go nowhere
			if len(w.Data) > 0 {
				continue
			}
		case *pb.FromSocket_Acceptable:
			p.ours.Write([]byte{1})
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

// wordCost is what a message without bytes counts as, in bytes: a thousand may come at
// once, and 256 a second from then on.
const wordCost = 1 << 10

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
