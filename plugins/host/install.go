package host

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

var _ socket.Installer = (*Host)(nil)

// Install makes the executable at path a plugin, without asking: it is inspected
// and recorded.
func (h *Host) Install(path string) (socket.Description, error) {
	c, err := h.Inspect(context.Background(), path, false)
	if err == nil {
		err = h.Record(context.Background(), c)
	}
	return c.Description, err
}

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
	if _, ok := h.cfg.Bundled[c.Description.Name]; ok {
		return c, untrusted(path, "give it another name", "it calls itself %s, which is bundled", c.Description.Name)
	}
	lock, err := h.readLock()
	if err != nil {
		return c, err
	}
	if e, ok := lock.Plugins[c.Description.Name]; ok {
		c.Replaces = &socket.Recorded{SHA256: e.SHA256, Description: e.Description, Harmed: h.harmed(c.Description.Name)}
	}
	return c, nil
}

// harmed reports whether an installed plugin would not be run.
func (h *Host) harmed(name string) bool {
	prog, err := h.verified(name)
	if err == nil {
		prog.close()
	}
	return err != nil
}

// Record implements socket.Installer.
func (h *Host) Record(ctx context.Context, c socket.Candidate) error {
	if err := h.do(ctx, func() error { return h.record(c) }); err != nil {
		return pathError(c.Path, err)
	}
	if p := h.known(c.Description.Name); p != nil { // how the build before ended says nothing of this one
		p.mu.Lock()
		defer p.mu.Unlock()
		p.crashes.forget()
	}
	return nil
}

func (h *Host) record(c socket.Candidate) error {
	name := c.Description.Name
	src, err := h.take(c.Path, len(c.Files) > 0)
	if err != nil {
		return err
	}
	defer src.discard()
	if src.digest != c.SHA256 {
		return untrusted(c.Path, "install it again", "changed while it was looked at")
	}
	return h.changeLock(func(lock *lockFile) error {
		before := lock.Plugins[name]
		e := lockEntry{SHA256: src.digest, Description: c.Description}
		if src.script != nil {
			e.Interpreter, e.Files = src.script.interpreter, src.script.files
		}
		if err := h.put(name, src); err != nil {
			return pathError(h.cfg.Dir, err)
		}
		lock.Plugins[name] = e
		if err := h.writeLock(*lock); err != nil {
			return pathError(h.cfg.Dir, err)
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
	f, err := os.Open(path)
	if err != nil {
		return src, err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return src, untrusted(path, "name the executable itself; the folder of a script needs --script", "no regular file")
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
func (h *Host) put(name string, src source) error {
	if src.script != nil {
		return h.putScript(name, src)
	}
	return h.place(filePrefix+name, 0o755, func(out *os.File) error {
		_, err := io.Copy(out, io.NewSectionReader(src.sealed, 0, 1<<62))
		return err
	})
}

// unplace removes what put has placed.
func (h *Host) unplace(name string, e lockEntry) error {
	if len(e.Files) > 0 {
		return h.tidy(name)
	}
	if err := os.Remove(h.pluginFile(name)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// ask starts a plugin that is not installed yet, for one call.
func (h *Host) ask(path string, prog program) (d socket.Description, err error) {
	log := newRing(filepath.Base(path), h.logSink)
	pr, err := h.launch(h.ctx, filepath.Base(path), prog, log, nil)
	if err != nil {
		return d, err
	}
	defer func() { pr.end(); pr.cleanup() }()
	ctx, cancel := context.WithTimeout(h.ctx, h.cfg.CallTimeout)
	defer cancel()
	m, err := pr.rpc.Describe(ctx, &pb.DescribeRequest{})
	if err != nil {
		return d, untrusted(path, "", "it did not say what it is: %v", err)
	}
	d, err = wire.ToDescription(m)
	if err != nil {
		return d, untrusted(path, "its author must mend it", "half declared: %v", err)
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
