package lang

import (
	"io"

	"github.com/sosh-shell/sosh/core/socket"
)

// maxCapture bounds what one program or command may put into a $(...), in
// bytes: the interpreter collects it in memory, and it may come from a peer.
const maxCapture = 64 << 20

// captured reports whether w is a $(...): neither one of the shell's own outputs
// nor a file or pipe.
func (sh *Shell) captured(w io.Writer) bool {
	w = behind(w)
	if _, refuses := w.(refusing); refuses || fileOf(w) != nil || w == io.Discard {
		return false
	}
	return w != sh.cfg.Stdout && w != sh.cfg.Stderr && w != sh.cfg.Raw
}

// bounded passes at most left bytes on.
type bounded struct {
	w    io.Writer
	left int
}

var errCapture = socket.Faultf(socket.Full, "more than 64 MiB in $(...)")

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, errCapture
	}
	n, err := b.w.Write(p)
	b.left -= n
	return n, err
}
