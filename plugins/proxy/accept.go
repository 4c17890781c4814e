package proxy

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// longestV1 is the greatest length of a header of version 1 in bytes, as section
// 2.1 works it out.
const longestV1 = 107

// accept takes the header from whoever connected, to its last byte. The first byte
// decides the version, and no byte is awaited that need not come.
func (c *conn) accept(r *bufio.Reader) error {
	first, err := r.Peek(1)
	if err != nil {
		return hungUp(err)
	}
	switch first[0] {
	case 'P':
		return c.acceptV1(r)
	case signature[0]:
		return c.acceptV2(r)
	}
	return sdk.Faultf(sdk.Malformed, "no PROXY header: the first bytes are %.32q", known(r))
}

// known is what was read and is not consumed.
func known(r *bufio.Reader) []byte {
	b, _ := r.Peek(r.Buffered())
	return b
}

func (c *conn) acceptV1(r *bufio.Reader) error {
	var line []byte
	for len(line) == 0 || line[len(line)-1] != '\n' {
		b, err := r.ReadByte()
		if err != nil {
			return hungUp(err)
		}
		line = append(line, b)
		if n := min(len(line), 6); string(line[:n]) != "PROXY "[:n] || len(line) > longestV1 {
			return sdk.Faultf(sdk.Malformed, "no PROXY header: the first bytes are %.32q", append(line, known(r)...))
		}
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	malformed := sdk.Faultf(sdk.Malformed, "malformed PROXY header: %q", line)
	if !ok {
		return malformed
	}
	words := strings.Split(text, " ")
	if words[1] == "UNKNOWN" { // what follows the word is to be ignored
		c.fact("version", "1")
		c.tell(netip.AddrPort{}, netip.AddrPort{})
		return nil
	}
	if len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6" {
		return malformed
	}
	src, err1 := endV1(words[1], words[2], words[4])
	dst, err2 := endV1(words[1], words[3], words[5])
	if errors.Join(err1, err2) != nil {
		return malformed
	}
	c.fact("version", "1")
	c.tell(src, dst)
	return nil
}

func endV1(family, ip, port string) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(ip)
	if err != nil || a.Zone() != "" || a.Is4() != (family == "TCP4") {
		return netip.AddrPort{}, errors.New("address")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return netip.AddrPort{}, errors.New("port")
	}
	return netip.AddrPortFrom(a, uint16(n)), nil
}

func (c *conn) acceptV2(r *bufio.Reader) error {
	head := make([]byte, 0, 16)
	for len(head) < 16 {
		b, err := r.ReadByte()
		if err != nil {
			return hungUp(err)
		}
		head = append(head, b)
		if n := min(len(head), len(signature)); string(head[:n]) != signature[:n] {
			return sdk.Faultf(sdk.Malformed, "no PROXY header: the first bytes are %.32q", append(head, known(r)...))
		}
	}
	body := make([]byte, binary.BigEndian.Uint16(head[14:])) // at most 64 KiB
	if _, err := io.ReadFull(r, body); err != nil {
		return hungUp(err)
	}
	if head[12]>>4 != 2 || head[12]&0xf > 1 {
		return sdk.Faultf(sdk.Malformed, "PROXY header of an unknown version or command (0x%02x)", head[12])
	}
	tail := len(body)
	src, dst, size, err := endsV2(head[13], body)
	switch {
	case err != nil:
		return err
	case size >= 0:
		tail = size
	}
	facts, err := extras(append(head, body...), 16+tail)
	if err != nil {
		return err
	}
	c.fact("version", "2")
	if head[12]&0xf == 0 { // LOCAL: the addresses are to be ignored
		src, dst = "", ""
		c.fact("command", "local")
	} else {
		c.fact("command", "proxy")
	}
	c.fact("src", src)
	c.fact("dst", dst)
	c.facts = append(c.facts, facts...)
	return nil
}

// endsV2 reads the addresses of a header of version 2, whose size depends on the
// family. For a family that we do not know the size is -1: all is skipped.
func endsV2(family byte, b []byte) (src, dst string, size int, err error) {
	size, ok := map[byte]int{0: 0, 1: 12, 2: 36, 3: 216}[family>>4]
	if !ok || family&0xf > 2 {
		return "", "", -1, nil
	}
	if len(b) < size {
		return "", "", 0, sdk.Faultf(sdk.Malformed, "malformed PROXY header: %d bytes for addresses of %d", len(b), size)
	}
	switch family >> 4 {
	case 1:
		src, dst = endV2(b[:4], b[8:]), endV2(b[4:8], b[10:])
	case 2:
		src, dst = endV2(b[:16], b[32:]), endV2(b[16:32], b[34:])
	case 3:
		src, dst = pathV2(b[:108]), pathV2(b[108:216])
	}
	return src, dst, size, nil
}

func endV2(ip, port []byte) string {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(port)).String()
}

// pathV2 is a unix socket's path; one that begins with a zero byte is abstract.
func pathV2(b []byte) string {
	if b[0] == 0 {
		name := strings.TrimRight(string(b[1:]), "\x00")
		if name == "" {
			return ""
		}
		return "@" + name
	}
	path, _, _ := strings.Cut(string(b), "\x00")
	return path
}

// The extras of section 2.2.
const (
	extraALPN      = 0x01
	extraAuthority = 0x02
	extraCRC       = 0x03
	extraID        = 0x05
)

// extras reads the type-length-value triples of a header, which begin at at. A
// checksum that is there must hold (section 2.2.3).
func extras(header []byte, at int) ([]sdk.Setting, error) {
	var facts []sdk.Setting
	tell := func(name, value string) { // once: a second one would only hide the first
		if !slices.ContainsFunc(facts, func(f sdk.Setting) bool { return f.Name == name }) {
			facts = append(facts, sdk.Setting{Name: name, Value: value})
		}
	}
	for at < len(header) {
		if len(header)-at < 3 {
			return nil, sdk.Faultf(sdk.Malformed, "malformed PROXY header: %d stray bytes at its end", len(header)-at)
		}
		kind, n := header[at], int(binary.BigEndian.Uint16(header[at+1:]))
		at += 3
		if len(header)-at < n {
			return nil, sdk.Faultf(sdk.Malformed, "malformed PROXY header: an extra of %d bytes where %d are left", n, len(header)-at)
		}
		value := header[at : at+n]
		at += n
		switch kind {
		case extraALPN:
			tell("alpn", words(value))
		case extraAuthority:
			tell("authority", words(value))
		case extraID:
			tell("id", hex.EncodeToString(value[:min(n, 128)]))
		case extraCRC:
			if n != 4 || binary.BigEndian.Uint32(value) != checksum(header, at-n) {
				return nil, sdk.Faultf(sdk.Malformed, "the PROXY header's checksum is wrong")
			}
		}
	}
	return facts, nil
}

// checksum is the CRC32c of the header with zeros in place of the checksum at at.
func checksum(header []byte, at int) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, header[:at])
	sum = crc32.Update(sum, table, make([]byte, 4))
	return crc32.Update(sum, table, header[at+4:])
}

// words is a peer's text as a fact: at most 255 bytes of UTF-8.
func words(b []byte) string {
	return strings.ToValidUTF8(string(b[:min(len(b), 255)]), string(utf8.RuneError))
}
