package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// maxCapture bounds what a variable can be given, in bytes.
const maxCapture = 64 << 20

// sink is where received bytes go: escaped to a terminal, as they are to a
// pipe or file, whole to a variable, as an object in JSON.
type sink struct {
	c        *Call
	s        *table.Socket
	hex      bool
	json     bool
	variable string
	w        io.Writer
	escaped  *render.Writer // for people
	dump     *render.Dumper // hex at a terminal
	held     []byte         // for a variable, a capture in hex, or an object
	hold     bool
	last     byte
	count    int64
	peer     socket.Address // of a message
}

func newSink(c *Call, s *table.Socket, raw, hex, json bool, variable string) *sink {
	k := &sink{c: c, s: s, hex: hex, json: json, variable: variable, w: c.Stdout}
	switch {
	case variable != "" || json:
		k.hold = true
	case hex && c.Terminal:
		k.dump = render.NewDumper(c.Stdout)
	case hex:
		k.hold = c.Captured
	case c.Terminal && !raw:
		k.escaped = render.NewWriter(c.Stdout)
	}
	return k
}

// whole reports whether the bytes are wanted all at once, for a variable or an
// object: they are then consumed only when they are delivered.
func (k *sink) whole() bool { return k.hold || k.c.Captured }

// write takes the next bytes.
func (k *sink) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if !k.hex && !k.json && (k.c.Captured || k.variable != "") {
		if bytes.IndexByte(p, 0) >= 0 {
			return &socket.Error{Op: "recv", Place: k.s.Place(), Err: errNUL,
				Hint: "recv --hex gives it in hex, recv > FILE as it is"}
		}
	}
	if k.count += int64(len(p)); (k.hold || k.c.Captured) && k.count > maxCapture {
		return &socket.Error{Op: "recv", Place: k.s.Place(), Err: socket.Faultf(socket.Full, "more than 64 MiB for a variable"),
			Hint: "write it to a file: recv > FILE"}
	}
	k.last = p[len(p)-1]
	var err error
	switch {
	case k.hold:
		k.held = append(k.held, p...)
	case k.dump != nil:
		_, err = k.dump.Write(p)
	case k.hex:
		_, err = io.WriteString(k.w, hexWords(p)+"\n")
	case k.escaped != nil:
		_, err = k.escaped.Write(p)
	default:
		_, err = k.w.Write(p)
	}
	return writeError(err)
}

var errNUL = errors.New("a variable cannot hold the NUL that has arrived")

// writeError names a reader of our output that has gone.
func writeError(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return &socket.Error{Op: "recv", Place: "stdout", Err: errors.New("nobody reads it any more")}
	}
	return err
}

// end completes what is held back. At a terminal the next prompt begins on a
// line of its own.
func (k *sink) end() error {
	switch {
	case k.variable != "":
		return k.c.SetVars(Assignment{Name: k.variable, Value: k.text()})
	case k.json:
		defer func() { k.held = k.held[:0] }() // the next message is an object of its own
		return writeError(k.object())
	case k.hold:
		return writeError(k.c.print("%s\n", k.text()))
	case k.dump != nil:
		return writeError(k.dump.Close())
	case k.escaped != nil:
		if err := k.escaped.Flush(); err != nil {
			return err
		}
		if k.count > 0 && k.last != '\n' {
			return k.c.print("\n")
		}
	}
	return nil
}

func (k *sink) text() string {
	if k.hex {
		return hexWords(k.held)
	}
	return string(k.held)
}

func (k *sink) object() error {
	o := render.Object{{Key: "socket", Value: k.s.Name()}}
	if k.s.Messages() {
		o = append(o, render.Member{Key: "peer", Value: k.peer.Text(k.s.Description().Address)}, render.Member{Key: "size", Value: len(k.held)})
	}
	if k.hex {
		o = append(o, render.Member{Key: "hex", Value: hexWords(k.held)})
	} else {
		o = append(o, render.Member{Key: "data", Value: k.held})
	}
	return render.JSON(k.c.Stdout, o)
}

func hexWords(p []byte) string { return fmt.Sprintf("% x", p) }

// previewSize is how much of what arrived an error shows.
const previewSize = 64

// preview shows the last bytes that arrived, in a line.
func preview(p []byte) string {
	var b strings.Builder
	if len(p) > previewSize {
		p = p[len(p)-previewSize:]
		b.WriteString("...")
	}
	b.WriteString(render.Quote(p))
	return b.String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
