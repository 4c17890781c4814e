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

// Install makes the executable at path a plugin: it is started once and asked what
// it is, copied into the plugin directory, and recorded with its digest. What is
// recorded is exactly what was asked. An earlier plugin of that name is replaced,
// and goes on running until it ends.
func (h *Host) Install(path string) (socket.Description, error) {
	var d socket.Description
	var err error
	done := make(chan struct{})
	if !h.task(func() { defer close(done); d, err = h.install(path) }) { // a task, as it starts a process
		return d, errClosed
	}
	<-done
	if err != nil {
		return socket.Description{}, pathError(path, err)
	}
	return d, nil
}

func (h *Host) install(path string) (d socket.Description, err error) {
	if h.cfg.Dir == "" {
		return d, untrusted(path, "name a plugin directory", "there is no plugin directory")
	}
	if err := os.MkdirAll(h.cfg.Dir, 0o755); err != nil {
		return d, err
	}
	if err := trustDir(h.cfg.Dir); err != nil {
		return d, err
	}
	// The source may be anywhere and anybody's: that the user names it is what counts.
	f, err := os.Open(path)
	if err != nil {
		return d, err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return d, untrusted(path, "name the executable itself", "no regular file")
	}
	sealed, digest, err := seal(f, filepath.Base(path))
	if err != nil {
		return d, err
	}
	defer sealed.Close()
	if d, err = h.ask(path, sealed); err != nil {
		return d, err
	}
	if _, ok := h.cfg.Bundled[d.Name]; ok {
		return d, untrusted(path, "give it another name", "it calls itself %s, which is bundled", d.Name)
	}
	lock, err := h.readLock()
	if err != nil {
		return d, err
	}
	err = h.place(filePrefix+d.Name, 0o755, func(out *os.File) error {
		_, err := io.Copy(out, io.NewSectionReader(sealed, 0, 1<<62))
		return err
	})
	if err != nil {
		return d, err
	}
	lock.Plugins[d.Name] = lockEntry{SHA256: digest, Description: d}
	if err := h.writeLock(lock); err != nil {
		return d, err
	}
	h.mu.Lock()
	delete(h.plugins, d.Name) // the next use sees the new one
	h.mu.Unlock()
	return d, nil
}

// ask starts a plugin that is not installed yet, for one call.
func (h *Host) ask(path string, sealed *os.File) (d socket.Description, err error) {
	log := newRing(filepath.Base(path), h.logSink)
	pr, err := h.launch(h.ctx, filepath.Base(path), program{path: sealedPath(sealed), name: path}, log, nil)
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
