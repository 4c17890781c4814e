package capture

import (
	"bytes"
	"errors"
	"io"
)

// Secrets gives a file of TLS secrets as it is by then: an *os.File.
type Secrets interface {
	ReadAt(p []byte, off int64) (int, error)
}

// maxSecrets is the room for secrets in bytes: some 70 connections of TLS 1.3.
const maxSecrets = 64 << 10

// keys copies secrets to the place that is reserved for them before the first packet.
// They come into being in the middle of a handshake, and a reader that takes one
// packet after the other needs them before it.
type keys struct {
	from Secrets
	at   int64 // of the block in the file
	have int   // bytes of it that are used, whole lines
}

// secretsHeader is what stands in the block before the secrets: type, length, type of
// the secrets, their length.
const secretsHeader = 16

// empty is the room, filled with comments as a key log may have them.
func (k *keys) empty() []byte {
	line := "#" + string(bytes.Repeat([]byte{' '}, 62)) + "\n"
	return bytes.Repeat([]byte(line), maxSecrets/len(line))
}

// embed copies the lines that are new. What has no room is left out.
func (k *keys) embed(f File) error {
	if k == nil {
		return nil
	}
	var p [4096]byte
	for k.have < maxSecrets {
		n, err := k.from.ReadAt(p[:min(len(p), maxSecrets-k.have)], int64(k.have))
		if err != nil && !errors.Is(err, io.EOF) {
			return nil // a key log that cannot be read is no reason to lose the packets
		}
		n = bytes.LastIndexByte(p[:n], '\n') + 1
		if n == 0 {
			return nil
		}
		at := k.at + secretsHeader + int64(k.have)
		k.have += n
		// What is left of the comment that stood there must stay one.
		fill := bytes.Repeat([]byte{' '}, (64-k.have%64)%64)
		if len(fill) > 0 {
			fill[0] = '#'
			fill[len(fill)-1] = '\n'
		}
		if _, err := f.WriteAt(append(p[:n:n], fill...), at); err != nil {
			return err
		}
	}
	return nil
}
