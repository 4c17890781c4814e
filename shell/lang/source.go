package lang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/sosh-shell/sosh/shell/render"
)

// evaluated looks at code before eval takes it in. What cannot be read eval tells.
func (sh *Shell) evaluated(hc *handler, args []string) ([]string, error) {
	f, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(Text(strings.Join(args[1:], " ")), "")
	if err != nil {
		return args, nil
	}
	if err := sh.check(f); err != nil {
		sh.badIn(behind(hc.Stderr), "eval", err)
		return []string{refused}, nil
	}
	if sh.rewrite(f) {
		return []string{args[0], codeOf(f)}, nil
	}
	return args, nil
}

// codeOf is a tree as code.
func codeOf(f *syntax.File) string {
	var b strings.Builder
	syntax.NewPrinter().Print(&b, f)
	return b.String()
}

// sourcedPath is where code is that source takes in rewritten.
const sourcedPath = "/dev/sosh-source"

// sourced reads a script, looks at it, and lets the interpreter take in what was
// read: it may be a pipe, which can be read once.
func (sh *Shell) sourced(ctx context.Context, args []string) ([]string, error) {
	hc := interp.HandlerCtx(ctx)
	if sh.cfg.NoExternal {
		return args, nil // the interpreter asks for the file, and hears no
	}
	in, err := sh.openSourced(ctx, &hc, args[1])
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		fmt.Fprintf(behind(hc.Stderr), "%ssource: %s: %v\n", sh.where(hc.Pos), render.Line(args[1]), err)
		return []string{failed}, nil
	}
	defer in.Close()
	var text strings.Builder
	limited := newScriptReader(io.TeeReader(in, &text))
	code, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(limited, args[1])
	if limited.bad != nil {
		err = limited.bad
	}
	if err == nil {
		err = sh.check(code)
	}
	if err != nil {
		sh.badIn(behind(hc.Stderr), args[1], err)
		return []string{refused}, nil
	}
	taken := text.String()
	if sh.rewrite(code) {
		taken = codeOf(code)
	}
	path := fmt.Sprintf("%s/%d", sourcedPath, sh.nsources.Add(1))
	sh.sources.Store(path, taken)
	return append([]string{args[0], path}, args[2:]...), nil
}

// openSourced opens what source names: a path, else a file along PATH, else one
// in the directory; /dev/stdin is the command's own input.
func (sh *Shell) openSourced(ctx context.Context, hc *handler, name string) (io.ReadCloser, error) {
	if name == "/dev/stdin" && hc.Stdin != nil {
		return io.NopCloser(hc.Stdin), nil
	}
	if !strings.Contains(name, "/") {
		for _, dir := range filepath.SplitList(hc.Env.Get("PATH").String()) {
			path := absolute(hc.Dir, filepath.Join(dir, name))
			if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
				return os.Open(path)
			}
		}
	}
	return openIn(ctx, absolute(hc.Dir, name), os.O_RDONLY, 0)
}
