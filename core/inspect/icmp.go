package inspect

import "fmt"

// The origins of an error of the kernel's queue (linux/errqueue.h).
const (
	originICMP  = 2
	originICMP6 = 3
)

// ICMP names an ICMP error of the kernel's queue of errors (ip(7), struct
// sock_extended_err) by the words of RFC 792, RFC 1812 and RFC 4443; "" for an error
// that the kernel made itself.
func ICMP(origin, typ, code uint8) string {
	var names map[[2]uint8]string
	name := "ICMP"
	switch origin {
	case originICMP:
		names = icmpErrors
	case originICMP6:
		names, name = icmp6Errors, "ICMPv6"
	default:
		return ""
	}
	if what, ok := names[[2]uint8{typ, code}]; ok {
		return name + " " + what
	}
	return fmt.Sprintf("%s type %d, code %d", name, typ, code)
}

var icmpErrors = map[[2]uint8]string{
	{3, 0}: "network unreachable", {3, 1}: "host unreachable", {3, 2}: "protocol unreachable", {3, 3}: "port unreachable",
	{3, 4}: "fragmentation needed", {3, 5}: "source route failed", {3, 9}: "network administratively prohibited",
	{3, 10}: "host administratively prohibited", {3, 13}: "communication administratively prohibited",
	{11, 0}: "time to live exceeded", {11, 1}: "reassembly time exceeded", {12, 0}: "parameter problem",
}

var icmp6Errors = map[[2]uint8]string{
	{1, 0}: "no route to destination", {1, 1}: "communication administratively prohibited", {1, 3}: "address unreachable",
	{1, 4}: "port unreachable", {1, 5}: "source address failed policy", {1, 6}: "reject route", {2, 0}: "packet too big",
	{3, 0}: "hop limit exceeded", {3, 1}: "reassembly time exceeded", {4, 0}: "erroneous header field",
	{4, 1}: "unrecognized next header", {4, 2}: "unrecognized option",
}
