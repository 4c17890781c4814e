// Package sdk is all that the author of a plugin imports. A plugin is a type
// that implements [Protocol], and a main function that calls [Serve]:
//
//	func main() { sdk.Serve(mine.New()) }
//
// Serve speaks to sosh: descriptors, errors, bytes where descriptors cannot
// travel, and the end. The rest of the package is for protocols whose sockets
// are the kernel's: socket calls that write down what they did ([Calls]), options
// as data ([Options]), and addresses of the form host:port ([ResolveHostPort]).
//
// It never keeps a socket that was lent or given, never prints to a terminal and
// never waits for a peer, except where it holds the sockets itself because
// descriptors cannot travel.
package sdk
