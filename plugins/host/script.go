package host

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// script is a plugin that an interpreter runs: copied, file by file.
type script struct {
	dir         string   // that the files are in
	interpreter []string // with its arguments
	called      string   // what the interpreter is told that its own name is
	files       []scriptFile
}

// scriptFile is one file of a script.
type scriptFile struct {
	Name   string `json:"name"` // relative, with slashes
	SHA256 string `json:"sha256"`
}

func (s *script) program() program {
	return program{path: s.interpreter[0], name: s.called, args: append(slices.Clone(s.interpreter[1:]), filepath.Join(s.dir, s.files[0].Name)),
		env: scriptEnv}
}

// scriptEnv keeps an interpreter from leaving files beside those that are on record:
// with them the script would not be run again (Python's __pycache__).
var scriptEnv = []string{"PYTHONDONTWRITEBYTECODE=1"}

// digest stands for all files and for what runs them.
func (s *script) digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q\n", s.called, s.interpreter)
	for _, f := range s.files {
		fmt.Fprintf(h, "%s  %q\n", f.SHA256, f.Name)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// scriptDir is where a script's files are. An earlier build's may be in use while a
// later one is placed, so it bears the digest.
func (h *Host) scriptDir(name, digest string) string {
	return h.pluginFile(name) + ".d-" + digest[:min(len(digest), 16)]
}

func (h *Host) putScript(name string, e lockEntry, src source) error {
	if _, err := h.verifiedScript(name, e); err == nil {
		return nil // they may be in use
	}
	to := h.scriptDir(name, src.digest)
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.Rename(src.script.dir, to)
}

// abandoned is the age at which what has no name yet in the plugin directory belongs to
// nobody: a sosh that was killed as it installed has left it.
const abandoned = time.Hour

// tidy removes what no longer belongs to a plugin: the files of its scripts but those
// of the given entries, and of builds that run while there is an entry, and its program unless the first of them is one. And what no
// sosh is writing any more.
func (h *Host) tidy(name string, keep ...lockEntry) error {
	entries, err := os.ReadDir(h.cfg.Dir)
	if err != nil {
		return err
	}
	for _, d := range entries {
		path := filepath.Join(h.cfg.Dir, d.Name())
		kept := func(e lockEntry) bool { return len(e.Files) > 0 && h.scriptDir(name, e.SHA256) == path }
		if strings.HasPrefix(path, h.pluginFile(name)+".d-") && !slices.ContainsFunc(keep, kept) && (len(keep) == 0 || !inUse(path)) {
			err = cmp.Or(err, os.RemoveAll(path))
		}
		unnamed := strings.HasPrefix(d.Name(), "."+filePrefix) || strings.HasPrefix(d.Name(), "."+lockName) || strings.HasPrefix(d.Name(), scriptTemp)
		if fi, ierr := d.Info(); unnamed && ierr == nil && time.Since(fi.ModTime()) > abandoned {
			err = cmp.Or(err, os.RemoveAll(path))
		}
	}
	if len(keep) == 0 || len(keep[0].Files) > 0 {
		if rerr := os.Remove(h.pluginFile(name)); !os.IsNotExist(rerr) {
			err = cmp.Or(err, rerr)
		}
	}
	return err
}

// verifiedScript is an installed script, every file compared with the record. Between
// that and the interpreter's reading only the user and root could change one.
func (h *Host) verifiedScript(name string, e lockEntry) (program, error) {
	s := &script{dir: h.scriptDir(name, e.SHA256), interpreter: e.Interpreter, called: e.Called, files: e.Files}
	if s.digest() != e.SHA256 {
		return program{}, changed(s.dir)
	}
	if err := s.trustInterpreter(); err != nil {
		return program{}, err
	}
	if err := s.verify(); err != nil {
		return program{}, err
	}
	prog := s.program()
	prog.desc = &e.Description
	return prog, nil
}

// verify compares every file with the record: no other may be there.
func (s *script) verify() error {
	if err := trustDir(s.dir); err != nil {
		return err
	}
	want := map[string]string{}
	for _, f := range s.files {
		want[f.Name] = f.SHA256
	}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == s.dir {
			return err
		}
		if d.IsDir() {
			return trustDir(path)
		}
		rel, err := filepath.Rel(s.dir, path)
		if err != nil {
			return err
		}
		f, err := openTrusted(path)
		if err != nil {
			return pathError(path, err)
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, io.LimitReader(f, maxFilesLength+1)); err != nil {
			return pathError(path, err)
		}
		rel = filepath.ToSlash(rel)
		switch sum, ok := want[rel]; {
		case !ok:
			return untrusted(path, "a script must leave its folder as it is; install it again", "was not there when it was installed")
		case sum != hex.EncodeToString(h.Sum(nil)):
			return changed(path)
		}
		delete(want, rel)
		return nil
	})
	if err == nil && len(want) > 0 {
		err = untrusted(s.dir, "install it again", "%d of its files are gone", len(want))
	}
	if err != nil {
		return pathError(s.dir, err)
	}
	return nil
}
