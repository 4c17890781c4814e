// Package sdk is all that the author of a plugin imports. A plugin is a type
// that implements [Protocol], and a main function that calls [Serve]:
//
//	func main() { sdk.Serve(mine.New()) }
//
// There are three ways in, the smallest first:
//
//   - a [Dialer], a function that gives a net.Conn ([NewDialer]), or a
//     [PacketDialer] that gives a net.PacketConn;
//   - a descriptor protocol: a type that makes socket calls on a descriptor lent to
//     it, and writes down what they did ([Calls]), with options as data ([Options])
//     and addresses of the form host:port ([ResolveHostPort]);
//   - a [Layer]: a net.Conn in, a net.Conn out ([NewLayer]).
//
// Each can have fields ([Encoder], [Decoder]), options, facts and commands of its own
// ([Runner]). Errors keep their identity on their way to the user, a panic is an error
// of the call or connection that it happened in, and what the packages log and
// log/slog get goes to sosh's log, which sosh -v shows.
//
// Serve speaks to sosh: descriptors, errors, bytes where descriptors cannot travel, and
// the end. It never keeps a socket that was lent or given, never prints to a terminal
// and never waits for a peer, except where it holds the sockets itself.
package sdk
