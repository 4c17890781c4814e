// Package socket is the vocabulary of sosh: what a protocol, an address, a
// descriptor on loan and an error are, and the contract between the core that
// holds sockets and the plugins that make them.
//
// It holds nothing, waits for nothing and starts nothing. It imports only the
// standard library, so that every other package may import it.
//
// The one idea: the plugin makes the socket, the core holds it, nobody else
// owns it. A [Protocol] is stateless about sockets. Open and Accept give a
// descriptor away; every other call borrows one for the length of the call.
package socket
