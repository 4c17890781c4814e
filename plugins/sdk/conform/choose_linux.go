package conform

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// checks are those of the promises that a protocol of this sort may make, in order.
func (s *subject) checks() []check {
	switch {
	case s.desc.Layer:
		return slices.Concat(describing, layering, paired)
	case s.carried && s.kind.Messages():
		return slices.Concat(describing, uncarried)
	}
	all := slices.Concat(describing, opening)
	switch s.desc.Address {
	case socket.HostPort:
		all = slices.Concat(all, resolving, ports)
		if s.kind == socket.Stream {
			all = slices.Concat(all, waiting)
		}
	case socket.PathForm:
		all = slices.Concat(all, paths)
	}
	if s.desc.Address == socket.HostPort || s.desc.Address == socket.PathForm {
		switch s.kind {
		case socket.Stream:
			all = slices.Concat(all, connections, bytesAndEnds)
		case socket.Seqpacket:
			all = slices.Concat(all, connections, packets)
		case socket.Datagram:
			all = slices.Concat(all, datagrams)
		}
	}
	return slices.Concat(all, options, lacking)
}

// lacks says why a check does not apply, "" where it does.
func (s *subject) lacks(c check) string {
	if s.noPair != "" && slices.ContainsFunc(paired[s.firstPaired():], func(p check) bool { return p.promise == c.promise }) {
		return s.noPair
	}
	for _, n := range c.needs {
		if !s.desc.Can(n) {
			return fmt.Sprintf("%s has no %s", s.desc.Name, n)
		}
	}
	return ""
}

// firstPaired is the first check that is of no use where noPair is set: where the layer
// should have a far end and has none, one check tells.
func (s *subject) firstPaired() int {
	if s.Alone {
		return 0
	}
	return 1
}

// probe puts a layer on once, which starts its plugin, and finds out what the checks
// have to know: whether it can talk to itself, and whether it has an end of its own.
func (s *subject) probe(t *trial) {
	s.noPair = "it is checked alone"
	if s.Alone {
		return
	}
	s.noPair = "it could not be put on both ends of a connection"
	c, k := s.ends(t)
	s.noPair = ""
	s.ownEnd = s.OwnEnd
	if !s.ownEnd {
		must(t, unix.Shutdown(k.fd, unix.SHUT_WR))
		_, err := c.readAll()
		s.ownEnd = errors.Is(err, socket.Truncated)
	}
	c.close()
	k.close()
}

// uncarried is the promise of those whose sockets a stream cannot carry.
var uncarried = []check{
	{"Open says that messages cannot be carried", nil, func(t *trial, s *subject) {
		if h, err := s.Open(t.Context(), s.request()); !errors.Is(err, socket.Unsupported) {
			t.Errorf("fd %d, %v", h.FD, err)
		}
	}},
}

func (s *subject) largest() int {
	if s.Largest == 0 {
		return 1 << 20
	}
	return s.Largest
}

// message is n bytes that a layer carries unchanged.
func (s *subject) message(n int) []byte {
	if s.Message != nil {
		return s.Message(n)
	}
	p := make([]byte, n)
	rand.Read(p)
	if s.Text {
		for i := range p {
			p[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[p[i]%36]
		}
	}
	return p
}
