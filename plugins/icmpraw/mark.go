package icmpraw

import (
	"encoding/binary"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// A form is which of the kernel's sockets it is.
type form byte

// The forms. A raw IPv4 socket receives IP packets, the others ICMP messages.
const (
	raw4 form = iota + 1
	raw6
	ping4 // the kernel's ping socket: echo only, with an id of the kernel's
	ping6
)

func (f form) ip6() bool  { return f == raw6 || f == ping6 }
func (f form) ping() bool { return f == ping4 || f == ping6 }

func (f form) types() types {
	if f.ip6() {
		return ip6Types
	}
	return ip4Types
}

// A mark is four bytes: its version, the form, and the id that messages of this
// socket get when none is given.
const markVersion = 1

func newMark(f form, id uint16) sdk.Mark {
	return binary.BigEndian.AppendUint16(sdk.Mark{markVersion, byte(f)}, id)
}

func readMark(m sdk.Mark) (form, uint16, error) {
	if len(m) != 4 || m[0] != markVersion || form(m[1]) < raw4 || form(m[1]) > ping6 {
		return 0, 0, sdk.Faultf(sdk.Failed, "a socket of another version of icmp-raw: open it again")
	}
	return form(m[1]), binary.BigEndian.Uint16(m[2:]), nil
}
