package icmpraw

import (
	"cmp"
	"maps"
	"slices"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// fields are all that messages of either family may have. The types and codes are
// words, not numbers with names: a number means another type in ICMP than in ICMPv6.
var fields = slices.Concat(
	[]sdk.Field{
		{Name: "type", Type: sdk.TextField, Names: typeNames(), Default: "echo", Help: "what the message is, in words or by number"},
		{Name: "code", Type: sdk.TextField, Default: "0", Help: "which of a type, in words or by number: port of unreachable, transit of time-exceeded"},
		number("id", "whose echo it is; the socket's own where it is left out"),
		number("seq", "which echo it is; 1 where it is left out"),
		{Name: "data", Type: sdk.BytesField, Help: "what follows the header; of an error the packet that it quotes"},
		text("gateway", "of redirect: the better router"),
		text("destination", "of an ICMPv6 redirect: where it leads to"),
		text("target", "of neighbour messages: whose link address it is about"),
		text("group", "of MLD messages: the multicast group"),
		text("mask", "of address-mask: the network's"),
		number("mtu", "of unreachable with code=fragmentation-needed, and packet-too-big: the bytes that would pass"),
		number("pointer", "of parameter-problem: which byte of the quoted packet"),
		number("originate", "of timestamp: when it was sent, in milliseconds since midnight UT; now where it is left out"),
		number("receive", "of timestamp-reply: when the request arrived, as originate"),
		number("transmit", "of timestamp-reply: when the reply was sent, as originate"),
		number("lifetime", "of router-advertisement: how long it holds, in seconds"),
		number("hops", "of an ICMPv6 router-advertisement: the hop limit to use"),
		number("reachable", "of an ICMPv6 router-advertisement: how long a neighbour counts as reachable, in milliseconds"),
		number("retransmit", "of an ICMPv6 router-advertisement: time between solicitations, in milliseconds"),
		number("entries", "of an ICMP router-advertisement: how many addresses follow"),
		number("entrysize", "of an ICMP router-advertisement: 32-bit words of each address"),
		number("delay", "of MLD messages: the longest delay of a report, in milliseconds"),
		number("records", "of mld2-report: how many follow"),
		number("flags", "of neighbour-advertisement, router-advertisement and extended-echo: the byte of flags"),
		number("rest", "of types without a word: bytes 4 to 7 of the header"),
		number("checksum", "a wrong one on purpose, on a raw IPv4 socket; right where it is left out"),
	},
	decoded(sdk.BoolField, "checksum.ok", "whether the checksum is right; ICMPv6's is verified by the kernel"),
	decoded(sdk.IntField, "type.number", "the type's number", "code.number", "the code's number"),
	decoded(sdk.TextField, "src", "whose packet it is", "dst", "whom it was sent to (raw IPv4)"),
	decoded(sdk.IntField, "ttl", "hops that were left (raw IPv4)", "tos", "DSCP and ECN byte (raw IPv4)",
		"ip.id", "the IP packet's identification (raw IPv4)", "length", "bytes of the IP packet (raw IPv4)"),
	decoded(sdk.TextField, "quoted.src", "sender of the packet that an error quotes", "quoted.dst", "its destination",
		"quoted.proto", "its protocol, in words or by number", "quoted.type", "its type, when it is ICMP", "quoted.code", "its code, when it is ICMP"),
	decoded(sdk.IntField, "quoted.ttl", "its hops that were left", "quoted.tos", "its DSCP and ECN byte", "quoted.length", "its bytes, before it was cut for the quote",
		"quoted.ip.id", "its identification (IPv4)", "quoted.id", "its id, when it is an echo", "quoted.seq", "its seq, when it is an echo",
		"quoted.sport", "its source port, when it is TCP or UDP", "quoted.dport", "its destination port, when it is TCP or UDP"),
	decoded(sdk.TextField, "ext.mpls", "MPLS labels of the packet, as the router tells them (RFC 4950)", "ext.objects", "other extensions (RFC 4884)",
		"error", "what is wrong with the message"),
)

func number(name, help string) sdk.Field {
	return sdk.Field{Name: name, Type: sdk.IntField, Help: help}
}

func text(name, help string) sdk.Field {
	return sdk.Field{Name: name, Type: sdk.TextField, Help: help}
}

// decoded declares fields that are only read, by pairs of name and help.
func decoded(t sdk.FieldType, pairs ...string) []sdk.Field {
	var out []sdk.Field
	for p := range slices.Chunk(pairs, 2) {
		out = append(out, sdk.Field{Name: p[0], Type: t, Help: p[1], Decoded: true})
	}
	return out
}

// typeNames are the words of both families, for completion; ICMP's number where both
// have the word.
func typeNames() []sdk.FieldName {
	all := map[string]int64{}
	for _, t := range []types{ip6Types, ip4Types} {
		for n, l := range t {
			all[l.word] = int64(n)
		}
	}
	var out []sdk.FieldName
	for w, n := range maps.All(all) {
		out = append(out, sdk.FieldName{Name: w, Value: n})
	}
	slices.SortFunc(out, func(a, b sdk.FieldName) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func fieldNamed(name string) (sdk.Field, bool) {
	i := slices.IndexFunc(fields, func(f sdk.Field) bool { return f.Name == name })
	if i < 0 {
		return sdk.Field{}, false
	}
	return fields[i], true
}
