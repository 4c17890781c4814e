package sdk

import (
	"context"

	"github.com/sosh-shell/sosh/core/socket"
)

// far is a socket that lives in this process, and whose bytes or messages the host
// gets over a stream: one of the kernel's (kernelSocket), or a connection that an
// author's dialer made (dialed). Its methods are for several goroutines at once.
type far interface {
	// sort is what its reads and writes mean.
	sort() Kind
	// lend calls f with the socket, which is there until f returns.
	lend(mark Mark, f func(Lent) error) error
	// look asks for its addresses and its state; ok is false once it is closed.
	look() (f socket.Facts, ok bool)
	// connected reports whether data can pass now.
	connected() bool
	// waitConnected waits for a connection that the protocol has begun. Given up, it
	// leaves a socket that can connect.
	waitConnected(ctx context.Context) error
	// waitClient waits until a passive socket has a connection to accept.
	waitClient() error

	// bytes hands what comes to f until the end, which is io.EOF or what went wrong, or
	// f's error. What this side ended is net.ErrClosed or a deadline.
	bytes(f func([]byte) error) error
	// messages is bytes for messages. What comes back for those that were sent goes to
	// back.
	messages(f func(Message) error, back func(socket.Return) error) error
	// write writes all of p. An error says that no more can be written.
	write(p []byte) error
	// send is write for a message; one that cannot be sent, and only that, goes to back.
	send(m Message, back func(socket.Return) error) error

	// canEnd reports whether directions can be ended so.
	canEnd(how How) error
	// endWriting ends the writing direction, after what was written. An error says that
	// the peer will not hear of the end.
	endWriting(p Protocol, mark Mark) error
	// reset makes the close that follows a reset, where the socket has one.
	reset()
	// interrupt ends what waits, now and later.
	interrupt()
	close()
}

// connectionless reports whether data of the kind can pass without a connection.
func connectionless(k Kind) bool { return k == Datagram || k == Raw }
