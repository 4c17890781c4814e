// Package unruly is a plugin that misbehaves on demand, for tests. It is in no
// program: only test programs serve it.
package unruly

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Name is the protocol's name. Followed by a hyphen and "dies", "prints" or "hangs"
// it is one that does so instead of starting.
const Name = "unruly"

// New returns the protocol. Its option "do" says what Open does:
//
//	die, hang, panic    instead of answering
//	file, udp, nothing  gives that instead of a TCP socket
//	mark                gives a mark that is too long
//	garbage             sends some on the descriptor channel
//	print               prints to stdout, stderr and the log
//	slow                answers after 30 ms
//
// and "accept" what Accept does on that socket: die (after it has accepted), or hang.
func New() sdk.Protocol { return protocol{name: Name} }

// Named returns the protocol under another name.
func Named(name string) func() sdk.Protocol {
	return func() sdk.Protocol { return protocol{name: name} }
}

// Bare returns a protocol with Open alone.
func Bare() sdk.Protocol { return bare{protocol{name: "bare"}} }

type bare struct{ p protocol }

func (b bare) Describe() sdk.Description { return b.p.Describe() }
func (b bare) Open(ctx context.Context, r sdk.OpenRequest) (sdk.Handle, error) {
	return b.p.Open(ctx, r)
}

// Start misbehaves as the name says, or returns.
func Start(name string) {
	switch {
	case strings.HasSuffix(name, "-dies"):
		fmt.Fprintln(os.Stderr, "cannot go on")
		os.Exit(3)
	case strings.HasSuffix(name, "-prints"):
		fmt.Println("hello, I am no plugin")
		time.Sleep(time.Hour)
	case strings.HasSuffix(name, "-hangs"):
		time.Sleep(time.Hour)
	}
}

type protocol struct{ name string }

func (p protocol) Describe() sdk.Description {
	return sdk.Description{Name: p.name, Synopsis: "misbehaves on demand", Version: "0", Kind: sdk.Stream,
		Address: sdk.HostPort, Options: []sdk.Option{
			{Name: "do", Type: sdk.StringOption, Help: "what open does"},
			{Name: "accept", Type: sdk.StringOption, Help: "what accept does"}}}
}

func (p protocol) Open(_ context.Context, req sdk.OpenRequest) (sdk.Handle, error) {
	var c sdk.Calls
	kind := unix.SOCK_STREAM
	var mark sdk.Mark
	for _, o := range req.Options {
		if o.Name == "accept" {
			mark = sdk.Mark(o.Value)
			continue
		}
		switch o.Value {
		case "die":
			die()
		case "hang":
			hang()
		case "panic":
			panic("as you wish")
		case "file":
			fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
			return sdk.Handle{FD: fd}, err
		case "udp":
			kind = unix.SOCK_DGRAM
		case "nothing":
			return sdk.Handle{FD: -1}, nil
		case "mark":
			mark = make(sdk.Mark, 300)
		case "garbage":
			unix.Write(3, []byte("garbage"))
		case "print":
			printOnce()
		case "slow":
			time.Sleep(30 * time.Millisecond)
		}
	}
	fd, err := c.Socket(req.Family, kind, 0)
	return sdk.Handle{FD: fd, Mark: mark, Report: c.Report}, err
}

func (protocol) Resolve(ctx context.Context, r sdk.ResolveRequest) ([]sdk.Address, error) {
	return sdk.ResolveHostPort(ctx, "tcp", r)
}

func (protocol) Bind(_ context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Bind(s.FD, a)
	return c.Report, err
}

func (protocol) Listen(_ context.Context, s sdk.Lent, n int) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Listen(s.FD, n)
	return c.Report, err
}

func (protocol) Connect(_ context.Context, s sdk.Lent, a sdk.Address) (sdk.Report, error) {
	var c sdk.Calls
	err := c.Connect(s.FD, a)
	return c.Report, err
}

func (protocol) Accept(_ context.Context, s sdk.Lent) (sdk.Handle, error) {
	var c sdk.Calls
	fd, err := c.Accept(s.FD)
	switch string(s.Mark) {
	case "die":
		die()
	case "hang":
		hang()
	}
	return sdk.Handle{FD: fd, Mark: sdk.Mark("accepted"), Report: c.Report}, err
}

// Info says what the process sees of its surroundings.
func (protocol) Info(context.Context, sdk.Lent, []string) ([]sdk.Setting, error) {
	stdin, _ := os.Readlink("/proc/self/fd/0")
	tty, err := os.Open("/dev/tty")
	says := fmt.Sprint(err)
	if err == nil {
		tty.Close()
		says = "opened"
	}
	sid, _ := unix.Getsid(0)
	return []sdk.Setting{
		{Name: "stdin", Value: stdin},
		{Name: "tty", Value: says},
		{Name: "environment", Value: strings.Join(os.Environ(), "\n")},
		{Name: "session", Value: fmt.Sprint(sid == os.Getpid())},
	}, nil
}

var once sync.Once

func printOnce() {
	once.Do(func() {
		fmt.Println("on stdout")
		fmt.Fprintln(os.Stderr, "on stderr")
		syscall.Write(2, []byte("on descriptor 2\n"))
	})
}

func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func hang() {
	syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	select {} // this thread may run a little longer than the signal
}
