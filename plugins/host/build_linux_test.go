package host_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/tcp"
)

// A build is this test program with a line behind its end that tells what it is: so
// two of them differ as two builds of a plugin do.
type build struct {
	name, version string
	how           string // fine, or a misbehaviour once it is installed
}

const buildMark = "\nSOSH-BUILD "

// thisBuild is the build that this process runs, ok when it is one.
func thisBuild() (b build, ok bool) {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return b, false
	}
	defer f.Close()
	tail := make([]byte, 64)
	if _, err := f.Seek(-int64(len(tail)), io.SeekEnd); err != nil {
		return b, false
	}
	if _, err := io.ReadFull(f, tail); err != nil {
		return b, false
	}
	_, line, ok := strings.Cut(string(tail), buildMark)
	words := strings.Fields(line)
	if !ok || len(words) != 3 {
		return b, false
	}
	return build{words[0], words[1], words[2]}, true
}

// write makes the build's file anew, with another inode, as a linker does.
func (b build) write(t testing.TB, path string) {
	t.Helper()
	src, err := os.Open("/proc/self/exe")
	must(t, err)
	defer src.Close()
	dst, err := os.CreateTemp(filepath.Dir(path), "build")
	must(t, err)
	_, err = io.Copy(dst, src)
	must(t, err)
	_, err = dst.WriteString(buildMark + b.name + " " + b.version + " " + b.how + "\n")
	must(t, err)
	must(t, dst.Chmod(0o755))
	must(t, dst.Close())
	must(t, os.Rename(dst.Name(), path))
}

func (b build) serve() {
	installed := strings.HasPrefix(filepath.Base(os.Args[0]), "sosh-plugin-")
	switch {
	case b.how == "dies" && installed:
		os.Stderr.WriteString("I am not well\n")
		os.Exit(3)
	case b.how == "renamed" && installed:
		b.name = "somebody"
	case b.how == "held":
		sdk.Serve(sdk.NewDialer(keeping{b}))
		return
	case b.how == "layer":
		sdk.Serve(sdk.NewLayer(passing{b}))
		return
	}
	sdk.Serve(b.protocol())
}

// protocol is tcp under the build's name.
func (b build) protocol() socket.Protocol {
	p := tcp.New()
	return versioned{p, p.(socket.Resolver), p.(socket.Binder), p.(socket.Listener), p.(socket.Connector), p.(socket.Accepter),
		p.(socket.Shutdowner), p.(socket.Optioner), p.(socket.Informer), b}
}

type versioned struct {
	socket.Protocol
	socket.Resolver
	socket.Binder
	socket.Listener
	socket.Connector
	socket.Accepter
	socket.Shutdowner
	socket.Optioner
	socket.Informer
	b build
}

func (v versioned) Describe() socket.Description {
	d := v.Protocol.Describe()
	d.Name, d.Version = v.b.name, v.b.version
	return d
}

// Info tells which build answers, too.
func (v versioned) Info(ctx context.Context, s socket.Lent, names []string) ([]socket.Setting, error) {
	if len(names) == 1 && names[0] == "build" {
		return []socket.Setting{{Name: "build", Value: v.b.version}}, nil
	}
	return v.Informer.Info(ctx, s, names)
}

// keeping is a protocol whose sockets live with it.
type keeping struct{ b build }

func (k keeping) Describe() sdk.Description {
	return sdk.Description{Name: k.b.name, Version: k.b.version, Synopsis: "keep a pipe"}
}

func (keeping) Dial(context.Context, sdk.DialRequest) (net.Conn, error) {
	ours, _ := net.Pipe()
	return ours, nil
}

// passing is a layer that changes nothing.
type passing struct{ b build }

func (p passing) Describe() sdk.Description {
	return sdk.Description{Name: p.b.name, Version: p.b.version, Synopsis: "change nothing", Kind: sdk.Stream}
}

func (passing) Wrap(_ context.Context, below sdk.Below, _ sdk.LayerRequest) (net.Conn, error) {
	return below, nil
}
