package capture

import (
	"encoding/binary"
	"time"
)

// The blocks of pcapng (draft-ietf-opsawg-pcapng section 4).
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacketOld = 2
	blockSimple    = 3
	blockPacket    = 6
	blockSecrets   = 10

	byteOrderMagic = 0x1a2b3c4d

	optEnd         = 0
	optComment     = 1
	optApplication = 4 // of a section
	optName        = 2 // of an interface
	optDescription = 3
	optResolution  = 9
	optFlags       = 2 // of a packet

	flagInbound  = 1
	flagOutbound = 2

	// linkRaw is LINKTYPE_RAW: packets begin with their IPv4 or IPv6 header.
	linkRaw = 101
	// secretsTLS is a TLS key log, as SSLKEYLOGFILE has it.
	secretsTLS = 0x544c534b
)

var order = binary.LittleEndian

// appendBlock appends a block whose body f appends.
func appendBlock(dst []byte, kind uint32, f func(dst []byte) []byte) []byte {
	at := len(dst)
	dst = order.AppendUint32(order.AppendUint32(dst, kind), 0)
	dst = pad(f(dst), at)
	length := uint32(len(dst) - at + 4)
	order.PutUint32(dst[at+4:], length)
	return order.AppendUint32(dst, length)
}

// pad makes what begins at a multiple of four bytes long.
func pad(dst []byte, begin int) []byte {
	for (len(dst)-begin)%4 != 0 {
		dst = append(dst, 0)
	}
	return dst
}

// maxOption bounds an option's value, whose length has 16 bits.
const maxOption = 4096

func appendOption(dst []byte, code uint16, value string) []byte {
	value = value[:min(len(value), maxOption)]
	dst = order.AppendUint16(order.AppendUint16(dst, code), uint16(len(value)))
	at := len(dst)
	return pad(append(dst, value...), at)
}

// appendSection begins a file.
func appendSection(dst []byte, application string) []byte {
	return appendBlock(dst, blockSection, func(dst []byte) []byte {
		dst = order.AppendUint32(dst, byteOrderMagic)
		dst = order.AppendUint16(order.AppendUint16(dst, 1), 0)
		dst = order.AppendUint64(dst, ^uint64(0)) // its length is not known
		dst = appendOption(dst, optApplication, application)
		return order.AppendUint32(dst, optEnd)
	})
}

// appendInterface declares the one interface, whose times are in nanoseconds.
func appendInterface(dst []byte, name, description, comment string) []byte {
	return appendBlock(dst, blockInterface, func(dst []byte) []byte {
		dst = order.AppendUint16(order.AppendUint16(dst, linkRaw), 0)
		dst = order.AppendUint32(dst, 0) // packets are whole
		dst = appendOption(dst, optComment, comment)
		dst = appendOption(dst, optName, name)
		dst = appendOption(dst, optDescription, description)
		dst = appendOption(dst, optResolution, "\x09")
		return order.AppendUint32(dst, optEnd)
	})
}

// appendSecrets appends a TLS key log.
func appendSecrets(dst, log []byte) []byte {
	return appendBlock(dst, blockSecrets, func(dst []byte) []byte {
		dst = order.AppendUint32(order.AppendUint32(dst, secretsTLS), uint32(len(log)))
		return append(dst, log...)
	})
}

// appendPacket appends a packet that f appends; cut is how many bytes it lacks.
func appendPacket(dst []byte, at time.Time, out bool, comment string, cut int, f func(dst []byte) []byte) []byte {
	return appendBlock(dst, blockPacket, func(dst []byte) []byte {
		ns := uint64(at.UnixNano())
		dst = order.AppendUint32(dst, 0)
		dst = order.AppendUint32(order.AppendUint32(dst, uint32(ns>>32)), uint32(ns))
		sizes := len(dst)
		dst = order.AppendUint64(dst, 0)
		begin := len(dst)
		dst = f(dst)
		n := uint32(len(dst) - begin)
		order.PutUint32(dst[sizes:], n)
		order.PutUint32(dst[sizes+4:], n+uint32(cut))
		dst = pad(dst, begin)
		if comment != "" {
			dst = appendOption(dst, optComment, comment)
		}
		flags := byte(flagInbound)
		if out {
			flags = flagOutbound
		}
		dst = appendOption(dst, optFlags, string([]byte{flags, 0, 0, 0}))
		return order.AppendUint32(dst, optEnd)
	})
}
