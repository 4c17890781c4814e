package host

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

var _ socket.Installer = (*Host)(nil)

// Inspect implements socket.Installer.
func (h *Host) Inspect(ctx context.Context, path string, scripts bool) (c socket.Candidate, err error) {
	var found socket.Candidate
	err = h.do(ctx, func() (err error) { found, err = h.inspect(path, scripts); return err })
	if err != nil {
		return c, pathError(path, err)
	}
	return found, nil
}

func (h *Host) inspect(path string, scripts bool) (socket.Candidate, error) {
	c := socket.Candidate{Path: path}
	if h.cfg.Dir == "" {
		return c, untrusted(path, "SOSH_PLUGIN_DIR names one", "there is no plugin directory")
	}
	src, err := h.take(path, scripts)
	if err != nil {
		return c, err
	}
	defer src.discard()
	c.SHA256, c.Warnings = src.digest, doubts(path)
	if src.script != nil {
		c.Interpreter = src.program.path
		for _, f := range src.script.files {
			c.Files = append(c.Files, f.Name)
		}
	}
	if c.Description, err = h.ask(path, src.program); err != nil {
		return c, err
	}
	if src.script != nil {
		if e := (*socket.Error)(nil); errors.As(src.script.verify(), &e) {
			file, _ := filepath.Rel(src.script.dir, e.Place)
			return c, untrusted(path, "its folder must stay as it is, else it is not run again: $TMPDIR is for files", "%s changed when it ran", file)
		}
	}
	if _, ok := h.cfg.Bundled[c.Description.Name]; ok {
		return c, untrusted(path, "give it another name", "it calls itself %s, which is bundled", c.Description.Name)
	}
	lock, err := h.readLock()
	if err != nil {
		return c, err
	}
	if e, ok := lock.Plugins[c.Description.Name]; ok {
		c.Replaces = &socket.Recorded{SHA256: e.SHA256, Description: e.Description}
		prog, err := h.verified(c.Description.Name)
		prog.close()
		c.Replaces.Doubt = err
	}
	return c, nil
}

// Record implements socket.Installer.
func (h *Host) Record(ctx context.Context, c socket.Candidate) error {
	if err := h.change(ctx, func() error { return h.record(ctx, c) }); err != nil {
		return pathError(c.Path, err)
	}
	if p := h.known(c.Description.Name); p != nil { // how the build before ended says nothing of this one
		p.mu.Lock()
		defer p.mu.Unlock()
		p.crashes.forget()
	}
	return nil
}

func (h *Host) record(ctx context.Context, c socket.Candidate) error {
	name := c.Description.Name
	src, err := h.take(c.Path, len(c.Files) > 0)
	if err != nil {
		return err
	}
	defer src.discard()
	if src.digest != c.SHA256 {
		return untrusted(c.Path, "install it again", "changed while it was looked at")
	}
	return h.changeLock(ctx, func(lock *lockFile) error {
		before, had := lock.Plugins[name]
		if had && before.SHA256 != src.digest && (c.Replaces == nil || c.Replaces.SHA256 != before.SHA256) {
			return untrusted(c.Path, "install it again", "another build of %s was installed while you were asked", name)
		}
		e := lockEntry{SHA256: src.digest, Description: c.Description}
		if src.script != nil {
			e.Interpreter, e.Called, e.Files = src.script.interpreter, src.script.called, src.script.files
		}
		lock.Plugins[name] = e
		record, err := h.stageLock(*lock) // before the build is there: without its record it would not be run, nor the one before
		if err != nil {
			return err
		}
		defer record.discard()
		if err := h.put(name, e, src); err != nil {
			return err
		}
		if err := record.place(); err != nil {
			return err
		}
		return h.tidy(name, e, before)
	})
}

// source is what may become a plugin, copied to where nobody else can change it.
type source struct {
	program
	digest string
	sealed *os.File // nil for a script
	script *script  // nil for a program
}

func (s source) discard() {
	s.program.close()
	if s.script != nil {
		os.RemoveAll(s.script.dir)
	}
}

// take copies what is at path. It may be anywhere and anybody's: that the user names
// it is what counts.
func (h *Host) take(path string, scripts bool) (src source, err error) {
	if err := os.MkdirAll(h.cfg.Dir, 0o755); err != nil {
		return src, h.noDir(err)
	}
	if err := trustDir(h.cfg.Dir); err != nil {
		return src, err
	}
	if scripts {
		return h.takeScript(path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO's writer may never come
	if err != nil {
		return src, err
	}
	defer f.Close()
	switch fi, err := f.Stat(); {
	case err == nil && fi.IsDir():
		return src, untrusted(path, "name the executable itself; --script takes a folder with a script", "a folder")
	case err != nil || !fi.Mode().IsRegular():
		return src, untrusted(path, "name the executable itself", "no regular file")
	}
	mark := make([]byte, 2)
	if n, _ := f.ReadAt(mark, 0); n == 2 && string(mark) == "#!" {
		return src, untrusted(path, "--script records it with its files", "a script: what it loads could change unseen")
	}
	sealed, digest, err := seal(f, filepath.Base(path))
	if err != nil {
		return src, err
	}
	return source{program: program{path: sealedPath(sealed), name: path, file: sealed}, digest: digest, sealed: sealed}, nil
}

// noDir is why nothing can be put into the plugin directory.
func (h *Host) noDir(err error) error {
	return untrusted(h.cfg.Dir, "plugins are kept there: SOSH_PLUGIN_DIR names another place", "%v", cause(err))
}

// put places a source in the plugin directory.
func (h *Host) put(name string, e lockEntry, src source) error {
	if src.script != nil {
		return h.putScript(name, e, src)
	}
	s, err := h.stage(filePrefix+name, 0o755, func(out *os.File) error {
		_, err := io.Copy(out, io.NewSectionReader(src.sealed, 0, 1<<62))
		return err
	})
	if err != nil {
		return err
	}
	return s.place()
}

// ask starts a plugin that is not installed yet, for one call.
func (h *Host) ask(path string, prog program) (d socket.Description, err error) {
	log := newRing(filepath.Base(path), h.logSink)
	pr, err := h.launch(h.ctx, filepath.Base(path), prog, log, nil)
	if err != nil {
		return d, err
	}
	defer func() { pr.end(); pr.cleanup() }()
	return pr.describe(h)
}

// describe asks a process what it is.
func (pr *process) describe(h *Host) (d socket.Description, err error) {
	var m *pb.Description
	err = pr.try(h.ctx, h.cfg.CallTimeout, func(ctx context.Context) (err error) {
		m, err = pr.rpc.Describe(ctx, &pb.DescribeRequest{})
		return err
	})
	switch _, err = outcome(nil, err); {
	case h.ctx.Err() != nil:
		return d, errClosed
	case errors.Is(err, errDied):
		return d, pluginError(pr.name, "sosh -v shows what it prints", "died before it said what it is")
	case err != nil:
		return d, err
	}
	if d, err = wire.ToDescription(m); err != nil {
		return d, pluginError(pr.name, "its author must mend it", "half declared: %v", err)
	}
	return d, nil
}

// doubts are what a careful user would want to know of a place.
func doubts(path string) (all []string) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil
	}
	if uid, ok := owner(fi); ok && uid != 0 && uid != os.Getuid() {
		all = append(all, "the file belongs to somebody else")
	}
	if fi.Mode().Perm()&0o022 != 0 {
		all = append(all, "others may write the file: what is recorded is what it is now")
	}
	return all
}
