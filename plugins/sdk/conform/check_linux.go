package conform

import (
	"context"
	"os"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/host"
)

func checkAll(ctx context.Context, path string, how How, report func(Result)) (sum Summary, err error) {
	dir, err := os.MkdirTemp("", "sosh-check-")
	if err != nil {
		return sum, err
	}
	defer os.RemoveAll(dir)
	for _, form := range []host.Form{host.Descriptors, host.Stream} {
		if form == host.Stream && sum.Description.Layer {
			break // it takes over a descriptor
		}
		if err := checkForm(ctx, path, dir, form, &how, &sum, report); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// checkForm checks the plugin in one form, through a host of its own.
func checkForm(ctx context.Context, path, dir string, form host.Form, how *How, sum *Summary, report func(Result)) error {
	h, err := host.New(host.Config{Dir: dir, Form: form})
	if err != nil {
		return err
	}
	defer h.Close()
	d, err := install(ctx, h, path)
	if err != nil {
		return err
	}
	sum.Description = d
	if d.Held && form == host.Descriptors {
		return nil // it has none to give
	}
	x, err := InHost(ctx, h, d.Name, form, *how)
	if err != nil {
		return err
	}
	x.away = true
	x.s.describe = func(ctx context.Context) (socket.Description, error) { return describe(ctx, path) }
	how.Kind = x.Kind()
	for _, p := range x.Promises {
		r := x.Keep(ctx, p)
		if err := ctx.Err(); err != nil {
			return err
		}
		sum.count(r)
		report(r)
	}
	return nil
}

// install puts the plugin where the host finds it: an executable, a script, or the
// folder of one with all its files.
func install(ctx context.Context, h *host.Host, path string) (socket.Description, error) {
	c, err := h.Inspect(ctx, path, isScript(path))
	if err == nil {
		err = h.Record(ctx, c)
	}
	return c.Description, err
}

func isScript(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || fi.IsDir() {
		return err == nil
	}
	var mark [2]byte
	n, _ := f.ReadAt(mark[:], 0)
	return string(mark[:n]) == "#!"
}

// describe starts the plugin and asks what it is.
func describe(ctx context.Context, path string) (d socket.Description, err error) {
	dir, err := os.MkdirTemp("", "sosh-check-")
	if err != nil {
		return d, err
	}
	defer os.RemoveAll(dir)
	h, err := host.New(host.Config{Dir: dir})
	if err != nil {
		return d, err
	}
	defer h.Close()
	return install(ctx, h, path)
}
