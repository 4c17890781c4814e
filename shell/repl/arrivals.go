package repl

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// Bounds of what one arrival shows.
const (
	shownLines = 16
	shownBytes = 2 << 10
)

// arrived tells what came to a socket that nobody is reading. It runs on the
// table's goroutine and only queues.
func (r *repl) arrived(a table.Arrival) {
	name := a.Socket.Name()
	for _, line := range arrivalLines(name, a.Data) {
		r.console.Note(line)
	}
	switch {
	case a.Client:
		r.console.Note(name + ": a client waits: accept " + name)
	case a.More && len(a.Data) == 0:
		r.console.Note(name + ": more waits in the kernel; recv " + name + " consumes")
	case errors.Is(a.End, socket.Ended):
		r.console.Note(name + ": the peer has ended its direction")
	case a.End != nil:
		r.console.Note(name + ": " + render.Line(a.End.Error()))
	}
}

// arrivalLines shows data a line each, every byte escaped.
func arrivalLines(name string, data []byte) []string {
	var lines []string
	shown := 0
	for len(data) > 0 {
		if len(lines) == shownLines || shown >= shownBytes {
			return append(lines, fmt.Sprintf("%s < ... and %d bytes more; show %s tells the sum", name, len(data), name))
		}
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line = data[:i+1]
		}
		line = line[:min(len(line), shownBytes-shown)]
		data = data[len(line):]
		shown += len(line)
		text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		lines = append(lines, name+" < "+render.Line(text))
	}
	return lines
}
