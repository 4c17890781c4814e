package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

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
	SHA256      string             `json:"sha256"` // of the file, in hex
	Args        []string           `json:"args,omitempty"`
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
		if e.Description.Name != name || wire.CheckDescription(e.Description) != nil {
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
		return lockEntry{}, h.unknown(name)
	}
	return e, nil
}

func (h *Host) writeLock(lock lockFile) error {
	b, err := json.MarshalIndent(lock, "", "  ")
	if err != nil {
		return err
	}
	return h.place(lockName, 0o644, func(f *os.File) error {
		_, err := f.Write(append(b, '\n'))
		return err
	})
}

// place writes a file of the plugin directory whole or not at all.
func (h *Host) place(name string, mode fs.FileMode, write func(*os.File) error) error {
	f, err := os.CreateTemp(h.cfg.Dir, "."+name+".*")
	if err != nil {
		return err
	}
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
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(h.cfg.Dir, name))
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
