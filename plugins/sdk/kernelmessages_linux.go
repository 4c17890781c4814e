package sdk

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// messages implements far. While nothing comes it holds no buffer.
func (k *kernelSocket) messages(f func(Message) error, back func(socket.Return) error) error {
	for failures := 0; ; failures++ {
		var m Message
		var buf *[middling]byte
		_, err := k.read(func(fd int) (n int, err error) {
			m, buf, err = k.receive(fd)
			return 0, err
		})
		var errno syscall.Errno
		switch {
		case err == nil:
			failures = 0
			err = f(m)
		case err == errNoMore:
			return io.EOF
		case failures < maxFailures && errors.As(err, &errno) && (k.kind != Seqpacket || errno == unix.EMSGSIZE):
			// It is about a message that was sent, and more may come.
			var told int
			if told, err = k.drainErrors(back); told == 0 && err == nil {
				err = back(socket.Return{Errno: errno})
			}
		}
		if buf != nil {
			middlings.Put(buf)
		}
		if err != nil {
			return err
		}
	}
}

// receive takes one message off the socket, whole. buf is what it lies in, nil for a
// buffer of its own.
func (k *kernelSocket) receive(fd int) (m Message, buf *[middling]byte, err error) {
	length := 0
	if k.unix { // a message may be longer than any buffer kept for it
		if length, _, err = syscall.Recvfrom(fd, nil, unix.MSG_PEEK|unix.MSG_TRUNC); err != nil {
			return m, nil, err
		}
	}
	var p []byte
	if length > middling {
		p = make([]byte, length)
	} else {
		buf = middlings.Get().(*[middling]byte)
		p = buf[:]
	}
	n, from, err := syscall.Recvfrom(fd, p, 0)
	if err == nil && n == 0 && k.kind == Seqpacket && hasEnded(fd) {
		err = errNoMore
	}
	if err != nil {
		if buf != nil {
			middlings.Put(buf)
		}
		return Message{}, nil, err
	}
	m = Message{Data: p[:n], Peer: socket.FromSockaddr(from)}
	if m.Peer.Family == FamilyUnix && m.Peer.Path == "" {
		m.Peer = Address{} // it has no name
	}
	return m, buf, nil
}

// unixPause is how long a datagram waits for room at a unix socket that the sender is
// not connected to: the kernel does not tell when there is some (unix(7)).
const unixPause = 5 * time.Millisecond

// send implements far.
func (k *kernelSocket) send(m Message, back func(socket.Return) error) error {
	var to syscall.Sockaddr
	if !m.Peer.IsZero() {
		var err error
		if to, err = m.Peer.Sockaddr(); err != nil {
			return back(socket.Return{Errno: syscall.EINVAL, To: m.Peer})
		}
	}
	told := false // what an earlier message met
	for try := 0; ; try++ {
		full := false
		_, err := k.polled.write(func(fd int) (int, error) {
			n, err := syscall.SendmsgN(fd, m.Data, nil, to, unix.MSG_NOSIGNAL)
			if full = err == unix.EAGAIN && k.unix && to != nil; full {
				return n, nil
			}
			return n, err
		})
		var errno syscall.Errno
		switch {
		case err == nil && full:
			time.Sleep(unixPause)
			if _, err := k.now(func(int) (int, error) { return 0, nil }); err != nil {
				return err // closed meanwhile
			}
			try = -1
			continue
		case err == nil:
			return nil
		case !errors.As(err, &errno) || errno == unix.EPIPE || k.kind == Seqpacket && errno != unix.EMSGSIZE:
			return err
		}
		earlier, err := k.drainErrors(back)
		if err != nil {
			return err
		}
		switch {
		case earlier > 0 && try < transientTries: // about messages before this one
		case to == nil && transient(errno) && errno != unix.EMSGSIZE && !told:
			told = true
			if err := back(socket.Return{Errno: errno}); err != nil {
				return err
			}
		case told:
			return nil
		default:
			return back(socket.Return{Errno: errno, To: m.Peer})
		}
	}
}

// sockExtendedErr is the size of struct sock_extended_err in bytes; the address of who
// sent the error follows it.
const sockExtendedErr = 16

// maxErrors bounds what is taken off the queue of errors at once.
const maxErrors = 64

// drainErrors tells what is in the kernel's queue of errors (ip(7), IP_RECVERR), and
// how many there were. A queue that is not emptied makes every poll return at once.
func (k *kernelSocket) drainErrors(back func(socket.Return) error) (told int, err error) {
	if k.unix {
		return 0, nil
	}
	for told < maxErrors {
		var r socket.Return
		_, qerr := k.now(func(fd int) (n int, err error) { r, err = queuedError(fd); return 0, err })
		if qerr != nil {
			break
		}
		told++
		if r.Errno == 0 {
			continue
		}
		if err := back(r); err != nil {
			return told, err
		}
	}
	return told, nil
}

// queuedError takes one error off the queue: EAGAIN when it is empty.
func queuedError(fd int) (r socket.Return, err error) {
	var data [1]byte
	var oob [512]byte
	_, n, _, to, err := syscall.Recvmsg(fd, data[:], oob[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return r, err
	}
	r.To = socket.FromSockaddr(to)
	list, err := syscall.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return r, nil
	}
	for _, m := range list {
		if m.Header.Type != unix.IP_RECVERR && m.Header.Type != unix.IPV6_RECVERR || len(m.Data) < sockExtendedErr {
			continue
		}
		r.Errno = syscall.Errno(binary.NativeEndian.Uint32(m.Data))
		r.Origin, r.Type, r.Code = m.Data[4], m.Data[5], m.Data[6]
		r.By = offender(m.Data[sockExtendedErr:])
	}
	return r, nil
}

// offender reads the sockaddr behind a struct sock_extended_err.
func offender(b []byte) Address {
	if len(b) < 8 {
		return Address{}
	}
	switch binary.NativeEndian.Uint16(b) {
	case unix.AF_INET:
		return Address{Family: FamilyIP4, IP: netip.AddrFrom4([4]byte(b[4:8]))}
	case unix.AF_INET6:
		if len(b) >= 24 {
			return Address{Family: FamilyIP6, IP: netip.AddrFrom16([16]byte(b[8:24]))}
		}
	}
	return Address{}
}
