package host

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
)

// Bounds of the file of places, and of those that a session adds.
const (
	maxPlaces     = 256
	maxPlacesFile = 1 << 20
)

// keptPlaces reads the file: a line a place, its name and its command as a shell
// would read it. An absent one is empty. One that others can write is refused: it
// names programs that are run.
func (h *Host) keptPlaces() (map[string][]string, error) {
	kept := map[string][]string{}
	if h.cfg.Places == "" {
		return kept, nil
	}
	f, err := os.Open(h.cfg.Places)
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	fail := func(hint, format string, args ...any) (map[string][]string, error) {
		return kept, &socket.Error{Op: "via", Place: h.cfg.Places, Err: socket.Faultf(socket.Failed, format, args...), Hint: hint}
	}
	if err != nil {
		return fail("", "%v", cause(err))
	}
	defer f.Close()
	fi, err := f.Stat()
	switch {
	case err != nil:
		return fail("", "%v", cause(err))
	case !fi.Mode().IsRegular():
		return fail("", "no regular file")
	case fi.Mode().Perm()&0o022 != 0:
		return fail("chmod go-w "+h.cfg.Places, "writable by others")
	}
	if trustOwner(h.cfg.Places, fi) != nil {
		return fail("it must belong to you or to root", "belongs to somebody else")
	}
	s := bufio.NewScanner(io.LimitReader(f, maxPlacesFile))
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		words, err := socket.SplitCommand(line)
		if err == nil {
			err = socket.CheckPlace(words[0], words[1:])
		}
		if err == nil && len(kept) == maxPlaces {
			err = socket.Faultf(socket.Full, "%d places are the most", maxPlaces)
		}
		if err != nil {
			return fail("each line is NAME COMMAND...", "line %d: %v", n, err)
		}
		kept[words[0]] = words[1:]
	}
	if err := s.Err(); err != nil {
		return fail("", "%v", cause(err))
	}
	return kept, nil
}

// keepPlaces writes the file, 0600, whole or not at all.
func (h *Host) keepPlaces(kept map[string][]string) (err error) {
	path := h.cfg.Places
	if path == "" {
		return socket.Faultf(socket.Failed, "there is no file to keep places in")
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".places.*") // 0600
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "# Places of sosh, a line each: NAME COMMAND... as in: via add NAME COMMAND...")
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		fmt.Fprintln(w, name+" "+socket.JoinCommand(kept[name]))
	}
	err = w.Flush()
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
