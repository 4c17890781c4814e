package icmpraw

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// finish prints the summary. No reply at all is an error.
func (p *pinger) finish() error {
	elapsed := time.Since(p.start)
	lost := 0.0
	if p.last > 0 {
		lost = 100 * float64(p.last-min(p.received, p.last)) / float64(p.last)
	}
	fields := []sdk.Setting{{Name: "event", Value: "summary"}, {Name: "host", Value: p.host}, {Name: "address", Value: p.dst.String()}}
	number := func(name string, n uint64) {
		fields = append(fields, sdk.Setting{Name: name, Value: strconv.FormatUint(n, 10)})
	}
	number("sent", p.last)
	number("received", p.received)
	fields = append(fields, sdk.Setting{Name: "lost", Value: strconv.FormatFloat(lost, 'f', -1, 64)})
	text := fmt.Sprintf("%d sent, %d received, %s %% lost", p.last, p.received, percent(lost))
	for _, c := range []struct {
		name, word string
		n          uint64
	}{
		{"duplicates", "duplicates", p.duplicates}, {"late", "late", p.late}, {"corrupted", "corrupted", p.corrupted},
		{"errors", "errors", p.errors}, {"unmatched", "that did not match", p.unmatched},
	} {
		number(c.name, c.n)
		if c.n > 0 {
			text += fmt.Sprintf(", %d %s", c.n, c.word)
		}
	}
	time := func(name string, d time.Duration) {
		fields = append(fields, sdk.Setting{Name: name, Value: exact(d)})
	}
	time("elapsed", elapsed)
	if t := &p.times; t.n > 0 {
		text += fmt.Sprintf("; min/avg/max/mdev %s/%s/%s/%s ms", millis(t.min), millis(t.avg()), millis(t.max), millis(t.mdev()))
		time("min", t.min)
		time("avg", t.avg())
		time("max", t.max)
		time("mdev", t.mdev())
		time("median", t.quantile(0.5))
		time("p99", t.quantile(0.99))
	}
	if err := p.out(sdk.Row{Text: text, Fields: fields}); err != nil {
		return err
	}
	if h := p.times.histogram(p.width); h != "" {
		if err := p.out(sdk.Row{Text: h}); err != nil {
			return err
		}
	}
	if p.received == 0 {
		return errors.New("no reply") // the task was done: no timeout of a step
	}
	return nil
}

func percent(f float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
}
