package host

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of a script and its files.
const (
	maxFiles       = 20000
	maxFilesLength = 256 << 20 // together, in bytes
	maxFirstLine   = 256       // as execve(2) has it
)

// script is a plugin that an interpreter runs: copied, file by file.
type script struct {
	dir         string   // that the files are in
	interpreter []string // with its arguments
	files       []scriptFile
}

// scriptFile is one file of a script.
type scriptFile struct {
	Name   string `json:"name"` // relative, with slashes
	SHA256 string `json:"sha256"`
}

func (s *script) program() program {
	return program{path: s.interpreter[0], args: append(slices.Clone(s.interpreter[1:]), filepath.Join(s.dir, s.files[0].Name))}
}

// digest stands for all files and for what runs them.
func (s *script) digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", s.interpreter)
	for _, f := range s.files {
		fmt.Fprintf(h, "%s  %q\n", f.SHA256, f.Name)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// takeScript copies a script: one file, or a folder in which one file, at its top,
// is executable and begins with #!.
func (h *Host) takeScript(path string) (src source, err error) {
	fi, err := os.Stat(path)
	if err != nil {
		return src, err
	}
	dir, only := filepath.Dir(path), filepath.Base(path)
	if fi.IsDir() {
		dir, only = path, ""
	}
	root, err := os.OpenRoot(dir) // no link leads out of it
	if err != nil {
		return src, err
	}
	defer root.Close()
	to, err := os.MkdirTemp(h.cfg.Dir, ".script-*")
	if err != nil {
		return src, h.noDir(err)
	}
	s := &script{dir: to}
	defer func() {
		if err != nil {
			os.RemoveAll(to)
		}
	}()
	if err = os.Chmod(to, 0o755); err != nil {
		return src, err
	}
	first := only
	if only == "" {
		if first, err = entryOf(root, dir); err != nil {
			return src, err
		}
	}
	if s.interpreter, err = interpreterOf(root, dir, first); err != nil {
		return src, err
	}
	left := int64(maxFilesLength)
	if err = s.copy(root, first, &left); err == nil && only == "" {
		err = s.copyRest(root, first, &left)
	}
	if err != nil {
		return src, err
	}
	slices.SortFunc(s.files[1:], func(a, b scriptFile) int { return strings.Compare(a.Name, b.Name) })
	return source{program: s.program(), digest: s.digest(), script: s}, nil
}

// entryOf finds the file of a folder that is run.
func entryOf(root *os.Root, dir string) (string, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if fi, err := root.Stat(e.Name()); err != nil || !fi.Mode().IsRegular() || fi.Mode().Perm()&0o111 == 0 {
			continue
		}
		if line, err := firstLine(root, e.Name()); err == nil && strings.HasPrefix(line, "#!") {
			found = append(found, e.Name())
		}
	}
	if len(found) != 1 {
		return "", untrusted(dir, "exactly one file at its top must be executable and begin with #!", "%d files could be the script", len(found))
	}
	return found[0], nil
}

func firstLine(root *os.Root, name string) (string, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, maxFirstLine)).ReadString('\n')
	if err == io.EOF {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}

// interpreterOf is what a script's first line names, by the path of the file itself,
// with its arguments: "#!PATH [ARG]", "#!/usr/bin/env NAME" or "#!/usr/bin/env -S NAME ARG...".
func interpreterOf(root *os.Root, dir, name string) ([]string, error) {
	line, err := firstLine(root, name)
	if err != nil {
		return nil, err
	}
	place := filepath.Join(dir, name)
	words := strings.Fields(strings.TrimPrefix(line, "#!"))
	if !strings.HasPrefix(line, "#!") || len(words) == 0 {
		return nil, untrusted(place, "its first line must name what runs it: #!/usr/bin/env node", "no script")
	}
	if filepath.Base(words[0]) == "env" && len(words) > 1 {
		if words = words[1:]; words[0] == "-S" {
			words = words[1:]
		}
		if len(words) == 0 {
			return nil, untrusted(place, "its first line must name what runs it", "no script")
		}
		if words[0], err = exec.LookPath(words[0]); err != nil {
			return nil, untrusted(place, "install what runs it", "%v", err)
		}
	}
	path, err := filepath.EvalSymlinks(words[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, untrusted(place, "install what runs it", "%s, which its first line names: %v", words[0], cause(err))
	}
	words[0] = path
	return words, trustInterpreter(words[0])
}

// trustInterpreter refuses one that somebody else can change. Its digest is not
// recorded: the system's updates replace it.
func trustInterpreter(path string) error {
	f, err := openTrusted(path)
	if err != nil {
		return pathError(path, err)
	}
	f.Close()
	return trustDir(filepath.Dir(path))
}

// copyRest copies every file of the folder but the first.
func (s *script) copyRest(root *os.Root, first string, left *int64) error {
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || name == "." || name == first || d.IsDir():
			return err
		case len(s.files) == maxFiles:
			return untrusted(root.Name(), "a folder of its own keeps it small", "more than %d files", maxFiles)
		}
		return s.copy(root, name, left)
	})
}

// copy copies one file and notes its digest.
func (s *script) copy(root *os.Root, name string, left *int64) error {
	place := filepath.Join(root.Name(), name)
	fi, err := root.Stat(name)
	if err != nil {
		return untrusted(place, "what a script needs must be in its folder", "%v", cause(err))
	}
	if !fi.Mode().IsRegular() {
		return untrusted(place, "a script is made of files and folders", "no regular file")
	}
	in, err := root.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	to := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if fi.Mode().Perm()&0o111 != 0 {
		mode = 0o755
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, h), io.LimitReader(in, *left+1))
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if *left -= n; err == nil && *left < 0 {
		err = untrusted(root.Name(), "a folder of its own keeps it small", "more than %d MiB", maxFilesLength>>20)
	}
	s.files = append(s.files, scriptFile{Name: filepath.ToSlash(name), SHA256: hex.EncodeToString(h.Sum(nil))})
	return err
}

// scriptDir is where a script's files are. An earlier build's may be in use while a
// later one is placed, so it bears the digest.
func (h *Host) scriptDir(name, digest string) string {
	return h.pluginFile(name) + ".d-" + digest[:min(len(digest), 16)]
}

func (h *Host) putScript(name string, src source) error {
	to := h.scriptDir(name, src.digest)
	if err := os.RemoveAll(to); err != nil { // the same files, perhaps harmed
		return err
	}
	return os.Rename(src.script.dir, to)
}

// tidy removes what no longer belongs to a plugin: the files of its scripts but those
// of the given entries, and its program where the first of them is a script.
func (h *Host) tidy(name string, keep ...lockEntry) error {
	entries, err := os.ReadDir(h.cfg.Dir)
	if err != nil {
		return err
	}
	for _, d := range entries {
		path := filepath.Join(h.cfg.Dir, d.Name())
		kept := func(e lockEntry) bool { return len(e.Files) > 0 && h.scriptDir(name, e.SHA256) == path }
		if strings.HasPrefix(path, h.pluginFile(name)+".d-") && !slices.ContainsFunc(keep, kept) {
			err = os.RemoveAll(path)
		}
	}
	if len(keep) > 0 && len(keep[0].Files) > 0 {
		if rerr := os.Remove(h.pluginFile(name)); rerr != nil && !os.IsNotExist(rerr) {
			err = rerr
		}
	}
	return err
}

// verifiedScript is an installed script, every file compared with the record. Between
// that and the interpreter's reading only the user and root could change one.
func (h *Host) verifiedScript(name string, e lockEntry) (program, error) {
	s := &script{dir: h.scriptDir(name, e.SHA256), interpreter: e.Interpreter, files: e.Files}
	if s.digest() != e.SHA256 {
		return program{}, changed(s.dir)
	}
	if err := trustInterpreter(e.Interpreter[0]); err != nil {
		return program{}, err
	}
	if err := trustDir(s.dir); err != nil {
		return program{}, err
	}
	want := map[string]string{}
	for _, f := range e.Files {
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
		if want[rel] != hex.EncodeToString(h.Sum(nil)) {
			return changed(path)
		}
		delete(want, rel)
		return nil
	})
	if err == nil && len(want) > 0 {
		err = untrusted(s.dir, "install it again", "%d of its files are gone", len(want))
	}
	if err != nil {
		return program{}, pathError(s.dir, err)
	}
	prog := s.program()
	prog.desc = &e.Description
	return prog, nil
}
