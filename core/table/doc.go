// Package table keeps the live sockets: their descriptors, names, states and
// unread bytes, and all waiting for them. It never prints, never parses what a
// person typed, and never knows a protocol by name: protocols come from a
// [socket.Providers].
//
// A byte's way in: the kernel's buffer, then, only when somebody consumes or
// the prompt reads ahead, the socket's inbox, then the consumer. A byte's way
// out: the caller's slice or file, then the kernel. A plugin sees neither.
//
// Waiting is here and nowhere else: one epoll instance, armed one shot at a
// time, so that an idle socket costs no goroutine.
//
// # Time
//
// Every waiting method takes a context. Its deadline is the time allowed for
// the wait and ends in [socket.Timeout]; a deadline already past means "only
// what is there", as each method tries before it waits. Its cancellation ends
// in [socket.Interrupted]. Neither loses a byte, a connection or the socket.
package table
