package conform

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/core/socket"
)

// plan is the promises that a protocol of this sort may make, in order.
func (s *subject) plan() []Promise {
	var out []Promise
	add := func(lacks string, lists ...[]check) {
		for _, c := range slices.Concat(lists...) {
			out = append(out, Promise{Text: c.promise, Lacks: cmp.Or(s.without(c), lacks), run: c.run})
		}
	}
	add("", describing)
	switch {
	case s.desc.Layer:
		add("", layering)
		if s.noPair != "" && !s.Alone {
			add("", paired[:1]) // that tells why
			add(s.noPair, paired[1:])
		} else {
			add(s.noPair, paired)
		}
		if s.Alone {
			add("", fields)
		} else {
			add(s.noPair, fields)
		}
	case s.carried && s.kind.Messages():
		add("", uncarried)
	default:
		add("", opening[:1])
		add(s.noSocket, opening[1:], calling)
		add("", s.resolving())
		s.planTraffic(add)
		add(s.noSocket, options, fields, lacking)
	}
	add("", commands)
	return out
}

// resolving are the promises of the form of the addresses.
func (s *subject) resolving() []check {
	switch s.desc.Address {
	case socket.HostPort:
		return slices.Concat(hostPorts, addresses)
	case socket.HostOnly:
		return slices.Concat(hosts, addresses)
	case socket.PathForm:
		return slices.Concat(paths, addresses)
	}
	return addresses
}

// planTraffic adds what needs an address to bind or connect to.
func (s *subject) planTraffic(add func(string, ...[]check)) {
	own := s.desc.Address == socket.HostPort || s.desc.Address == socket.PathForm // where free addresses are known
	if own {
		switch s.desc.Address {
		case socket.HostPort:
			add(s.noSocket, ports)
			if s.kind == socket.Stream {
				add(s.noSocket, waiting)
			}
		case socket.PathForm:
			add(s.noSocket, files)
		}
		switch s.kind {
		case socket.Stream:
			add(s.noSocket, connections, bytesAndEnds)
		case socket.Seqpacket:
			add(s.noSocket, connections, packets)
		case socket.Datagram:
			add(s.noSocket, datagrams)
		}
	}
	switch {
	case s.Address != "" && s.Echo:
		add(s.noSocket, reaching, echoing)
	case s.Address != "":
		add(s.noSocket, reaching)
		add("it is not said that the peer sends back what it gets", echoing)
	case !own || !s.desc.Can(socket.CallListen) && s.kind != socket.Datagram:
		add("no address of a peer was given", reaching, echoing)
	}
}

// without says which call of those that a check needs the protocol lacks, "" for none.
func (s *subject) without(c check) string {
	for _, n := range c.needs {
		if !s.desc.Can(n) {
			return fmt.Sprintf("%s has no %s", s.desc.Name, n)
		}
	}
	return ""
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
