// Package capture writes what passed a socket as packets, in pcapng, and reads packets
// back as what passed. What it writes has synthetic headers: the packets that really
// were on the wire nobody here has seen. It opens no file and no socket, and knows a
// protocol only by its number in IP.
//
// The formats are those of draft-ietf-opsawg-pcapng and pcap-savefile(5). Whatever is
// read is taken for hostile: sizes are bounded, and what is malformed is an error.
package capture
