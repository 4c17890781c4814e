package repl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/command"
	"github.com/sosh-shell/sosh/shell/render"
)

// Bounds of what one arrival shows.
const (
	shownLines = 16
	shownBytes = 2 << 10
)

// teller prints what arrives, in a goroutine of its own: the table's must not
// wait for a terminal that somebody has stopped with Ctrl-S.
type teller struct {
	arrivals chan table.Arrival
	stop     chan struct{}
	done     chan struct{}
}

// maxArrivals bounds those that wait to be told. More are not told; their bytes
// are where they were.
const maxArrivals = 1024

func newTeller(note func(lines string)) *teller {
	t := &teller{make(chan table.Arrival, maxArrivals), make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(t.done)
		for {
			select {
			case a := <-t.arrivals:
				note(t.tell(a))
			case <-t.stop:
				return
			}
		}
	}()
	return t
}

// arrived is what the table calls.
func (t *teller) arrived(a table.Arrival) {
	select {
	case t.arrivals <- a:
	default:
	}
}

// tell is an arrival in words, and those that have come in the meantime.
func (t *teller) tell(a table.Arrival) string {
	var b strings.Builder
	for {
		for _, line := range arrivalLines(a) {
			b.WriteString(line + "\n")
		}
		select {
		case a = <-t.arrivals:
		default:
			return b.String()
		}
	}
}

func (t *teller) close() {
	close(t.stop)
	<-t.done
}

// arrivalLines tells what came to a socket that nobody is reading.
func arrivalLines(a table.Arrival) []string {
	name := a.Socket.Name()
	lines := dataLines(name, a.Data)
	if a.Message {
		lines = messageLines(a)
	}
	if r := a.Returned; r != nil {
		lines = append(lines, name+": to "+render.Line(r.To.Text(a.Socket.Description().Address)+": "+r.Error()))
	}
	switch {
	case a.Client:
		lines = append(lines, name+": a client waits: accept "+name)
	case a.More && len(a.Data) == 0:
		lines = append(lines, name+": more waits in the kernel; recv "+name+" consumes")
	case errors.Is(a.End, socket.Ended):
		lines = append(lines, name+": the peer has ended its direction")
	case a.End != nil:
		lines = append(lines, name+": "+render.Line(a.End.Error()))
	}
	return lines
}

// messageLines shows one message: who sent it, how long it is, and its bytes.
func messageLines(a table.Arrival) []string {
	name := a.Socket.Name()
	head := fmt.Sprintf("%s < %d bytes", name, len(a.Data))
	if from := a.From.Text(a.Socket.Description().Address); from != "" {
		head += " from " + render.Line(from)
	}
	if a.Socket.Top().Can(socket.CallDecode) {
		if words := decoded(a); words != nil {
			return []string{head + ": " + render.Line(strings.Join(words, " "))}
		}
	}
	if len(a.Data) == 0 {
		return []string{head}
	}
	shown := a.Data[:min(len(a.Data), shownBytes)]
	if line := strings.TrimSuffix(strings.TrimSuffix(string(shown), "\n"), "\r"); len(shown) == len(a.Data) && !strings.Contains(line, "\n") {
		return []string{head + ": " + render.Line(line)}
	}
	return append([]string{head}, dataLines(name, a.Data)...)
}

// decodeTime bounds the plugin's answer: what arrives is shown anyway.
const decodeTime = 500 * time.Millisecond

// shownFields is how many of a message's fields are shown: the most important come first.
const shownFields = 8

// decoded is a message by its fields, nil when the plugin does not tell.
func decoded(a table.Arrival) []string {
	ctx, cancel := context.WithTimeout(context.Background(), decodeTime)
	defer cancel()
	all, err := a.Socket.Decode(ctx, []socket.Message{{Data: a.Data, Type: a.Type, Peer: a.From}})
	if err != nil {
		return nil
	}
	fields := all[0]
	var words []string
	for i, w := range command.FieldWords(fields[:min(len(fields), shownFields)]) {
		if len(fields[i].Value) > shownBytes/shownFields {
			w = fields[i].Name + "=... (" + strconv.Itoa(len(fields[i].Value)) + " bytes)"
		}
		words = append(words, w)
	}
	return words
}

// dataLines shows data a line each, every byte escaped.
func dataLines(name string, data []byte) []string {
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
