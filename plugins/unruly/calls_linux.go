package unruly

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// channel is the number of the descriptor channel.
const channel = 3

var none = sdk.Handle{FD: -1}

// inCalls is what its code does wrong within a call. open returns no descriptor and no
// error where Open is to go on; later is called within each call on the socket.
var inCalls = []struct {
	name, does string
	open       func(sdk.OpenRequest) (sdk.Handle, error)
	later      func(call string, s sdk.Lent)
}{
	{"die", "kills itself before it answers", onOpen(die), inAccept(die)},
	{"exit", "exits with status 0 before it answers", onOpen(func() { syscall.Exit(0) }), nil}, // os.Exit waits a second where races are looked for
	{"segfault", "dies of a signal before it answers", onOpen(segfault), inAccept(segfault)},
	{"hang", "stops itself before it answers", onOpen(stop), inAccept(stop)},
	{"sleep", "answers after the deadline", onOpen(func() { time.Sleep(2 * time.Second) }), nil},
	{"panic", "panics in the call", onOpen(func() { panic("as you wish") }), nil},
	{"panic-beside", "panics in a goroutine of its own", onOpen(func() { go panic("beside the call"); select {} }), nil},
	{"file", "gives a file for a socket", func(sdk.OpenRequest) (sdk.Handle, error) {
		fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		return sdk.Handle{FD: fd}, err
	}, nil},
	{"pipe", "gives a pipe for a socket", func(sdk.OpenRequest) (sdk.Handle, error) {
		var p [2]int
		err := unix.Pipe2(p[:], unix.O_CLOEXEC)
		return sdk.Handle{FD: p[0]}, err
	}, nil},
	{"udp", "gives a socket of another kind", func(req sdk.OpenRequest) (sdk.Handle, error) {
		var c sdk.Calls
		fd, err := c.Socket(req.Family, unix.SOCK_DGRAM, 0)
		return sdk.Handle{FD: fd}, err
	}, nil},
	{"family", "gives a socket of another family", func(sdk.OpenRequest) (sdk.Handle, error) {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		return sdk.Handle{FD: fd}, err
	}, nil},
	{"channel", "gives its end of the descriptor channel for a socket", func(sdk.OpenRequest) (sdk.Handle, error) {
		fd, err := unix.FcntlInt(channel, unix.F_DUPFD_CLOEXEC, 0)
		return sdk.Handle{FD: fd}, err
	}, nil},
	{"mark", "gives a mark that is too long", func(req sdk.OpenRequest) (sdk.Handle, error) {
		var c sdk.Calls
		fd, err := c.Socket(req.Family, unix.SOCK_STREAM, 0)
		return sdk.Handle{FD: fd, Mark: make(sdk.Mark, 257)}, err
	}, nil},
	{"garbage", "sends garbage on the descriptor channel", onOpen(func() { unix.Write(channel, []byte("garbage")) }), nil},
	{"cut", "closes the descriptor channel", onOpen(func() { unix.Shutdown(channel, unix.SHUT_RDWR) }), nil},
	{"close-all", "closes every descriptor that it has", onOpen(func() { unix.CloseRange(0, 1<<20, 0); select {} }), nil},
	{"print", "prints where it can", onOpen(func() { printOnce.Do(printAll) }), nil},
	{"babble", "prints without end", onOpen(func() { go babble() }), nil},
	{"slow", "answers after 30 ms", onOpen(func() { time.Sleep(30 * time.Millisecond) }), nil},
	{"errors", "fails with what a terminal would obey", func(sdk.OpenRequest) (sdk.Handle, error) {
		return none, &sdk.Error{Op: Escapes, Place: Escapes, Err: sdk.Faultf(sdk.Failed, "%s", Escapes), Hint: Escapes}
	}, nil},
	{"error-of-megabytes", "fails with a text of 4 MiB", func(sdk.OpenRequest) (sdk.Handle, error) {
		return none, sdk.Faultf(sdk.Failed, "%s", strings.Repeat("no ", 4<<20/3))
	}, nil},
	{"fork", "starts twenty children in its process group", onOpen(func() { children(20, false) }), nil},
	{"daemon", "starts a daemon in a session of its own, which keeps the sockets", onOpen(func() { children(1, true) }),
		func(_ string, s sdk.Lent) { keepIn(s.FD) }},
	{"fork-storm", "starts children that start children, and dies", onOpen(func() { storm(); die() }), nil},
	{"eat", "takes 200 MB", onOpen(func() { eat(200 << 20) }), nil},
	{"burn", "keeps every processor busy", onOpen(func() { burn(runtime.NumCPU()) }), nil},
	{"burn-1", "keeps one processor busy", onOpen(func() { burn(1) }), nil},
	{"lifeline", "writes to its lifeline, and holds both ends", onOpen(holdLifeline), nil},
	{"terminal", "tries to reach the user's terminal", onOpen(func() { terminal() }), nil},
	{"escapes", "has what a terminal would obey in every value", nil, nil},
	{"huge", "has an option's value of 16 MiB", nil, nil},
	{"undeclared", "decodes a field that it has not declared", nil, nil},
	{"many", "decodes a million fields", nil, nil},
	{"fewer", "decodes fewer messages than it got", nil, nil},
	{"addresses", "resolves a name to a million addresses, to none, or to one that a terminal would obey", nil, nil},
	{"block", "makes the sockets that it borrows blocking, keeps copies, and goes on toggling", nil, toggle},
	{"keep", "keeps a copy of each socket that it borrows", nil, func(_ string, s sdk.Lent) { unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 0) }},
	{"steal", "reads from the socket that it borrows", nil, func(_ string, s sdk.Lent) {
		var b [64]byte
		unix.Recvfrom(s.FD, b[:], unix.MSG_DONTWAIT)
	}},
	{"run-endless", "runs a command that heeds neither interrupt nor cancel", nil, nil},
	{"run-flood", "gives rows without end", nil, nil},
	{"run-dies", "dies between two rows", nil, nil},
	{"run-escapes", "gives rows of what a terminal would obey", nil, nil},
	{"run-huge", "gives a row of 16 MiB", nil, nil},
}

// onOpen is an Open that does something first and then goes on.
func onOpen(f func()) func(sdk.OpenRequest) (sdk.Handle, error) {
	return func(sdk.OpenRequest) (sdk.Handle, error) { f(); return none, nil }
}

func inAccept(f func()) func(string, sdk.Lent) {
	return func(call string, _ sdk.Lent) {
		if call == "accept" {
			f()
		}
	}
}

var printOnce sync.Once

func printAll() {
	fmt.Println("on stdout")
	fmt.Fprintln(os.Stderr, "on stderr")
	syscall.Write(2, []byte("on descriptor 2\n"))
}

// babble prints as fast as it can, for a minute.
func babble() {
	line := []byte("one more line of a log that nobody reads\n")
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		for range 1000 {
			syscall.Write(2, line)
		}
	}
}

var eaten []byte

func eat(n int) {
	eaten = make([]byte, n)
	for i := 0; i < n; i += 4096 {
		eaten[i] = 1
	}
}

var burnt atomic.Int64

// burn keeps n processors busy for two minutes.
func burn(n int) {
	end := time.Now().Add(2 * time.Minute)
	for range n {
		go func() {
			for time.Now().Before(end) {
				for range 1_000_000 {
					burnt.Add(1)
				}
			}
		}()
	}
}

// holdLifeline opens the other end of the pipe that stdin is, so that it never ends,
// and fills it; and it does not heed SIGTERM.
func holdLifeline() {
	w, err := unix.Open("/proc/self/fd/0", unix.O_WRONLY|unix.O_NONBLOCK, 0)
	for err == nil {
		_, err = unix.Write(w, make([]byte, 4096))
	}
}

// terminal tries every way to a terminal, and tells in the log how each went.
func terminal() {
	say := func(what string, err error) { fmt.Fprintf(os.Stderr, "terminal: %s: %v\n", what, err) }
	_, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	say("opening /dev/tty", err)
	for fd := range 3 {
		char := byte('x')
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCSTI, uintptr(ptr(&char)))
		say(fmt.Sprintf("typing into descriptor %d", fd), errno)
		_, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		say(fmt.Sprintf("descriptor %d as a terminal", fd), err)
	}
	b := make([]byte, 16)
	unix.SetNonblock(0, true)
	n, err := unix.Read(0, b)
	say(fmt.Sprintf("reading %d keys", n), err)
	say("setsid", func() error { _, err := unix.Setsid(); return err }())
	fmt.Println(Escapes)
	io.WriteString(os.Stderr, Escapes+"\n")
	syscall.Write(1, []byte(Escapes+"\n"))
}

var toggled sync.Map

// toggle clears and sets O_NONBLOCK of a copy of the socket for a minute.
func toggle(_ string, s sdk.Lent) {
	fd, err := unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return
	}
	unix.SetNonblock(fd, false)
	if _, on := toggled.LoadOrStore(fd, true); on {
		return
	}
	go func() {
		for end := time.Now().Add(time.Minute); time.Now().Before(end); {
			unix.SetNonblock(fd, true)
			unix.SetNonblock(fd, false)
			unix.Poll(nil, 1)
		}
	}()
}
