package host

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sosh-shell/sosh/core/nearest"
	"github.com/sosh-shell/sosh/core/socket"
)

// filePrefix begins the name of every plugin's file.
const filePrefix = "sosh-plugin-"

func (h *Host) pluginFile(name string) string { return filepath.Join(h.cfg.Dir, filePrefix+name) }

// untrusted is why a file or directory is not used: one line, and what to do.
func untrusted(path, hint, format string, args ...any) error {
	return &socket.Error{Op: "plugin", Place: path, Err: socket.Faultf(socket.Failed, format, args...), Hint: hint}
}

// trustDir refuses a directory that somebody else could put a plugin into: it and
// every directory above must belong to us or root, be no link, and be writable by
// its owner only. A sticky directory of root's, such as /tmp, may be above: nobody
// can replace what is not theirs in it.
func trustDir(dir string) error {
	if !filepath.IsAbs(dir) {
		return untrusted(dir, "give the plugin directory in full", "not an absolute path")
	}
	dir = filepath.Clean(dir)
	for path := dir; ; path = filepath.Dir(path) {
		fi, err := os.Lstat(path)
		if err != nil {
			return untrusted(path, "", "%v", cause(err))
		}
		if err := trustOwner(path, fi); err != nil {
			return err
		}
		sticky := fi.Mode()&fs.ModeSticky != 0 && path != dir && byRoot(fi)
		switch {
		case fi.Mode()&fs.ModeSymlink != 0:
			return untrusted(path, "name the place that it leads to", "a link")
		case !fi.IsDir():
			return untrusted(path, "", "not a directory")
		case fi.Mode().Perm()&0o022 != 0 && !sticky:
			return untrusted(path, "chmod go-w "+path, "writable by others")
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// openTrusted opens a file that only its owner, we or root, can have written.
func openTrusted(path string) (*os.File, error) {
	f, err := openNoFollow(path)
	if err != nil {
		if fi, lerr := os.Lstat(path); lerr == nil && fi.Mode()&fs.ModeSymlink != 0 {
			return nil, untrusted(path, "install the file that it leads to", "a link")
		}
		return nil, err
	}
	fi, err := f.Stat()
	switch {
	case err != nil:
	case !fi.Mode().IsRegular():
		err = untrusted(path, "remove it and install the plugin again", "no regular file")
	case fi.Mode().Perm()&0o022 != 0:
		err = untrusted(path, "chmod go-w "+path, "writable by others")
	default:
		err = trustOwner(path, fi)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func trustOwner(path string, fi fs.FileInfo) error {
	if uid, ok := owner(fi); !ok || uid != 0 && uid != os.Getuid() {
		return untrusted(path, "it must belong to you or to root", "belongs to somebody else")
	}
	return nil
}

func byRoot(fi fs.FileInfo) bool {
	uid, ok := owner(fi)
	return ok && uid == 0
}

// verified is the installed plugin's program, as it is on record. What does not fit may
// be in the midst of being replaced by another sosh: it is looked at again once nobody
// is at it.
func (h *Host) verified(name string) (program, error) {
	prog, first := h.verify(name)
	if first == nil {
		return prog, nil
	}
	again := first
	if err := h.changeLock(h.ctx, func(*lockFile) error { prog, again = h.verify(name); return nil }); err != nil {
		return program{}, first
	}
	return prog, again
}

// verify copies the file to where nobody can change it, and compares that copy with the
// record: that copy is run.
func (h *Host) verify(name string) (program, error) {
	entry, err := h.installed(name)
	if err != nil {
		return program{}, err
	}
	if len(entry.Files) > 0 {
		return h.verifiedScript(name, entry)
	}
	path := h.pluginFile(name)
	f, err := openTrusted(path)
	if err != nil {
		if os.IsNotExist(err) {
			return program{}, untrusted(path, "install it again", "its file is gone")
		}
		return program{}, pathError(path, err)
	}
	defer f.Close()
	sealed, digest, err := seal(f, filePrefix+name)
	if err != nil {
		return program{}, pathError(path, err)
	}
	if digest != entry.SHA256 {
		sealed.Close()
		return program{}, changed(path)
	}
	return program{path: sealedPath(sealed), name: filePrefix + name, file: sealed, desc: &entry.Description}, nil
}

func changed(path string) error {
	return untrusted(path, "install it again, if you changed it", "changed since it was installed")
}

// pathError makes any failure with a file one of the plugin's. That the caller gave up
// is none, and neither is the host's end.
func pathError(path string, err error) error {
	var fault socket.Fault
	if errors.As(err, &fault) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return untrusted(path, "", "%v", cause(err))
}

// cause is the error without the operation and path that it repeats.
func cause(err error) error {
	if p, ok := err.(*fs.PathError); ok {
		return p.Err
	}
	return err
}

// unknown is the error for a name that no protocol has.
func (h *Host) unknown(lock lockFile, name string) error {
	if h.cfg.Dir != "" && !strings.ContainsAny(name, "/\\\x00") {
		if _, err := os.Lstat(h.pluginFile(name)); err == nil {
			if err := trustDir(h.cfg.Dir); err != nil {
				return err
			}
			return untrusted(h.pluginFile(name), "sosh plugin install FILE records it: what is not recorded is not run", "not installed")
		}
	}
	hint := "show protocols lists them"
	names := slices.Concat(slices.Sorted(maps.Keys(h.cfg.Bundled)), slices.Sorted(maps.Keys(lock.Plugins)))
	if near := nearest.Word(name, names); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	return &socket.Error{Op: "open", Place: name, Err: socket.Faultf(socket.Usage, "no protocol is named %q", name), Hint: hint}
}
