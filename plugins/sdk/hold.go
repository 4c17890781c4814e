package sdk

import "sync"

// inUse counts what keeps the process from ending.
var inUse sync.WaitGroup

// Hold keeps this process from ending while something that it made is in use: the far
// end of a socketpair whose near end Open gave away. A new build takes over then,
// and this one lives on until the returned function has been called, once, for each
// Hold. Layers, and sockets that the plugin carries, need it not: the host counts
// those.
//
// What ends with the shell is not kept: its descriptors are closed then, so that the
// far ends see their end. The host kills a process that it removes.
func Hold() (release func()) {
	inUse.Add(1)
	return sync.OnceFunc(inUse.Done)
}
