package icmpraw

import "github.com/sosh-shell/sosh/plugins/sdk"

// commands are those that the plugin adds to the shell.
var commands = []sdk.Command{{
	Name:     "ping",
	Synopsis: "ask a host whether it answers, and how fast",
	Usage:    []string{"ping [FLAG...] HOST"},
	Help: `Sends ICMP echo requests and prints a line for each answer: until Ctrl-C, or as many as -c says. A reply counts when its id, its number, its
sender and its content are those of a request; others are counted as not matching. Times are taken by the kernel as a reply arrives.

The status is 0 when there was at least one reply, and 1 when there was none. That is no timeout of a step (3): waiting was the task,
and it was done.`,
	Args: []string{"HOST"}, Min: 1, Max: 1,
	Flags: append([]sdk.Flag{
		{Name: "count", Short: "c", Type: sdk.IntOption, Help: "how many to send; until Ctrl-C without it"},
		{Name: "interval", Short: "i", Type: sdk.DurationOption, Default: "1s", Help: "time between two"},
		{Name: "size", Short: "s", Type: sdk.SizeOption, Default: "56", Help: "bytes of data in each, up to 65507"},
		{Name: "timeout", Short: "W", Type: sdk.DurationOption, Default: "2s", Help: "how long to wait for the answer to one; a later one is marked"},
		{Name: "deadline", Short: "w", Type: sdk.DurationOption, Help: "end after this time, however many were sent"},
		{Name: "ttl", Short: "t", Type: sdk.IntOption, Help: "hop limit, 1 to 255"},
		{Name: "tos", Short: "Q", Type: sdk.IntOption, Help: "DSCP and ECN byte"},
		{Name: "pattern", Short: "p", Type: sdk.StringOption, Help: "up to 16 bytes in hex that fill the data"},
		{Name: "flood", Short: "f", Type: sdk.BoolOption, Help: "send the next as soon as an answer is there, four under way, at least 100 a second; prints the summary only"},
		{Name: "quiet", Short: "q", Type: sdk.BoolOption, Help: "print the summary only"},
	}, familyFlags...),
	Fields: []sdk.Field{
		{Name: "event", Type: sdk.TextField, Help: "reply, duplicate, late, corrupted, error, timeout or summary"},
		{Name: "seq", Type: sdk.IntField, Help: "number of the request, from 1"},
		{Name: "from", Type: sdk.TextField, Help: "who answered"},
		{Name: "bytes", Type: sdk.IntField, Help: "length of the ICMP message"},
		{Name: "ttl", Type: sdk.IntField, Help: "hops that the answer had left"},
		{Name: "time", Type: sdk.FloatField, Help: "round trip in milliseconds"},
		{Name: "error", Type: sdk.TextField, Help: "what a router or the kernel said"},
		{Name: "host", Type: sdk.TextField, Help: "of summary: as it was given"},
		{Name: "address", Type: sdk.TextField, Help: "of summary: its address"},
		{Name: "sent", Type: sdk.IntField, Help: "of summary"},
		{Name: "received", Type: sdk.IntField, Help: "of summary: requests that were answered, late or not"},
		{Name: "lost", Type: sdk.FloatField, Help: "of summary: percent of those sent"},
		{Name: "duplicates", Type: sdk.IntField, Help: "of summary: further replies to one request"},
		{Name: "late", Type: sdk.IntField, Help: "of summary: replies after the timeout"},
		{Name: "corrupted", Type: sdk.IntField, Help: "of summary: replies with other data than was sent"},
		{Name: "errors", Type: sdk.IntField, Help: "of summary: requests that came back as an error"},
		{Name: "unmatched", Type: sdk.IntField, Help: "of summary: replies that answer none of the requests"},
		{Name: "elapsed", Type: sdk.FloatField, Help: "of summary: time in milliseconds"},
		{Name: "min", Type: sdk.FloatField, Help: "of summary: shortest round trip in milliseconds"},
		{Name: "avg", Type: sdk.FloatField, Help: "of summary: mean"},
		{Name: "max", Type: sdk.FloatField, Help: "of summary: longest"},
		{Name: "mdev", Type: sdk.FloatField, Help: "of summary: standard deviation"},
		{Name: "median", Type: sdk.FloatField, Help: "of summary: half are shorter; within 2 percent"},
		{Name: "p99", Type: sdk.FloatField, Help: "of summary: 99 percent are shorter; within 2 percent"},
	},
	Examples: []sdk.Example{
		{Does: "ask three times", Code: "ping -c 3 -i 0.01 localhost"},
		{Does: "is it there, for a script", Code: "ping -q -c 1 -W 500ms 127.0.0.1 >/dev/null && echo there"},
		{Does: "as fast as it answers", Code: "ping -f -c 1000 ::1"},
	},
}, {
	Name:     "traceroute",
	Synopsis: "show the routers on the way to a host",
	Usage:    []string{"traceroute [FLAG...] HOST"},
	Help: `Sends ICMP echo requests, or UDP datagrams with --udp, that live for one hop, two hops, and so on: the router at which one dies says so, and is
printed with the times. A star stands for no answer. !N, !H, !P, !X after a time say that it answered "unreachable": net, host, port or protocol, prohibited.

The status is 1 when the host itself did not answer.`,
	Args: []string{"HOST"}, Min: 1, Max: 1,
	Flags: append([]sdk.Flag{
		{Name: "max-hops", Short: "m", Type: sdk.IntOption, Default: "30", Help: "how many hops at most, up to 255"},
		{Name: "first", Short: "f", Type: sdk.IntOption, Default: "1", Help: "the hop to begin with"},
		{Name: "queries", Short: "q", Type: sdk.IntOption, Default: "3", Help: "probes for each hop, up to 10"},
		{Name: "wait", Short: "w", Type: sdk.DurationOption, Default: "2s", Help: "how long to wait for the answer to one"},
		{Name: "parallel", Short: "N", Type: sdk.IntOption, Default: "16", Help: "probes under way at once, up to 64"},
		{Name: "udp", Short: "U", Type: sdk.BoolOption, Help: "UDP datagrams to ports nobody listens on; needs no right"},
		{Name: "port", Short: "p", Type: sdk.IntOption, Default: "33434", Help: "of UDP: the first port; each probe has its own"},
		{Name: "size", Short: "s", Type: sdk.SizeOption, Default: "32", Help: "bytes of data in each, up to 1400"},
		{Name: "numeric", Short: "n", Type: sdk.BoolOption, Help: "addresses only, no names"},
	}, familyFlags...),
	Fields: []sdk.Field{
		{Name: "hop", Type: sdk.IntField, Help: "the hop, from 1"},
		{Name: "from", Type: sdk.TextField, Help: "who answered; empty for nobody"},
		{Name: "name", Type: sdk.TextField, Help: "its name, where it has one"},
		{Name: "sent", Type: sdk.IntField, Help: "probes for this hop"},
		{Name: "received", Type: sdk.IntField, Help: "answers from this address"},
		{Name: "min", Type: sdk.FloatField, Help: "shortest round trip in milliseconds"},
		{Name: "avg", Type: sdk.FloatField, Help: "mean"},
		{Name: "max", Type: sdk.FloatField, Help: "longest"},
		{Name: "times", Type: sdk.TextField, Help: "each round trip in milliseconds"},
		{Name: "error", Type: sdk.TextField, Help: "what it said, other than that the hops were used up"},
		{Name: "reached", Type: sdk.BoolField, Help: "whether this is the host itself"},
	},
	Examples: []sdk.Example{
		{Does: "the way to a host", Code: "traceroute -n localhost"},
		{Does: "with UDP, at most three hops", Code: "traceroute --udp -m 3 -n 127.0.0.1"},
	},
}}

// familyFlags are those of both commands.
var familyFlags = []sdk.Flag{
	{Name: "ipv4", Short: "4", Type: sdk.BoolOption, Help: "IPv4 only"},
	{Name: "ipv6", Short: "6", Type: sdk.BoolOption, Help: "IPv6 only"},
	{Name: "interface", Short: "I", Type: sdk.StringOption, Help: "send from this interface, or from this address of ours"},
}
