package conform

import (
	"bytes"
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
		first := s.firstPaired
		add("", paired[:first]) // that tell why the rest do not apply
		add(s.noPair, paired[first:], stressed)
		if s.Alone {
			add("", s.fields())
		} else {
			add(s.noPair, s.fields())
		}
	default:
		add("", opening[:1])
		add(s.noSocket, opening[1:], calling)
		add("", s.resolving())
		s.planTraffic(add)
		add(s.noSocket, options, s.fields(), lacking)
	}
	if s.desc.Can(socket.CallRun) {
		add("", commands)
	}
	return out
}

// fields are promises of messages with fields, of who has them.
func (s *subject) fields() []check {
	if s.desc.Can(socket.CallEncode) || s.desc.Can(socket.CallDecode) {
		return fields
	}
	return nil
}

// resolving are the promises of the form of the addresses. What one means that is held
// only its plugin knows.
func (s *subject) resolving() []check {
	if s.desc.Held {
		return addresses
	}
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
	own := s.freeKnown()
	if own {
		kernels := s.noSocket
		if s.desc.Held {
			kernels = cmp.Or(kernels, "its sockets are not the kernel's")
		}
		switch s.desc.Address {
		case socket.HostPort:
			add(kernels, ports)
			if s.kind == socket.Stream {
				add(kernels, waiting)
			}
		case socket.PathForm:
			add(kernels, files)
		}
		switch s.kind {
		case socket.Stream:
			add(s.noSocket, connections)
			add(cmp.Or(s.noSocket, s.noPair), bytesAndEnds)
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
	add(s.noSocket, closing)
}

// freeKnown reports whether it is known which addresses are free: any word is, where
// the sockets live with the plugin.
func (s *subject) freeKnown() bool {
	switch s.desc.Address {
	case socket.HostPort, socket.PathForm:
		return true
	case socket.TextForm:
		return s.desc.Held
	}
	return false
}

// probeHeld finds out whether what is sent arrives as it is: one that is its own may
// change it.
func (s *subject) probeHeld(t *trial) {
	c, k := s.pair(t)
	for _, ends := range [][2]*sock{{c, k}, {k, c}} {
		m := s.message(2000)
		must(t, ends[0].write(m))
		if got, err := ends[1].read(len(m)); err != nil || !bytes.Equal(got, m) {
			s.noPair = "what is sent does not arrive as it is: say which characters it leaves"
		}
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
	s.noPair, s.firstPaired = "it could not be put on both ends of a connection", 1
	c, k := s.ends(t)
	s.noPair, s.firstPaired = "what is sent at one end does not arrive at the other: does it carry text only, or has it to be checked alone?", 2
	for _, ends := range [][2]*wrapped{{c, k}, {k, c}} {
		m := s.message(min(2000, s.largest()))
		must(t, ends[0].write(m))
		if got, err := ends[1].read(len(m)); err != nil || !bytes.Equal(got, m) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
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

func (s *subject) largest() int {
	if s.Largest == 0 {
		return 1 << 20
	}
	return s.Largest
}

// message is n bytes that are carried unchanged.
func (s *subject) message(n int) []byte {
	if s.Message != nil {
		return s.Message(n)
	}
	p := make([]byte, n)
	rand.Read(p)
	if s.Text {
		for i := range p {
			p[i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[p[i]%36]
		}
	}
	return p
}
