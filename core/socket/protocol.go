package socket

import "context"

// ContractVersion is the version of the contract in this package. It changes
// when a MUST below changes, not with the program's releases. A host speaks
// this version and the one before.
//
// Version 2: where descriptors cannot travel a socket may have messages too, its facts
// can be asked for, and it tells how far it has got. Sockets may live with their
// plugin, and addresses be any words.
const ContractVersion = 2

// OldestContract is the oldest version that a host speaks.
const OldestContract = ContractVersion - 1

// MaxMark is the greatest length of a [Mark] in bytes.
const MaxMark = 256

// A Mark is what a protocol wants to find again at the next call on a socket:
// opaque to the core, at most [MaxMark] bytes, given by Open and Accept and
// handed in with every later call. A mark is how a plugin remembers a socket
// without memory, and so how it survives its own death. A new build takes over the
// sockets of the one before, and gets its marks.
type Mark []byte

// A Protocol makes sockets of one sort. What it can do beyond that it says by
// implementing [Resolver], [Binder], [Listener], [Connector], [Accepter],
// [Shutdowner], [Optioner], [Informer], [Encoder], [Decoder] and [Runner]. A layer
// implements [Wrapper], and its Open fails with [Unsupported].
//
// All methods may be called by several goroutines at once, also for one
// socket. No method may wait for a peer: the core waits.
type Protocol interface {
	// Describe says what the protocol is. It MUST return the same every time,
	// MUST NOT block and MUST NOT make a system call: help and completion use it.
	Describe() Description

	// Open makes a socket with its options set, before any address is given to
	// it. The descriptor MUST be a socket of a described kind and of the
	// asked-for family, close-on-exec and non-blocking; it belongs to the
	// caller, and the protocol MUST NOT keep a copy. Sockets that are held by
	// description have none: FD is -1, and the plugin's side of the wire holds them.
	Open(ctx context.Context, req OpenRequest) (Handle, error)
}

// OpenRequest says what socket is wanted.
type OpenRequest struct {
	// Family is the family of the address that the socket will first be used
	// with. FamilyNone lets the protocol choose; one that has IPv4 chooses it.
	Family Family
	// Options are set on the new socket in this order. A name that the
	// description lacks MUST be refused with [Usage].
	Options []Setting
}

// A Handle is a descriptor on its way to the core, which owns it from then on.
type Handle struct {
	FD   int
	Mark Mark
	// Carrier is nil when FD is the socket itself. Otherwise FD is one end of
	// a socketpair, and the carrier knows what is at the far end.
	Carrier Carrier
	// Kind is what is carried, empty for the described one. Messages are framed
	// ([AppendFrame]). Without a carrier the kernel tells (SO_TYPE), and for a layer
	// the kind beneath.
	Kind   Kind
	Report Report
}

// Lent is a socket lent to a protocol for the length of one call. The protocol
// MUST NOT use, copy or close FD after it has returned.
type Lent struct {
	FD      int
	Mark    Mark
	Carrier Carrier
}

// A Resolver turns an address in words into the kernel's.
type Resolver interface {
	// Resolve returns the addresses that req.Text stands for, best first; at
	// least one when the error is nil. A malformed address MUST be [Usage]; a
	// name without an address MUST be [Unresolved].
	Resolve(ctx context.Context, req ResolveRequest) ([]Address, error)
}

// ResolveRequest is an address in words and how it will be used.
type ResolveRequest struct {
	Text string
	// Family restricts the answer; FamilyNone does not.
	Family Family
	// Passive asks for an address to bind to. Without a host it is the
	// loopback address, never all interfaces: those are asked for in full.
	Passive bool
}

// A Binder can give a socket its local address: bind(2).
type Binder interface {
	Bind(ctx context.Context, s Lent, local Address) (Report, error)
}

// A Listener can make a socket passive: listen(2).
type Listener interface {
	Listen(ctx context.Context, s Lent, backlog int) (Report, error)
}

// A Connector can begin a connection: connect(2).
type Connector interface {
	// Connect MUST NOT wait for the peer. It returns an error that is
	// syscall.EINPROGRESS when the kernel has begun to connect; the caller
	// waits for writability and reads SO_ERROR, which Connect MUST NOT read.
	// On a socket with a carrier it may wait, as the caller cannot.
	Connect(ctx context.Context, s Lent, remote Address) (Report, error)
}

// An Accepter can take one connection from a passive socket: accept(2).
type Accepter interface {
	// Accept MUST NOT wait: without a pending connection it returns an error
	// that is syscall.EAGAIN. The new descriptor is as Open's.
	Accept(ctx context.Context, s Lent) (Handle, error)
}

// A Shutdowner can end one direction of a socket: shutdown(2).
type Shutdowner interface {
	Shutdown(ctx context.Context, s Lent, how How) (Report, error)
}

// An Optioner can set and read socket options by the names it declares.
type Optioner interface {
	// Option sets in order, stops at the first failure, then reads get.
	// Unknown names and malformed values MUST be [Usage], an option that only Open
	// can set [Unsupported].
	Option(ctx context.Context, s Lent, set []Setting, get []string) ([]Setting, Report, error)
}

// An Informer knows facts of a socket beyond those that the kernel tells everyone.
type Informer interface {
	// Info reads the named facts; no names means all.
	Info(ctx context.Context, s Lent, names []string) ([]Setting, error)
}

// How is the direction that a shutdown ends.
type How int

// The directions, with the values of shutdown(2).
const (
	ShutdownRead How = iota
	ShutdownWrite
	ShutdownBoth
)

// A Carrier stands behind a descriptor that is not the socket itself but one
// end of a socketpair: the socket is in a place from which descriptors cannot
// travel, or the descriptor is a layer's. Its methods never block, except End, and
// Facts and Abort, which may take as long as a plugin takes to answer: at most a
// quarter of a second.
type Carrier interface {
	// End says why the bytes ended, once the descriptor has ended: nil for the
	// peer's orderly end, else an error that is [Reset], [Truncated] or [Lost].
	// It waits until that is known or ctx is done, and is then [Lost].
	End(ctx context.Context) error
	// Facts are the addresses and state of the socket far away, asked for now; the
	// last known ones where no answer comes.
	Facts() Facts
	// Abort makes the close that follows a reset instead of an orderly end.
	Abort()
}

// Facts are what getsockname(2), getpeername(2) and the kernel's state would say.
type Facts struct {
	Local, Remote Address
	State         string
	// Moved is how many bytes a carrier has given to the far socket: while it grows,
	// a close makes progress. 0 where there is no carrier.
	Moved uint64
}

// A Report lists the system calls that a call made, in order, for people to see.
type Report []Syscall

// A Syscall is one system call as strace(1) would write it.
type Syscall struct {
	Call   string // bind(fd, {127.0.0.1:80})
	Result string // "0", or the errno's name and text
}
