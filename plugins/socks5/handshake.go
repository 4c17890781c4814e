package socks5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// The numbers of RFC 1928 and 1929.
const (
	version      = 5
	authVersion  = 1
	byNone       = 0
	byPassword   = 2
	noneFits     = 0xff
	cmdConnect   = 1
	addressIP4   = 1
	addressName  = 3
	addressIP6   = 4
	longestField = 255
)

// question is what is asked of the proxy, checked before a byte is sent.
type question struct {
	target         string // as it was given
	address        []byte // ATYP, DST.ADDR and DST.PORT
	user, password string
	named          bool // a user was given
}

func parse(o sdk.OptionValues) (question, error) {
	q := question{target: o.Text("to"), user: o.Text("user"), password: o.Text("password"), named: o.Given("user")}
	if q.target == "" {
		return q, sdk.Faultf(sdk.Usage, "whereto? give to=HOST:PORT, the target that the proxy is to connect to")
	}
	if len(q.user) > longestField || len(q.password) > longestField {
		return q, sdk.Faultf(sdk.Usage, "user and password are at most 255 bytes long (RFC 1929)")
	}
	if q.named && q.user == "" || !q.named && o.Given("password") {
		return q, sdk.Faultf(sdk.Usage, "a password needs a user, and the user a name: give user=NAME password=WORD")
	}
	var err error
	q.address, err = address(q.target)
	return q, err
}

// address is a target as RFC 1928, section 5 writes it, with its port.
func address(target string) ([]byte, error) {
	host, service, err := net.SplitHostPort(target)
	if err != nil || host == "" {
		return nil, sdk.Faultf(sdk.Usage, "to is HOST:PORT such as example.com:80, not %q", target)
	}
	port, err := net.LookupPort("tcp", service)
	if err != nil || port == 0 {
		return nil, sdk.Faultf(sdk.Usage, "%q is no port of a target", service)
	}
	var a []byte
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.Zone() != "":
		return nil, sdk.Faultf(sdk.Usage, "a zone means nothing to the proxy: give %s without %%%s", ip.WithZone(""), ip.Zone())
	case err == nil && ip.Is4():
		a = append([]byte{addressIP4}, ip.AsSlice()...)
	case err == nil:
		a = append([]byte{addressIP6}, ip.AsSlice()...)
	case len(host) > longestField:
		return nil, sdk.Faultf(sdk.Usage, "the target's name is longer than 255 bytes")
	default:
		a = append([]byte{addressName, byte(len(host))}, host...)
	}
	return binary.BigEndian.AppendUint16(a, uint16(port)), nil
}

// over asks the question over a stream to the proxy. It reads the proxy's answers
// to their last byte and no further: what follows is the target's.
func (q question) over(c io.ReadWriter) (method, bound string, err error) {
	offer := []byte{version, 1, byNone}
	if q.named {
		offer = []byte{version, 2, byNone, byPassword}
	}
	var answer [2]byte
	if err := exchange(c, offer, answer[:]); err != nil {
		return "", "", err
	}
	if answer[0] != version {
		return "", "", sdk.Faultf(sdk.Malformed, "the peer is no SOCKS 5 proxy: its first bytes are %q", answer[:])
	}
	switch {
	case answer[1] == byNone:
		method = "none"
	case answer[1] == byPassword && q.named:
		method = "password"
		if err := q.login(c); err != nil {
			return "", "", err
		}
	case answer[1] == noneFits && q.named:
		return "", "", sdk.Faultf(sdk.Refused, "the proxy wants neither nobody nor a user with a password: it accepts other methods only")
	case answer[1] == noneFits:
		return "", "", sdk.Faultf(sdk.Refused, "the proxy lets nobody in without proof: give user=NAME password=WORD")
	default:
		return "", "", sdk.Faultf(sdk.Malformed, "the proxy chose method %d, which was not offered", answer[1])
	}
	bound, err = q.connect(c)
	return method, bound, err
}

// login is RFC 1929.
func (q question) login(c io.ReadWriter) error {
	m := append([]byte{authVersion, byte(len(q.user))}, q.user...)
	m = append(append(m, byte(len(q.password))), q.password...)
	var answer [2]byte
	if err := exchange(c, m, answer[:]); err != nil {
		return err
	}
	if answer[1] != 0 {
		return sdk.Faultf(sdk.Refused, "the proxy refused user %q with that password (status %d)", q.user, answer[1])
	}
	if answer[0] != authVersion {
		return sdk.Faultf(sdk.Malformed, "malformed answer of the proxy to the password: %q", answer[:])
	}
	return nil
}

func (q question) connect(c io.ReadWriter) (bound string, err error) {
	var head [4]byte // VER, REP, RSV, ATYP
	if err := exchange(c, append([]byte{version, cmdConnect, 0}, q.address...), head[:2]); err != nil {
		return "", err
	}
	if head[0] != version {
		return "", sdk.Faultf(sdk.Malformed, "malformed answer of the proxy: %q", head[:2])
	}
	if head[1] != 0 {
		// Some proxies hang up after these two bytes: the answer is known by now.
		return "", fmt.Errorf("the proxy cannot connect to %s: %w", q.target, refusal(head[1]))
	}
	if err := read(c, head[2:]); err != nil {
		return "", err
	}
	return readAddress(c, head[3])
}

// refusal is RFC 1928, section 6, in words.
func refusal(code byte) error {
	if words := [...]string{
		1: "general failure of the proxy",
		2: "its rules do not allow it",
		3: "network unreachable",
		4: "host unreachable, or its name has no address",
		5: "connection refused",
		6: "the time to live ran out on the way",
		7: "it does not know the command CONNECT",
		8: "it does not know this type of address",
	}; int(code) < len(words) {
		return sdk.Faultf(sdk.Refused, "%s (reply %d)", words[code], code)
	}
	return sdk.Faultf(sdk.Malformed, "reply %d, which RFC 1928 does not define", code)
}

func readAddress(r io.Reader, kind byte) (string, error) {
	var buf [longestField + 2]byte
	n := 0
	switch kind {
	case addressIP4:
		n = 4
	case addressIP6:
		n = 16
	case addressName:
		if err := read(r, buf[:1]); err != nil {
			return "", err
		}
		n = int(buf[0])
	default:
		return "", sdk.Faultf(sdk.Malformed, "malformed answer of the proxy: address of type %d", kind)
	}
	b := buf[:n+2]
	if err := read(r, b); err != nil {
		return "", err
	}
	host := string(b[:n])
	if kind != addressName {
		ip, _ := netip.AddrFromSlice(b[:n])
		host = ip.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(b[n:])))), nil
}

func exchange(c io.ReadWriter, ask, answer []byte) error {
	if _, err := c.Write(ask); err != nil {
		return fmt.Errorf("asking the proxy: %w", err)
	}
	return read(c, answer)
}

func read(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return sdk.Faultf(sdk.Truncated, "the proxy hung up in the handshake: is it a SOCKS 5 proxy?")
	}
	if err != nil {
		return fmt.Errorf("waiting for the proxy's answer: %w", err)
	}
	return nil
}
