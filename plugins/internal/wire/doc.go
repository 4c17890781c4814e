// Package wire is how the contract of core/socket travels between sosh and a
// plugin process: the messages (pb), their conversion to and from the words of
// core/socket, and the identity of errors. Descriptors travel beside it, in fdchan.
//
// It starts no process and opens no socket. Both sides import it, so that what
// one writes the other reads; nothing that it reads is trusted.
package wire

import "github.com/sosh-shell/sosh/core/socket"

// What both sides must agree on before the first call.
const (
	// CookieKey and CookieValue tell a plugin that sosh started it, not a person.
	CookieKey   = "SOSH_PLUGIN"
	CookieValue = "a socket is a file descriptor"
	// DescriptorsKey is the environment variable with the number of the plugin's
	// end of the descriptor channel. Without it descriptors cannot travel, and
	// the plugin holds the sockets itself.
	DescriptorsKey = "SOSH_DESCRIPTORS"
	// PluginName is the one entry of go-plugin's set.
	PluginName = "protocol"

	// MaxMessage bounds one gRPC message in bytes, on both sides.
	MaxMessage = 1 << 20
	// MaxCarried bounds one that carries messages of a protocol: Encode, Decode, Wrap.
	MaxCarried = socket.MaxMessage + MaxMessage
	// MaxFrame bounds the data in one message of a Stream.
	MaxFrame = 64 << 10
	// Window bounds what one Stream may have under way in each direction. It is
	// fixed: left alone, gRPC grows it to 16 MiB.
	Window = 256 << 10
)

// Version and Oldest are the contract's versions as go-plugin negotiates them: a
// plugin speaks Version, a host all from Oldest on.
const (
	Version = socket.ContractVersion
	Oldest  = socket.OldestContract
)
