package capture

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// Stream is a conversation of two ends in a file.
type Stream struct {
	Ordered        bool   // bytes in order, not datagrams
	Protocol       string // tcp, udp, icmp, icmpv6, or ip and its number
	Client, Server netip.AddrPort
	Begin          time.Time
	// FromClient and FromServer are payload in bytes, what was sent again included.
	FromClient, FromServer int64
	// Packets with payload, and datagrams, of either.
	ClientPackets, ServerPackets int
	// Recorded is the side that the recording socket was, ClientSide or ServerSide;
	// 0 where the file does not tell.
	Recorded Side
}

// Side is one end of a stream.
type Side int

// The sides. The client is who began, as far as the file shows.
const (
	ClientSide Side = 1 + iota
	ServerSide
)

// maxStreams bounds the streams of a file.
const maxStreams = 1 << 16

// tracker tells which stream a piece belongs to. Two trackers of one file agree.
type tracker struct {
	byEnds  map[ends]int
	streams []tracked
}

type ends struct {
	proto byte
	a, b  netip.AddrPort
}

type tracked struct {
	Stream
	isn   [2]uint32 // of a SYN, by side
	begun [2]bool   // it has been seen
	over  bool
}

// find returns the place of a piece's stream and who sent the piece.
func (t *tracker) find(p *piece, at time.Time) (int, Side, error) {
	k := ends{p.proto, p.from, p.to}
	if k.b.Compare(k.a) < 0 {
		k.a, k.b = k.b, k.a
	}
	i, ok := t.byEnds[k]
	syn := p.proto == protoTCP && p.flags&(tcpSYN|tcpACK) == tcpSYN
	if ok && syn {
		s := &t.streams[i]
		w := s.side(p.from) - 1
		same := s.begun[w] && s.isn[w] == p.seq
		if !same && (s.over || s.begun[w] || s.ClientPackets+s.ServerPackets > 0) {
			ok = false // the ends are used again
		}
	}
	if !ok {
		if len(t.streams) == maxStreams {
			return 0, 0, socket.Faultf(socket.Full, "more than %d streams", maxStreams)
		}
		i = len(t.streams)
		s := tracked{Stream: Stream{Protocol: protocolName(p.proto), Ordered: p.proto == protoTCP, Client: p.from, Server: p.to, Begin: at}}
		if p.proto == protoTCP && p.flags&(tcpSYN|tcpACK) == tcpSYN|tcpACK {
			s.Client, s.Server = p.to, p.from
		}
		t.streams = append(t.streams, s)
		if t.byEnds == nil {
			t.byEnds = map[ends]int{}
		}
		t.byEnds[k] = i
	}
	s := &t.streams[i]
	side := s.side(p.from)
	if p.proto == protoTCP {
		if p.flags&tcpSYN != 0 {
			s.isn[side-1], s.begun[side-1] = p.seq, true
		}
		s.over = s.over || p.flags&(tcpFIN|tcpRST) != 0
	}
	if n := len(p.payload) + p.missing; n > 0 || p.proto != protoTCP {
		if side == ClientSide {
			s.FromClient += int64(n)
			s.ClientPackets++
		} else {
			s.FromServer += int64(n)
			s.ServerPackets++
		}
	}
	return i, side, nil
}

func (s *Stream) side(from netip.AddrPort) Side {
	if from == s.Client {
		return ClientSide
	}
	return ServerSide
}

func protocolName(n byte) string {
	switch n {
	case protoTCP:
		return "tcp"
	case protoUDP:
		return "udp"
	case 1:
		return "icmp"
	case 58:
		return "icmpv6"
	}
	return fmt.Sprintf("ip %d", n)
}

// pieces calls f for every piece of a file, with its stream.
func pieces(r io.Reader, f func(t *tracker, stream int, side Side, p *piece, pk *Packet) error) error {
	k, err := NewReader(r)
	if err != nil {
		return err
	}
	var t tracker
	strange, found := uint32(0), false
	for {
		pk, err := k.Next()
		if err == io.EOF {
			if !found && strange != 0 {
				return malformed("packets of link layer %d, which is not known here", strange)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if !known(pk.Link) {
			strange = pk.Link
			continue
		}
		found = true
		p, ok := decode(pk.Link, pk.Data)
		if !ok {
			continue
		}
		if pk.Link == linkRaw && pk.Missing > 0 { // a message that was too long for a packet
			p.missing = int(pk.Missing)
		}
		i, side, err := t.find(&p, pk.Time)
		if err != nil {
			return err
		}
		if err := f(&t, i, side, &p, &pk); err != nil {
			return err
		}
	}
}

// List returns the streams of a file, in the order of their first packet. Its memory
// is bounded by their number.
func List(r io.Reader) ([]Stream, error) {
	var last *tracker
	err := pieces(r, func(t *tracker, i int, side Side, p *piece, pk *Packet) error {
		last = t
		switch {
		case pk.Out:
			t.streams[i].Recorded = side
		case pk.In:
			t.streams[i].Recorded = ClientSide + ServerSide - side
		}
		return nil
	})
	if err != nil || last == nil {
		return nil, err
	}
	out := make([]Stream, len(last.streams))
	for i := range out {
		out[i] = last.streams[i].Stream
	}
	return out, nil
}
