package icmpraw

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// answer judges one packet that has our id.
func (p *pinger) answer(a *answer) error {
	if !a.reply {
		return p.failure(a)
	}
	if a.from != p.dst.WithZone("") && !p.dst.IsMulticast() || !p.matches(a) {
		p.unmatched++
		return nil
	}
	r, n := p.requested(a)
	switch {
	case r == nil && n == 0:
		p.unmatched++
		return nil
	case r == nil:
		p.late++ // ours, and forgotten: the time is not known any more
		return p.event("late", n, fmt.Sprintf("%d bytes from %s: seq=%d, long after its time", a.length, a.from, n), p.facts(a)...)
	}
	if !p.intact(a, r.n) {
		p.corrupted++
		return p.event("corrupted", r.n, fmt.Sprintf("%d bytes from %s: seq=%d corrupted: %s", a.length, a.from, r.n, p.damage(a, r.n)),
			p.facts(a)...)
	}
	rtt := max(time.Duration(a.at-r.sent), 0)
	name, mark := "reply", ""
	switch {
	case r.state == answered:
		p.duplicates++
		name, mark = "duplicate", " (duplicate)"
	case r.state != pending || rtt > p.timeout:
		p.late++
		name, mark = "late", " (late)"
	}
	if name != "duplicate" {
		p.received++
		p.times.add(rtt)
		p.settle(r, answered)
		p.credit = min(p.credit+1, floodWindow)
	}
	if p.quiet {
		return nil
	}
	text := fmt.Sprintf("%d bytes from %s: seq=%d%s time=%s ms%s", a.length, a.from, r.n, hops(a.ttl), millis(rtt), mark)
	return p.event(name, r.n, text, append(p.facts(a), sdk.Setting{Name: "time", Value: exact(rtt)})...)
}

// requested is the request that a reply with our content answers; nil and its number
// when it is forgotten, nil and 0 when there was none.
func (p *pinger) requested(a *answer) (*request, uint64) {
	if p.counted && len(a.data) >= nonceSize+counterSize {
		n := binary.BigEndian.Uint64(a.data[nonceSize:])
		if n > 0 && n <= p.last && uint16(n) == a.seq {
			return p.numbered(n), n
		}
	}
	return p.find(a.seq), 0
}

func hops(ttl int) string {
	if ttl < 0 {
		return ""
	}
	return " ttl=" + strconv.Itoa(ttl)
}

// failure is an error that came back for a request. A redirect and a source quench
// fail nothing: the request went on.
func (p *pinger) failure(a *answer) error {
	r := p.find(a.seq)
	if r == nil || !p.matches(a) || a.dst.IsValid() && a.dst != p.dst.WithZone("") {
		p.unmatched++
		return nil
	}
	what := p.form.types().describe(a.typ, a.code)
	if word := p.form.types().of(a.typ).word; word == "packet-too-big" || word == "unreachable" && !p.form.ip6() && a.code == 4 {
		what += fmt.Sprintf(", at most %d bytes", mtuOf(p.form, a.info))
	}
	if final := p.form.ip6() || a.typ != 4 && a.typ != 5; final {
		if r.state == pending || r.state == overdue {
			p.errors++
		}
		if r.state != answered {
			p.settle(r, failed)
		}
	}
	return p.event("error", r.n, fmt.Sprintf("from %s: seq=%d %s", a.from, r.n, what),
		append(p.facts(a), sdk.Setting{Name: "error", Value: what})...)
}

// mtuOf is the MTU in an error: a raw packet has it in the header's last two bytes,
// and the error queue in all four.
func mtuOf(f form, info uint32) uint32 {
	if f == raw4 {
		return info & 0xffff
	}
	return info
}

func (p *pinger) facts(a *answer) []sdk.Setting {
	s := []sdk.Setting{{Name: "from", Value: a.from.String()}, {Name: "bytes", Value: strconv.Itoa(a.length)}}
	if a.ttl >= 0 {
		s = append(s, sdk.Setting{Name: "ttl", Value: strconv.Itoa(a.ttl)})
	}
	return s
}

// damage says where a reply differs.
func (p *pinger) damage(a *answer, n uint64) string {
	switch want := len(p.packet) - 8; {
	case len(a.data) != want:
		return fmt.Sprintf("%d bytes of data instead of %d", len(a.data), want)
	case a.badSum:
		return "the checksum is wrong"
	}
	for i, c := range a.data {
		want := p.packet[8+i]
		if p.counted && i >= nonceSize && i < nonceSize+counterSize {
			want = byte(n >> (8 * (nonceSize + counterSize - 1 - i)))
		}
		if c != want {
			return fmt.Sprintf("byte %d is %#02x instead of %#02x", i, c, want)
		}
	}
	return "its number is another's"
}

// event is one row about a request.
func (p *pinger) event(name string, n uint64, text string, facts ...sdk.Setting) error {
	if p.quiet {
		return nil
	}
	fields := append([]sdk.Setting{{Name: "event", Value: name}, {Name: "seq", Value: strconv.FormatUint(n, 10)}}, facts...)
	return p.out(sdk.Row{Text: text, Fields: fields})
}
