// Package host finds plugins, starts them, watches them, ends them, and hands each
// out as a protocol: [Host] is the shell's socket.Providers.
//
// A plugin is a process of its own, started at the first call that needs it and
// again after its death. The host holds no socket: descriptors pass through it to
// the caller, so a plugin's death loses none. Where descriptors cannot travel it
// carries the bytes, and then a socket is lost with its plugin, and says so.
//
// It runs no plugin that was not installed, prints nothing, and takes nothing that
// a plugin sends on trust.
package host
