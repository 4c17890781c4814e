package command

// A notion is something that help explains and that is no command.
type notion struct{ name, synopsis, text string }

var notions = []notion{
	{"port", "a number that identifies a process's end of a protocol",
		`A port belongs to a protocol that has ports: port 53 of tcp and port 53 of udp are two. It is one of 65535; bind asks for one, a connect without a bind gets one from the kernel, and port 0 in bind asks the kernel for any that is free. ICMP has no ports. Ports below 1024 need a privilege to bind. show ports lists those that sockets of this sosh have.`},
	{"socket", "an endpoint of communication, which a process holds by a file descriptor",
		`A socket is made by socket(2) and is known to the process by a number, its descriptor (show SOCK fd). It is a stream (bytes in order, as tcp), a datagram socket (messages, as udp) or a raw one (packets beneath the ports, as icmp). With bind it gets a local address: an IP address and, where the protocol has them, a port. With connect it gets a peer. With listen it becomes passive: it only hands out new sockets, one for each client, through accept.`},
	{"address", "where a socket is: host and port, host, or path",
		`host:port is a name or an IP address and a port or the name of a service: localhost:80, 127.0.0.1:http, [::1]:80, [fe80::1%eth0]:80. Without a host, :80, it means this machine by its loopback address, which others cannot reach; 0.0.0.0:80 and [::]:80 mean all its addresses. Port 0 asks the kernel for a free one.`},
	{"states", "the kernel's words for where a tcp connection is in its life",
		`CLOSED: not connected. LISTEN: waits for connections. SYN-SENT: asked for a connection. ESTABLISHED: connected. CLOSE-WAIT: the peer has ended its direction, ours is open. FIN-WAIT-1, FIN-WAIT-2: we have ended ours and wait for the peer. help STATE tells more of one.`},
	{"escapes", "how bytes are written in send and in patterns",
		`\r \n \t \0 \a \e \\ stand for CR, LF, TAB, NUL, BEL, ESC and a backslash; \xHH for a byte; \uHHHH for a character. They must be quoted: the shell takes an unquoted backslash away. An unknown escape is an error.`},
	{"status", "what the exit status of a command means",
		`0 done. 1 failed. 2 wrong usage: a malformed address, option or script. 3 timeout. 4 the peer ended the stream. 5 reset by the peer, or sent to one that is gone. 6 the inbox is full. 7 the plugin failed, or the socket is lost. 126 and 127: a program that cannot be run, or is not found. 130 interrupted, 143 and 129 ended by SIGTERM and SIGHUP.`},
	{"language", "what scripts are written in",
		`The language is that of POSIX shells and bash: quoting, variables, $(...), pipes, redirection, if, for, while, functions. The commands of sosh run inside it. A script ends at the first command that fails (set +e takes that back), and a pipe fails when one part of it does. COMMAND & starts a job; one that fails fails the script. What is missing of bash is an error that says so: descriptors above 2, traps other than EXIT and ERR, coproc, PIPESTATUS, read -t. docs/language.md tells all.`},
	{"time", "how long a command waits",
		`--timeout D is the time allowed for one waiting step: 500ms, 2s, 5 (seconds), none, or 0 for only what is there. In a script it is 10s, at the prompt none. sosh --deadline D bounds a whole run. Nothing is lost when the time is over.`},
}

// states says what the kernel's words mean, after RFC 9293 section 3.3.2.
var states = map[string]string{
	"CLOSED":       "no connection: never connected, or all over",
	"LISTEN":       "waits for connections from clients; accept takes them",
	"SYN-SENT":     "has asked for a connection and waits for the answer",
	"SYN-RECEIVED": "was asked for a connection, has answered and waits for the last word",
	"ESTABLISHED":  "connected: data flows both ways",
	"FIN-WAIT-1":   "we have ended our direction; the peer has not confirmed it yet",
	"FIN-WAIT-2":   "we have ended our direction and the peer knows; it may still send",
	"CLOSE-WAIT":   "the peer has ended its direction; we may still send, and should close",
	"CLOSING":      "both have ended at the same time and wait for confirmation",
	"LAST-ACK":     "both have ended; the peer's confirmation of our end is awaited",
	"TIME-WAIT":    "all over; the kernel keeps the port for a while, so that late packets meet no new connection",
}
