package lang

import (
	"context"
	"io"
	"os"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"github.com/sosh-shell/sosh/core/table"
)

// openFile is the interpreter's way to a file.
func (sh *Shell) openFile(ctx context.Context, path string, flag int, perm os.FileMode) (io.ReadWriteCloser, error) {
	path, place := unmarked(path)
	if text, ok := sh.sources.LoadAndDelete(path); ok {
		return textFile{strings.NewReader(text.(string))}, nil
	}
	if path == messagesPath {
		if j := jobOf(ctx); j != nil && j.messages != nil {
			return j.messages, nil
		}
	}
	if path == refusingPath && jobOf(ctx) != nil {
		return refusing{}, nil
	}
	if sh.cfg.NoExternal {
		f, err := noFiles(ctx, path, flag, perm)
		return f, sh.placedError(place, err)
	}
	f, err := openIn(ctx, absolute(interp.HandlerCtx(ctx).Dir, path), flag, perm)
	return f, sh.placedError(place, err)
}

// openIn opens a file. A FIFO that nobody has at its other end keeps no script
// beyond its end.
func openIn(ctx context.Context, path string, flag int, perm os.FileMode) (io.ReadWriteCloser, error) {
	if st, err := os.Stat(path); err != nil || st.Mode()&os.ModeNamedPipe == 0 {
		return os.OpenFile(path, flag, perm)
	}
	type opened struct {
		f   *os.File
		err error
	}
	got := make(chan opened, 1)
	go func() {
		f, err := os.OpenFile(path, flag, perm)
		got <- opened{f, err}
	}()
	select {
	case o := <-got:
		if o.err != nil {
			return nil, o.err
		}
		return o.f, nil
	case <-ctx.Done():
		go func() {
			if o := <-got; o.f != nil {
				o.f.Close()
			}
		}()
		return nil, &os.PathError{Op: "open", Path: path, Err: table.Ended(ctx)}
	}
}

// textFile is a file of which the interpreter reads only.
type textFile struct{ io.Reader }

func (textFile) Write([]byte) (int, error) { return 0, os.ErrPermission }
func (textFile) Close() error              { return nil }
