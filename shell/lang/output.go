package lang

import (
	"context"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/sosh-shell/sosh/core/socket"
)

// output is a pipe, terminal or socket that the shell was given to write to. A
// write that its reader does not take is given up when the run ends: nothing
// else would end it, as the descriptor is shared with others and must stay
// blocking.
type output struct {
	file *os.File
	run  *atomic.Pointer[context.Context]
}

// outputTo is f as the shell writes to it.
func outputTo(w io.Writer, run *atomic.Pointer[context.Context]) io.Writer {
	f, ok := w.(*os.File)
	if !ok || f == nil {
		return w
	}
	if st, err := f.Stat(); err != nil || st.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 && !isTerminal(f) {
		return w
	}
	return &output{f, run}
}

// ended is the end of the run, nil while there is none.
func (o *output) ended() <-chan struct{} {
	if ctx := o.run.Load(); ctx != nil {
		return (*ctx).Done()
	}
	return nil
}

// fileOf is the file behind w, nil when there is none.
func fileOf(w io.Writer) *os.File {
	switch w := behind(w).(type) {
	case *os.File:
		return w
	case *output:
		return w.file
	}
	return nil
}

// serial is a writer that several write to: the script, its jobs, parts of pipes.
type serial struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *serial) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// shared makes w fit for several: files are.
func shared(w io.Writer) io.Writer {
	switch w.(type) {
	case *os.File, *output, *serial:
		return w
	}
	return &serial{w: w}
}

// refusing is the output of a job that was started in a $(...), which is read
// while the job still writes, or long over.
type refusing struct{}

var errJobCapture = socket.Faultf(socket.Unsupported, "a job's output cannot be captured: redirect it")

func (refusing) Write([]byte) (int, error) { return 0, errJobCapture }
func (refusing) Read([]byte) (int, error)  { return 0, io.EOF }
func (refusing) Close() error              { return nil }
