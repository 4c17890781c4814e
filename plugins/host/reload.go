package host

import (
	"context"
	"sync"

	"github.com/sosh-shell/sosh/core/socket"
)

// Reload implements socket.Installer. The start goes on when ctx ends: a build that
// does start takes over all the same.
func (h *Host) Reload(ctx context.Context, name string) error {
	p, err := h.plugin(name)
	if err != nil {
		return err
	}
	return h.do(ctx, p.reload)
}

// do runs f as a task, as it starts processes, and waits for it as long as ctx allows:
// then the error is why that ended.
func (h *Host) do(ctx context.Context, f func() error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	done := make(chan error, 1)
	if !h.task(func() { done <- f() }) {
		return errClosed
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// change is do for what changes the record: it is not given up half way, so that the
// caller knows whether it was done. f hears ctx before it begins.
func (h *Host) change(ctx context.Context, f func() error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return h.do(context.WithoutCancel(ctx), f)
}

// maxBuilds bounds the processes that a plugin has at once: each reload leaves one
// behind for as long as something lives in it.
const maxBuilds = 32

func (p *plugin) reload() error {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	p.mu.Lock()
	builds := len(p.all)
	p.mu.Unlock()
	if builds >= maxBuilds {
		return &socket.Error{Op: "plugin", Place: p.name, Err: socket.Faultf(socket.Failed, "%d builds of it are alive, which is the most", builds),
			Hint: "close sockets and layers that live in earlier ones"}
	}
	pr, err := p.launch(p.h.ctx)
	if err != nil {
		return err
	}
	if err = p.fits(pr); err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.removed {
			p.adopt(pr)
			p.crashes.forget()
			return nil
		}
		err = p.isRemoved()
	}
	pr.end()
	pr.cleanup()
	return err
}

// fits refuses a build that is not what it should be, while the one before serves.
func (p *plugin) fits(pr *process) error {
	d, err := pr.describe(p.h)
	switch now := p.desc.Load(); {
	case err != nil:
		return err
	case d.Name != now.Name:
		return pluginError(p.name, "its author must mend it", "the new build calls itself %s", d.Name)
	case pr.desc.Layer != now.Layer, pr.desc.Held != now.Held:
		return pluginError(p.name, "plugin remove it, then plugin install it", "the new build is %s, and the one that serves is %s",
			nature(pr.desc), nature(now))
	}
	return nil
}

func nature(d *socket.Description) string {
	switch {
	case d.Layer:
		return "a layer"
	case d.Held:
		return "a protocol whose sockets live with it"
	}
	return "a protocol"
}

// Remove implements socket.Installer.
func (h *Host) Remove(ctx context.Context, name string) error {
	return h.change(ctx, func() error { return h.remove(ctx, name) })
}

func (h *Host) remove(ctx context.Context, name string) error {
	if _, ok := h.cfg.Bundled[name]; ok {
		return &socket.Error{Op: "plugin", Place: name, Err: socket.Faultf(socket.Usage, "it is bundled and cannot be removed"),
			Hint: "plugin list tells what was installed"}
	}
	err := h.changeLock(ctx, func(lock *lockFile) error {
		if _, ok := lock.Plugins[name]; !ok {
			return h.unknown(*lock, name)
		}
		delete(lock.Plugins, name)
		if err := h.writeLock(*lock); err != nil {
			return err
		}
		return h.tidy(name)
	})
	if err != nil {
		return pathError(h.cfg.Dir, err)
	}
	if p := h.known(name); p != nil {
		p.endAll()
	}
	for _, p := range h.elsewhere() {
		if of, _, _ := socket.CutPlace(p.name); of == name {
			p.endAll()
			h.mu.Lock()
			delete(h.plugins, p.name)
			h.mu.Unlock()
		}
	}
	return nil
}

// endAll ends every process of the plugin, and starts no more.
func (p *plugin) endAll() {
	p.mu.Lock()
	p.removed = true
	var all []*process
	for pr := range p.all {
		all = append(all, pr)
	}
	p.mu.Unlock()
	var ends sync.WaitGroup
	for _, pr := range all {
		ends.Go(pr.end)
	}
	ends.Wait()
}
