package unruly

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	"github.com/sosh-shell/sosh/plugins/internal/wire/fdchan"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
	"github.com/sosh-shell/sosh/plugins/sdk"
)

// Wild returns the description of the one that speaks the wire by itself: it answers
// nothing in this process.
func Wild() sdk.Protocol { return wildDescription{} }

type wildDescription struct{}

func (wildDescription) Describe() sdk.Description {
	return sdk.Description{Name: WildName, Synopsis: "breaks the wire on demand", Version: "0", Kind: sdk.Stream, Address: sdk.HostPort,
		Options: []sdk.Option{{Name: "do", Type: sdk.StringOption, Help: "what open does"}}}
}

func (wildDescription) Open(context.Context, sdk.OpenRequest) (sdk.Handle, error) {
	return none, sdk.Faultf(sdk.Unsupported, "only its process opens")
}

// wild is a plugin without the sdk.
type wild struct {
	pb.UnimplementedPluginServer
	describe func() (*pb.Description, error)

	mu    sync.Mutex
	conns []net.Conn
}

// serveWild is its process. describe answers Describe; nil for an honest one.
func serveWild(describe func() (*pb.Description, error)) {
	w := &wild{describe: describe}
	calls := grpc.NewServer()
	pb.RegisterPluginServer(calls, w)
	both := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !w.raw(rw, r) {
			calls.ServeHTTP(rw, r)
		}
	})
	s := &http.Server{Handler: both, Protocols: new(http.Protocols), ConnContext: func(ctx context.Context, c net.Conn) context.Context {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.conns = append(w.conns, c)
		return ctx
	}}
	s.Protocols.SetUnencryptedHTTP2(true)
	l := listen()
	greet(l)
	go exitWithHost()
	s.Serve(l)
}

func exitWithHost() {
	b := make([]byte, 64)
	for {
		if n, err := os.Stdin.Read(b); n == 0 || err != nil {
			os.Exit(0)
		}
	}
}

// request is one Open on the wire.
type request struct{ call uint64 }

// give sends a socket on the descriptor channel, as it should be sent.
func (r request) give() { send(fdchan.Give, r.call, nil, 1) }

// send sends a message on the descriptor channel with n sockets, waiting for room.
func send(kind fdchan.Kind, call uint64, mark []byte, n int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	fds := make([]int, n)
	for i := range fds {
		fds[i] = fd
	}
	buf := append(binary.BigEndian.AppendUint64([]byte{byte(kind)}, call), mark...)
	var rights []byte
	if n > 0 {
		rights = unix.UnixRights(fds...)
	}
	for {
		err := unix.Sendmsg(channel, buf, rights, nil, unix.MSG_NOSIGNAL)
		if err != unix.EAGAIN {
			return err
		}
		unix.Poll([]unix.PollFd{{Fd: channel, Events: unix.POLLOUT}}, 1000)
	}
}

// Open does what the option do says, and what nobody has told it is an open in order.
func (w *wild) Open(ctx context.Context, m *pb.OpenRequest) (*pb.Opened, error) {
	r := request{m.Call}
	for _, o := range m.Options {
		for _, d := range onTheWire {
			if d.name == string(o.Value) && d.open != nil {
				return d.open(r)
			}
		}
	}
	r.give()
	return &pb.Opened{Handle: 1}, nil
}

// Describe implements the service.
func (w *wild) Describe(context.Context, *pb.DescribeRequest) (*pb.Description, error) {
	return w.describe()
}

// Stream floods words without bytes.
func (w *wild) Stream(st pb.Plugin_StreamServer) error {
	for n := uint64(1); ; n++ {
		if err := st.Send(&pb.FromSocket{Facts: &pb.Facts{State: "open", Order: n}}); err != nil {
			return err
		}
	}
}

// Wrap floods events of a layer.
func (w *wild) Wrap(m *pb.WrapRequest, st grpc.ServerStreamingServer[pb.LayerEvent]) error {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	buf := binary.BigEndian.AppendUint64([]byte{byte(fdchan.Give)}, m.Call)
	if err := unix.Sendmsg(channel, buf, unix.UnixRights(p[0]), nil, unix.MSG_NOSIGNAL); err != nil {
		return err
	}
	if err := st.Send(&pb.LayerEvent{What: &pb.LayerEvent_Opened{Opened: &pb.Opened{Handle: 1}}}); err != nil {
		return err
	}
	for {
		if err := st.Send(&pb.LayerEvent{What: &pb.LayerEvent_Finish{Finish: &pb.Finish{}}}); err != nil {
			return err
		}
	}
}

// raw answers a call byte by byte, if the request asks for that: false when not. The
// request's option is looked for in its bytes.
func (w *wild) raw(rw http.ResponseWriter, r *http.Request) bool {
	if !strings.HasSuffix(r.URL.Path, "/Open") {
		return false
	}
	// A request of this size comes in one frame; what is read here is put back for gRPC.
	body := make([]byte, 1024)
	n, _ := r.Body.Read(body)
	for _, d := range onTheWire {
		if d.raw != nil && strings.Contains(string(body[:n]), "\x02do\x12"+string(rune(len(d.name)))+d.name) {
			rw.Header().Set("Content-Type", "application/grpc")
			rw.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
			d.raw(w, rw, r)
			return true
		}
	}
	r.Body = rest{io.MultiReader(bytes.NewReader(body[:n]), r.Body), r.Body}
	return false
}

// flood writes to all connections what its code did not mean to, for a minute.
func (w *wild) flood(frame []byte) {
	w.mu.Lock()
	conns := w.conns
	w.mu.Unlock()
	piece := []byte(strings.Repeat(string(frame), 256))
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		for _, c := range conns {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	}
}

func (w *wild) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
}

// hold keeps a request until its caller gives up.
func hold(r *http.Request) { <-r.Context().Done() }

func prefix(n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{0}, n) }

func finish(rw http.ResponseWriter, code int, text string) {
	rw.Header().Set("Grpc-Status", fmt.Sprint(code))
	rw.Header().Set("Grpc-Message", text)
}
