package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/capture"
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
)

var recordCmd = &Command{
	Name:     "record",
	Group:    Data,
	Synopsis: "write what a socket sends and receives as packets, for Wireshark",
	Usage:    []string{"record SOCK FILE.pcapng [--secrets FILE]", "record SOCK off"},
	Help: `From now on, and with the input that is unread, all that the socket sends and receives is written to FILE, until record SOCK off or the socket's end. FILE is emptied first. Wireshark and tshark read it at any time.

The headers are synthetic: what is recorded are the bytes that the shell gives to the kernel and takes from it, with the socket's addresses, right sequence numbers and checksums, and a handshake and an end as the protocol would have them. Retransmissions, pauses of the network and true packet sizes are not to be seen: tcpdump shows those. Unix sockets get addresses of 192.0.2.0/24, which nobody has, and a comment that tells the true ones.

Of a socket with layers it records what passes above them: behind tls the plain text, not the bytes of the wire, which only the layer sees. Messages of layers become UDP datagrams, so that they keep their bounds; one beyond 65,507 bytes is cut.

--secrets embeds a TLS key log, as SSLKEYLOGFILE makes programs write it, as far as it is there before the end: for TLS between others that passes a pipe.

What is recorded moves by copying, neither by sendfile nor by splice. When FILE cannot be written the recording ends and says so; the socket goes on.`,
	Args: []Arg{{Name: "SOCK", Kind: Socket}, {Name: "FILE", Kind: File, Words: []string{"off"}}},
	Examples: []Example{{
		Does: "record a conversation, and send its one side again",
		Code: `f=$(mktemp)
open tcp --listen 127.0.0.1:0 -n srv
open tcp 127.0.0.1:$(show srv local.port) -n a; accept srv -n b
record a "$f"
send a 'HELO\r\n'; recv b --lines 1
record a off
open tcp 127.0.0.1:$(show srv local.port) -n again; accept srv -n c
replay "$f" again
recv c --lines 1
rm "$f"`,
		Output: "HELO\nHELO\n",
	}},
	New: func(f *pflag.FlagSet) Run {
		secrets := f.String("secrets", "", "embed the TLS key log `FILE`")
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(2, 2)
			if err != nil {
				return err
			}
			if f.Changed("secrets") && (*secrets == "" || args[1] == "off") {
				return c.usage("--secrets names a key log, for a recording that begins")
			}
			s, err := c.Session.socket("record", args[0])
			if err != nil {
				return err
			}
			if args[1] == "off" {
				if !s.Tap(nil) {
					return &socket.Error{Op: "record", Place: s.Name(), Err: errors.New("it is not recorded")}
				}
				return nil
			}
			return c.record(s, args[1], *secrets)
		}
	},
}

func (c *Call) record(s *table.Socket, path, secrets string) error {
	if f, _ := s.Facts(); f.State == "LISTEN" {
		return &socket.Error{Op: "record", Place: s.Name(), Err: socket.Faultf(socket.Unsupported, "%s listens: nothing passes it", s.Name()),
			Hint: "accept " + s.Name() + " gives a connection, which can be recorded"}
	}
	var keys *os.File
	if secrets != "" {
		var err error
		if keys, err = c.OpenFile(secrets); err != nil {
			return &socket.Error{Op: "record", Place: s.Name() + " --secrets " + secrets, Err: cause(err)}
		}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.Dir, path)
	}
	f, err := c.create("record "+s.Name(), path)
	if err == nil {
		stderr := c.Stderr
		out := &recording{File: f, keys: keys}
		spec := capture.Spec{Name: s.Name(), Ends: func() capture.Ends { return capture.Ends(s.Ends()) },
			Tell: func(err error) {
				fmt.Fprintf(stderr, "record %s %s: %v: the recording ends here, the socket goes on\n", s.Name(), path, cause(err))
			}}
		if keys != nil {
			spec.Secrets = keys
		}
		var r *capture.Recorder
		if r, err = capture.NewRecorder(out, spec); err == nil {
			if !s.Tap(r) {
				return &socket.Error{Op: "record", Place: s.Name(), Err: socket.Faultf(socket.NoSocket, "the socket was closed")}
			}
			return nil
		}
		err = &socket.Error{Op: "record", Place: s.Name() + " " + path, Err: cause(err)}
	}
	if keys != nil && secrets != "-" {
		keys.Close()
	}
	return err
}

// recording is the file of a recording, with the key log that goes with it.
type recording struct {
	*os.File
	keys *os.File
}

func (r *recording) Close() error {
	if r.keys != nil {
		r.keys.Close()
	}
	return r.File.Close()
}
