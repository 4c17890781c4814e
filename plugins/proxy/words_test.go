package proxy

import (
	"net/netip"
	"strings"
)

func plainOf(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func zeros(n int) string { return strings.Repeat("\x00", n) }
