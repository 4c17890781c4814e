package host

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/sosh-shell/sosh/core/socket"
)

// executable is a program that can be carried to a place.
type executable struct {
	path    string // where it is here, in case that the place has the same files; or ""
	name    string // what it is called where it is carried to
	digest  string // SHA-256, in hex
	size    int64
	version string // what one that will do as well prints for --version; or ""
}

// digestLength is how much of the digest the name has: enough to tell builds apart.
const digestLength = 16

// own keeps what is known of this program: it does not change while it runs.
type own struct {
	once sync.Once
	exe  executable
	err  error
}

// carriedOwn is this program, opened, to be run elsewhere with these arguments.
func (h *Host) carriedOwn(args []string) (program, error) {
	path := h.cfg.Executable
	if path == "" { // a system whose files cannot be named so
		path, _ = os.Executable()
	}
	f, err := os.Open(path)
	if err != nil {
		return program{}, pathError(path, err)
	}
	h.own.once.Do(func() {
		h.own.exe, h.own.err = examine(f)
		if len(strings.Fields(h.cfg.Version)) > 1 {
			h.own.exe.name = strings.Fields(h.cfg.Version)[1] + "-"
		}
		h.own.exe.name = "sosh-" + h.own.exe.name + h.own.exe.digest[:min(digestLength, len(h.own.exe.digest))]
		h.own.exe.version = h.cfg.Version
		h.own.exe.path = path
		if real, err := os.Executable(); err == nil && path == defaultExecutable {
			h.own.exe.path = real // the other name means another program there
		}
	})
	if h.own.err != nil {
		f.Close()
		return program{}, pathError(path, h.own.err)
	}
	return program{args: args, file: f, cargo: &h.own.exe}, nil
}

// carriedInstalled is an installed plugin, verified, to be run elsewhere.
func (h *Host) carriedInstalled(name string) (program, error) {
	prog, err := h.verified(name)
	if err != nil {
		return program{}, err
	}
	if prog.file == nil {
		return program{}, pluginError(name, "only programs can be carried elsewhere", "is a script")
	}
	exe, err := examine(prog.file)
	if err != nil {
		prog.close()
		return program{}, pathError(h.pluginFile(name), err)
	}
	exe.name = "sosh-plugin-" + name + "-" + exe.digest[:digestLength]
	prog.cargo = &exe
	return prog, nil
}

// examine measures an executable.
func examine(f *os.File) (executable, error) {
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(f, 0, 1<<62))
	return executable{digest: hex.EncodeToString(sum.Sum(nil)), size: n}, err
}

// pluginElsewhere returns the plugin of PROTOCOL@PLACE, which need not run.
func (h *Host) pluginElsewhere(word string) (*plugin, error) {
	name, at, _ := socket.CutPlace(word)
	command, err := h.leadsTo(at)
	if err != nil {
		return nil, err
	}
	here, err := h.plugin(name)
	if err != nil {
		return nil, err
	}
	if here.desc.Load().Layer {
		return nil, &socket.Error{Op: "wrap", Place: word, Err: socket.Faultf(socket.Usage, "a layer is not elsewhere: it works on the bytes here"),
			Hint: "wrap SOCK " + name + " does it, also on a socket that is at a place"}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch p, ok := h.plugins[word]; {
	case h.closed:
		return nil, errClosed
	case ok:
		return p, nil
	}
	p := &plugin{h: h, name: word, path: socket.JoinCommand(command), log: newRing(word, h.logSink), all: map[*process]bool{},
		at: &place{name: at, command: command}}
	p.desc.Store(placed(here.desc.Load(), at))
	find := func() (program, error) { return h.carriedInstalled(name) }
	if _, bundled := h.cfg.Bundled[name]; bundled {
		args := append(append([]string{}, h.cfg.Args...), name, "--stdio")
		find = func() (program, error) { return h.carriedOwn(args) }
	}
	p.find = func() (program, error) {
		prog, err := find()
		if prog.desc == nil {
			prog.desc = here.desc.Load()
		}
		prog.desc = placed(prog.desc, at)
		return prog, err
	}
	h.plugins[word] = p
	return p, nil
}

// placed is a description of what runs at a place.
func placed(d *socket.Description, at string) *socket.Description {
	there := *d
	there.Place = at
	return &there
}
