package host

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Bounds of a script and its files.
const (
	maxFiles       = 20000
	maxFilesLength = 256 << 20 // together, in bytes
	maxFirstLine   = 256       // as execve(2) has it
)

// scriptTemp begins the name of a script's folder that is being copied.
const scriptTemp = ".script-"

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
	to, err := os.MkdirTemp(h.cfg.Dir, scriptTemp+"*")
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
	if err = s.interpretedBy(root, dir, first); err != nil {
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
		return "", untrusted(dir, "exactly one file at its top must be executable and begin with #!; a program is named itself", "%d files could be the script", len(found))
	}
	return found[0], nil
}

func firstLine(root *os.Root, name string) (string, error) {
	f, _, err := openRegular(root, name)
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

// openRegular opens a file within the folder. It waits for nobody, as a FIFO would.
func openRegular(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	place := filepath.Join(root.Name(), name)
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, untrusted(place, "what a script needs must be in its folder", "%v", cause(err))
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = untrusted(place, "a script is made of files and folders", "no regular file")
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, fi, nil
}

// interpretedBy notes what the first line names: "#!PATH [ARG]...", "#!/usr/bin/env NAME"
// or "#!/usr/bin/env -S NAME ARG...".
func (s *script) interpretedBy(root *os.Root, dir, name string) error {
	line, err := firstLine(root, name)
	if err != nil {
		return err
	}
	place := filepath.Join(dir, name)
	words := strings.Fields(strings.TrimPrefix(line, "#!"))
	if !strings.HasPrefix(line, "#!") || len(words) == 0 {
		return untrusted(place, "its first line must name what runs it: #!/usr/bin/env node", "no script")
	}
	if filepath.Base(words[0]) == "env" && len(words) > 1 {
		if words = words[1:]; words[0] == "-S" {
			words = words[1:]
		}
		if len(words) == 0 {
			return untrusted(place, "its first line must name what runs it", "no script")
		}
		if words[0], err = exec.LookPath(words[0]); err != nil {
			return untrusted(place, "install what runs it", "%v", err)
		}
	}
	named := words[0]
	if s.called, err = filepath.Abs(words[0]); err == nil {
		words[0], err = filepath.EvalSymlinks(s.called)
	}
	if err == nil {
		s.called, err = linkItself(s.called)
	}
	if err != nil {
		return untrusted(place, "install what runs it", "%s, which its first line names: %v", named, cause(err))
	}
	s.interpreter = words
	return s.trustInterpreter()
}

// linkItself is the path without the links in its folder: its last element may be one.
func linkItself(path string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(dir, filepath.Base(path)), err
}

// trustInterpreter refuses one that somebody else can change. Its digest is not
// recorded: the system's updates replace it. What it is called tells some what to be
// (busybox), and some where their modules are (a virtual environment's python).
func (s *script) trustInterpreter() error {
	f, err := openTrusted(s.interpreter[0])
	if err != nil {
		return pathError(s.interpreter[0], err)
	}
	f.Close()
	if err := trustDir(filepath.Dir(s.called)); err != nil {
		return err
	}
	return trustDir(filepath.Dir(s.interpreter[0]))
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
	in, fi, err := openRegular(root, name)
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
