package render

import (
	"encoding/hex"
	"io"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
)

// Dumper writes what is written to it as a hexdump, as hexdump -C does: offset,
// sixteen bytes, and their text.
type Dumper struct{ io.WriteCloser }

// NewDumper returns a Dumper that prints to w. Close writes the last line.
func NewDumper(w io.Writer) *Dumper { return &Dumper{hex.Dumper(w)} }

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
