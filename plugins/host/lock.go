package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire"
)

// lockName is the record of what was installed, in the plugin directory.
const lockName = "plugins.json"

// maxLock bounds the record's size in bytes.
const maxLock = 4 << 20

// lockFile is the record. What it lacks is not run.
type lockFile struct {
	Version int                  `json:"version"`
	Plugins map[string]lockEntry `json:"plugins"`
}

// lockEntry is one installed plugin.
type lockEntry struct {
	SHA256 string `json:"sha256"` // of the file, in hex; of a script, of the list of its files
	// Interpreter, with its arguments, runs the first of Files, a script's; Called is
	// the name that it is given of itself.
	Interpreter []string           `json:"interpreter,omitempty"`
	Called      string             `json:"called,omitempty"`
	Files       []scriptFile       `json:"files,omitempty"`
	Description socket.Description `json:"description"` // its answer at install
}

// readLock reads the record, checked; an absent one is empty.
func (h *Host) readLock() (lockFile, error) {
	lock := lockFile{Version: 1, Plugins: map[string]lockEntry{}}
	if h.cfg.Dir == "" {
		return lock, nil
	}
	path := filepath.Join(h.cfg.Dir, lockName)
	f, err := openTrusted(path)
	if errors.Is(err, fs.ErrNotExist) {
		return lock, nil
	}
	if err != nil {
		return lock, pathError(path, err)
	}
	defer f.Close()
	if err := trustDir(h.cfg.Dir); err != nil {
		return lock, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxLock+1))
	if err != nil {
		return lock, pathError(path, err)
	}
	var read lockFile
	if err := json.Unmarshal(b, &read); err != nil || len(b) > maxLock || read.Version != 1 {
		return lock, untrusted(path, "remove it and install the plugins again", "not a record of this version")
	}
	for name, e := range read.Plugins {
		if e.Description.Name != name || wire.CheckDescription(e.Description) != nil || len(e.Files) > 0 && len(e.Interpreter) == 0 {
			return lock, untrusted(path, "remove it and install the plugins again", "the entry %q is malformed", name)
		}
		lock.Plugins[name] = e
	}
	return lock, nil
}

func (h *Host) installed(name string) (lockEntry, error) {
	lock, err := h.readLock()
	if err != nil {
		return lockEntry{}, err
	}
	e, ok := lock.Plugins[name]
	if !ok {
		return lockEntry{}, h.unknown(lock, name)
	}
	return e, nil
}

// lockPatience bounds how long another sosh may be at the record.
const lockPatience = 5 * time.Second

// guardName is the file that is locked while the record is changed, in the plugin
// directory. It stays: who removed it would part those who wait for it from those who come.
const guardName = "plugins.lock"

// changeLock calls change with the record, while no other sosh changes it: guardName is
// locked (flock(2)). ctx is heard while it waits for
// that: what is begun is done.
func (h *Host) changeLock(ctx context.Context, change func(*lockFile) error) error {
	guard, err := openGuard(filepath.Join(h.cfg.Dir, guardName))
	if errors.Is(err, fs.ErrNotExist) {
		lock, _ := h.readLock()
		return change(&lock)
	}
	if err != nil {
		return err
	}
	defer guard.Close() // unlocks
	for end := time.Now().Add(lockPatience); ; time.Sleep(10 * time.Millisecond) {
		ok, err := tryGuard(guard)
		switch {
		case err != nil:
			return err
		case ok:
			lock, err := h.readLock()
			if err != nil {
				return err
			}
			return change(&lock)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case h.ctx.Err() != nil:
			return errClosed
		case time.Now().After(end):
			return untrusted(h.cfg.Dir, "try again", "another sosh has been changing it for %v", lockPatience)
		}
	}
}

func (h *Host) writeLock(lock lockFile) error {
	s, err := h.stageLock(lock)
	if err != nil {
		return err
	}
	return s.place()
}

// stageLock refuses a record that readLock would: no plugin could be run any more.
func (h *Host) stageLock(lock lockFile) (staged, error) {
	b, err := json.MarshalIndent(lock, "", "  ")
	if err != nil {
		return staged{}, err
	}
	if len(b) >= maxLock {
		return staged{}, untrusted(filepath.Join(h.cfg.Dir, lockName), "a script with fewer files, or a bundle of them, takes less",
			"the record would be larger than %d MiB", maxLock>>20)
	}
	return h.stage(lockName, 0o644, func(f *os.File) error {
		_, err := f.Write(append(b, '\n'))
		return err
	})
}

// staged is a file of the plugin directory that is on the disk and has not its name
// yet: all that can fail for want of room is done.
type staged struct{ from, to string }

func (s staged) place() error {
	err := os.Rename(s.from, s.to)
	if err != nil {
		s.discard()
	}
	return err
}

// discard removes it. Once it is placed there is nothing to remove.
func (s staged) discard() { os.Remove(s.from) }

// stage writes a file of the plugin directory whole or not at all.
func (h *Host) stage(name string, mode fs.FileMode, write func(*os.File) error) (staged, error) {
	f, err := os.CreateTemp(h.cfg.Dir, "."+name+".*")
	if err != nil {
		return staged{}, err
	}
	s := staged{f.Name(), filepath.Join(h.cfg.Dir, name)}
	err = write(f)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		s.discard()
		return staged{}, fmt.Errorf("writing %s: %w", name, err)
	}
	return s, nil
}
