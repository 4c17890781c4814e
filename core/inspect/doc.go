// Package inspect asks the kernel about sockets: the state that it gives them
// and the facts it keeps. It is the one place in core that knows protocols by
// the kernel's numbers. It changes nothing and waits for nothing.
package inspect
