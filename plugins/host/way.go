package host

import (
	"bufio"
	"net"
	"os"
	"sync"
	"time"
)

// way is the connection to a plugin at a place: the two ends of the command that
// leads there.
type way struct {
	child *child
	in    *os.File      // its stdout
	first *bufio.Reader // of in: what came with the greeting is still in it
	out   *os.File      // its stdin

	over sync.Once
}

// wayGrace is how long the command may still live once the connection has ended: for
// its last words.
const wayGrace = 500 * time.Millisecond

var _ net.Conn = (*way)(nil)

func (w *way) Read(p []byte) (int, error) {
	if w.first != nil {
		if w.first.Buffered() > 0 {
			return w.first.Read(p[:min(len(p), w.first.Buffered())])
		}
		w.first = nil // gRPC reads in one goroutine
	}
	n, err := w.in.Read(p)
	if err != nil && !os.IsTimeout(err) {
		w.end()
	}
	return n, err
}

func (w *way) Write(p []byte) (int, error) { return w.out.Write(p) }

// Close ends the plugin: its stdin ends.
func (w *way) Close() error {
	w.end()
	w.out.Close()
	return w.in.Close()
}

// end ends the command, too, when it does not end by itself.
func (w *way) end() { w.over.Do(w.child.endSoon) }

// endSoon kills the process when it does not end by itself.
func (c *child) endSoon() {
	t := time.AfterFunc(wayGrace, c.kill)
	go func() {
		<-c.exited
		t.Stop()
	}()
}

func (w *way) LocalAddr() net.Addr                { return wayAddr{} }
func (w *way) RemoteAddr() net.Addr               { return wayAddr{} }
func (w *way) SetReadDeadline(t time.Time) error  { return w.in.SetReadDeadline(t) }
func (w *way) SetWriteDeadline(t time.Time) error { return w.out.SetWriteDeadline(t) }
func (w *way) SetDeadline(t time.Time) error {
	w.in.SetReadDeadline(t)
	return w.out.SetWriteDeadline(t)
}

type wayAddr struct{}

func (wayAddr) Network() string { return "stdio" }
func (wayAddr) String() string  { return "place" }
