package icmpraw

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// options are those that every protocol over IP has, and two more.
var options = slices.Concat(sdk.IPOptions(), sdk.Options{
	sdk.IPOption("recverr", sdk.BoolOption, "off", "IP_RECVERR", unix.IP_RECVERR, "IPV6_RECVERR", unix.IPV6_RECVERR,
		"errors that come back make the next call fail"),
	sdk.SockOption("broadcast", sdk.BoolOption, "off", "SO_BROADCAST", unix.SO_BROADCAST, "allow broadcast addresses as destinations"),
})

// declared is made once: Describe must answer at once, and always the same.
var declared = options.Declare()
