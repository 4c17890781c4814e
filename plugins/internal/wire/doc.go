// Package wire is how the contract of core/socket travels between sosh and a
// plugin process: the messages (pb), their conversion to and from the words of
// core/socket, and the identity of errors. Descriptors travel beside it, in fdchan.
//
// It starts no process and opens no socket. Both sides import it, so that what
// one writes the other reads; nothing that it reads is trusted.
package wire

import (
	"time"

	"github.com/sosh-shell/sosh/core/socket"
)

// What both sides must agree on before the first call.
const (
	// CookieKey and CookieValue tell a plugin that sosh started it, not a person.
	CookieKey   = "SOSH_PLUGIN"
	CookieValue = "a socket is a file descriptor"
	// DescriptorsKey is the environment variable with the number of the plugin's
	// end of the descriptor channel. Without it descriptors cannot travel, and
	// the plugin holds the sockets itself.
	DescriptorsKey = "SOSH_DESCRIPTORS"
	// StdioKey is the environment variable that makes a plugin serve over its stdin
	// and stdout. Its value is the word that its greeting bears.
	StdioKey = "SOSH_STDIO"
	// CarriedKey is the environment variable with the directory that was made for the
	// plugin's file alone: the plugin removes both at its start.
	CarriedKey = "SOSH_CARRIED"
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
	// FarWindow is that bound where the other side is far away: with a round trip of
	// 100 ms it allows 20 MB/s a socket, as much as ssh's own window does.
	FarWindow = 2 << 20
)

// What one side does when it hears nothing from a far one: it asks after Quiet, and
// without an answer within Patience the other side has gone. Patience is long: an
// answer waits behind the bytes of a slow connection.
const (
	Quiet    = 30 * time.Second
	Patience = 60 * time.Second
)

// Marker begins every line that a place says to the host before gRPC begins: shells
// there may print a greeting of their own. The word is the host's, new each time.
func Marker(word string) string { return "sosh:" + word + ":" }

// Serves is what a plugin greets with over its stdout, before its contract's version.
const Serves = "serves"

// Version and Oldest are the contract's versions as both sides negotiate them: a
// plugin speaks Version, a host all from Oldest on.
const (
	Version = socket.ContractVersion
	Oldest  = socket.OldestContract
)
