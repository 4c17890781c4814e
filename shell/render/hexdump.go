package render

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
)

// Dumper writes what is written to it as a hexdump, as hexdump -C does: offset,
// sixteen bytes, and their text.
type Dumper struct{ io.WriteCloser }

// NewDumper returns a Dumper that prints to w. Close writes the last line.
func NewDumper(w io.Writer) *Dumper { return &Dumper{hex.Dumper(w)} }

// Dump is p as lines of a hexdump that begins at an offset, which may be any.
func Dump(p []byte, offset int) []string {
	var lines []string
	for len(p) > 0 {
		n := min(16, len(p))
		var text strings.Builder
		d := NewDumper(&text)
		d.Write(p[:n])
		d.Close()
		line := strings.TrimSuffix(text.String(), "\n")
		lines = append(lines, fmt.Sprintf("%08x", offset)+line[len("00000000"):])
		p, offset = p[n:], offset+n
	}
	return lines
}

// ParseHex reads bytes in hex: pairs of digits, with or without blanks between.
// An error is [socket.Usage] and names the place.
func ParseHex(s string) ([]byte, error) {
	var out []byte
	for word := range strings.FieldsSeq(s) {
		p, err := hex.DecodeString(word)
		if err != nil {
			return nil, socket.Faultf(socket.Usage, "%q is not hex: bytes are pairs of digits, as in 0d 0a ff", word)
		}
		out = append(out, p...)
	}
	return out, nil
}
