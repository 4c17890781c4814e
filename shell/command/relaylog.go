package command

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// relayLog writes what a relay carries, for people:
//
//	2026-01-02T03:04:05.678901Z in > out 5 bytes
//	  GET /\r\n
//
// Each line of the data stands on a line of its own, escaped as send reads it. One
// goroutine at a time uses it.
type relayLog struct {
	w    io.Writer
	tell func(error) // hears of the first failure, after which nothing is written
	off  bool
	buf  []byte
}

// write takes a piece that passed; nil is the end of the direction.
func (l *relayLog) write(from, to *table.Socket, p []byte) {
	if l.off {
		return
	}
	l.buf = l.piece(l.buf[:0], time.Now(), from.Name()+" > "+to.Name(), p)
	if _, err := l.w.Write(l.buf); err != nil {
		l.off = true
		l.tell(err)
	}
}

func (l *relayLog) piece(dst []byte, at time.Time, way string, p []byte) []byte {
	dst = at.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z ")
	dst = append(dst, way...)
	if p == nil {
		return append(dst, " end\n"...)
	}
	dst = fmt.Appendf(dst, " %s\n", plural(len(p), "byte"))
	for len(p) > 0 {
		line, rest, cut := bytes.Cut(p, []byte{'\n'})
		dst = append(dst, "  "...)
		dst = render.Escape(dst, bytes.ReplaceAll(line, []byte{'\\'}, []byte(`\\`)))
		if cut {
			dst = append(dst, `\n`...)
		}
		dst = append(dst, '\n')
		p = rest
	}
	return dst
}
