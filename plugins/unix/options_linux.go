package unix

import (
	"golang.org/x/sys/unix"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// kinds are the words of the option kind.
var kinds = []struct {
	word string
	kind int
}{
	{"stream", unix.SOCK_STREAM}, {"datagram", unix.SOCK_DGRAM}, {"seqpacket", unix.SOCK_SEQPACKET},
	{"dgram", unix.SOCK_DGRAM}, // read back as datagram
}

// unlinkMark is the mark of a socket that was opened with unlink=on.
const unlinkMark = "unlink"

func unlinks(m sdk.Mark) bool { return string(m) == unlinkMark }

// optionsOf are the options of unix(7) and socket(7) that people ask for, of a
// socket with that mark.
func optionsOf(m sdk.Mark) sdk.Options {
	return append(sdk.Options{
		sdk.SockOption("passcred", sdk.BoolOption, "off", "SO_PASSCRED", unix.SO_PASSCRED, "messages come with the sender's credentials; the socket gets a name"),
		{Option: sdk.Option{Name: "kind", Type: sdk.StringOption, Default: "stream",
			Help: "stream, datagram or seqpacket; chosen when the socket is opened"}, Get: getKind, Set: setKind},
		{Option: sdk.Option{Name: "unlink", Type: sdk.BoolOption, Default: "off",
			Help: "bind removes a socket's file that no process has any more; chosen when the socket is opened"},
			Get: func(int) (string, error) { return onOff(unlinks(m)), nil },
			Set: func(_ *sdk.Calls, _ int, value string) error { return setUnlink(value, unlinks(m)) }},
	}, sdk.BufferOptions()...)
}

// declared is made once: Describe must answer at once, and always the same.
var declared = optionsOf(nil).Declare()

// split takes out of a new socket's options those that it is made with.
func split(set []sdk.Setting) (kind int, mark sdk.Mark, rest []sdk.Setting, err error) {
	kind = unix.SOCK_STREAM
	for _, s := range set {
		switch s.Name {
		case "kind":
			if kind, err = parseKind(s.Value); err != nil {
				return 0, nil, nil, err
			}
		case "unlink":
			on, err := parseUnlink(s.Value)
			if err != nil {
				return 0, nil, nil, err
			}
			mark = nil
			if on {
				mark = sdk.Mark(unlinkMark)
			}
		default:
			rest = append(rest, s)
		}
	}
	return kind, mark, rest, nil
}

func parseKind(value string) (int, error) {
	for _, k := range kinds {
		if k.word == value {
			return k.kind, nil
		}
	}
	return 0, sdk.Faultf(sdk.Usage, "kind is stream, datagram or seqpacket, not %q", value)
}

func getKind(fd int) (string, error) {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return "", err
	}
	for _, k := range kinds {
		if k.kind == n {
			return k.word, nil
		}
	}
	return "", unix.EPROTOTYPE
}

// setKind refuses to change what a socket is: only Open can say it.
func setKind(_ *sdk.Calls, fd int, value string) error {
	want, err := parseKind(value)
	if err != nil {
		return err
	}
	if is, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || is == want {
		return err
	}
	return sdk.Faultf(sdk.Unsupported, "the kind of a socket does not change: open unix kind=%s", value)
}

func parseUnlink(value string) (bool, error) {
	if value != "on" && value != "off" {
		return false, sdk.Faultf(sdk.Usage, "unlink is on or off, not %q", value)
	}
	return value == "on", nil
}

// setUnlink refuses a change: a plugin remembers a socket only by the mark that
// Open gave it.
func setUnlink(value string, is bool) error {
	want, err := parseUnlink(value)
	if err != nil || want == is {
		return err
	}
	return sdk.Faultf(sdk.Unsupported, "unlink is chosen when the socket is opened: open unix unlink=%s", value)
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
