package lang

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/sosh-shell/sosh/core/table"
)

// maxAnswer bounds an answer in bytes.
const maxAnswer = 4096

// Ask asks a question and returns the line that is typed at the terminal in, without
// its end. It ends with ctx, and with [io.ErrUnexpectedEOF] where nothing is typed.
func Ask(ctx context.Context, in *os.File, out io.Writer, question string) (string, error) {
	if _, err := io.WriteString(out, question); err != nil {
		return "", err
	}
	var line strings.Builder
	buf := make([]byte, 1) // no more than the line: what follows is typed for somebody else
	for line.Len() < maxAnswer {
		if !awaitInput(in, ctx.Done()) {
			return "", table.Ended(ctx)
		}
		n, err := in.Read(buf)
		switch {
		case n == 1 && buf[0] == '\n':
			return strings.TrimRight(line.String(), "\r"), nil
		case n == 1:
			line.WriteByte(buf[0])
		case err == nil || errors.Is(err, io.EOF):
			return "", io.ErrUnexpectedEOF
		default:
			return "", err
		}
	}
	return line.String(), nil
}
