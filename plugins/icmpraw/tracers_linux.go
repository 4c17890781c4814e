package icmpraw

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// echoTracer probes with echo requests; the number is the seq.
type echoTracer struct {
	*prober
	ttl int
}

func (t *echoTracer) descriptor() int { return t.fd }

func (t *echoTracer) probe(n, ttl int) (at int64, err error) {
	if ttl != t.ttl {
		if err := t.setTTL(ttl); err != nil {
			return 0, err
		}
		t.ttl = ttl
	}
	if at, err = t.send(uint64(n)); err != nil && t.form.ping() {
		at, err = t.send(uint64(n)) // the first told of an error that came back before
	}
	return at, err
}

func (t *echoTracer) outcome(a *answer) (n int, reached bool, err error) {
	for range drainMost {
		ok, err := t.receive(a)
		if t.form.ping() && !ok {
			ok, err = t.receiveError(a) // what receive said is in the queue
		}
		if err != nil || !ok {
			return 0, false, err
		}
		dst := t.dst.WithZone("")
		if !t.matches(a) || a.reply && a.from != dst || !a.reply && a.dst.IsValid() && a.dst != dst {
			continue
		}
		return int(a.seq), a.reply, nil
	}
	return 0, false, nil
}

// udpTracer probes with datagrams, each to a port of its own, and reads the errors
// that the kernel queues: that needs no right. The host itself says that nobody
// listens on the port.
type udpTracer struct {
	link
	p    probing
	base uint16
	ttl  int
	data []byte
}

func openUDP(p probing, base uint16) (*udpTracer, error) {
	domain := unix.AF_INET
	if p.dst.Is6() {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	t := &udpTracer{p: p, base: base, data: make([]byte, max(p.size, 1))}
	if err := t.open(fd, p.dst, 0, 2048, 1); err != nil {
		return nil, err
	}
	if err := t.setUp(p, false); err != nil {
		t.close()
		return nil, err
	}
	if err := t.queueErrors(); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *udpTracer) descriptor() int { return t.fd }

func (t *udpTracer) port(n int) uint16 { return t.base + uint16(n-1) }

func (t *udpTracer) probe(n, ttl int) (at int64, err error) {
	if ttl != t.ttl {
		if err := t.setTTL(ttl); err != nil {
			return 0, err
		}
		t.ttl = ttl
	}
	port := t.port(n)
	t.to[2], t.to[3] = byte(port>>8), byte(port)
	for range 3 { // a call may tell of an error that came back before
		at = time.Now().UnixNano()
		if err = t.sendTo(t.data); err == nil {
			break
		}
	}
	return at, err
}

func (t *udpTracer) outcome(a *answer) (n int, reached bool, err error) {
	dst := t.p.dst.WithZone("")
	for range drainMost {
		b, err := t.read(a)
		if err == nil && b != nil {
			n := int(t.senderPort()) - int(t.base) + 1
			if a.reply = true; n < 1 || a.from != dst {
				continue
			}
			return n, true, nil // somebody listens there, and has answered
		}
		// An error of read is one that has come back: it is in the queue.
		_, e, err := t.readError(a)
		if err != nil || e == nil {
			return 0, false, err
		}
		n := int(t.senderPort()) - int(t.base) + 1
		if n < 1 || a.dst != dst || e.Origin != unix.SO_EE_ORIGIN_ICMP && e.Origin != unix.SO_EE_ORIGIN_ICMP6 {
			continue
		}
		a.reply, a.typ, a.code, a.info = false, e.Type, e.Code, e.Info
		port := e.Type == 3 && e.Code == 3
		if t.ip6 {
			port = e.Type == 1 && e.Code == 4
		}
		return n, port && a.from == dst, nil
	}
	return 0, false, nil
}
