package icmpraw

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// rows are a hop's: one for each address that answered, in the order of the probes.
func (t *trace) rows(hop []hopProbe) []sdk.Row {
	var order []netip.Addr
	silent := 0
	for _, p := range hop {
		switch {
		case !p.from.IsValid():
			silent++
		case !slices.Contains(order, p.from):
			order = append(order, p.from)
			t.names.ask(p.from)
		}
	}
	number := fmt.Sprintf("%2d", hop[0].hop)
	if len(order) == 0 {
		text := number + strings.Repeat("  *", silent)
		r := sdk.Row{Fields: []sdk.Setting{{Name: "hop", Value: strconv.Itoa(hop[0].hop)},
			{Name: "sent", Value: strconv.Itoa(len(hop))}, {Name: "received", Value: "0"}}}
		if f := hop[0].failure; f != "" {
			text += "  cannot send: " + f
			r.Fields = append(r.Fields, sdk.Setting{Name: "error", Value: f})
		}
		r.Text = text
		return []sdk.Row{r}
	}
	var rows []sdk.Row
	for i, from := range order {
		r := t.row(hop, from)
		if r.Text = number + "  " + r.Text; i == 0 {
			r.Text += strings.Repeat("  *", silent)
		}
		rows = append(rows, r)
		number = "  "
	}
	return rows
}

// row is what one address answered.
func (t *trace) row(hop []hopProbe, from netip.Addr) sdk.Row {
	var all times
	var list []string
	name := t.names.of(from, t.stopper)
	text := from.String()
	if name != "" {
		text += " (" + name + ")"
	}
	failure, reached := "", false
	for _, p := range hop {
		if p.from != from {
			continue
		}
		all.add(p.rtt)
		list = append(list, exact(p.rtt))
		text += "  " + millis(p.rtt) + " ms"
		if p.mark != "" {
			text += " " + p.mark
			failure = p.failure
		}
		reached = reached || p.reached
	}
	fields := []sdk.Setting{{Name: "hop", Value: strconv.Itoa(hop[0].hop)}, {Name: "from", Value: from.String()}}
	add := func(name, value string) { fields = append(fields, sdk.Setting{Name: name, Value: value}) }
	if name != "" {
		add("name", name)
	}
	add("sent", strconv.Itoa(len(hop)))
	add("received", strconv.FormatUint(all.n, 10))
	add("min", exact(all.min))
	add("avg", exact(all.avg()))
	add("max", exact(all.max))
	add("times", strings.Join(list, " "))
	if failure != "" {
		add("error", failure)
	}
	add("reached", map[bool]string{false: "off", true: "on"}[reached])
	return sdk.Row{Text: text, Fields: fields}
}

// nameWait is how long a row waits for a name.
const nameWait = time.Second

// names asks the resolver for names, of each address once.
type names struct {
	numeric bool
	ctx     context.Context
	cancel  context.CancelFunc
	asked   map[netip.Addr]chan string
	work    sync.WaitGroup
}

func newNames(ctx context.Context, numeric bool) *names {
	ctx, cancel := context.WithCancel(ctx)
	return &names{numeric: numeric, ctx: ctx, cancel: cancel, asked: map[netip.Addr]chan string{}}
}

func (n *names) close() {
	n.cancel()
	n.work.Wait()
}

func (n *names) ask(ip netip.Addr) {
	if n.numeric || n.asked[ip] != nil {
		return
	}
	c := make(chan string, 1)
	n.asked[ip] = c
	n.work.Go(func() {
		ctx, cancel := context.WithTimeout(n.ctx, nameWait)
		defer cancel()
		found, err := net.DefaultResolver.LookupAddr(ctx, ip.String())
		if err != nil || len(found) == 0 {
			c <- ""
			return
		}
		c <- strings.TrimSuffix(found[0], ".")
	})
}

// of is the name of an address, "" where it has none or nobody told in time.
func (n *names) of(ip netip.Addr, s *stopper) string {
	c := n.asked[ip]
	if c == nil {
		return ""
	}
	select {
	case name := <-c:
		c <- name // for the next hop with the same address
		return name
	case <-time.After(nameWait):
	case <-s.ended:
	}
	return ""
}
