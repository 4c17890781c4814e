package conform

import "slices"

// Promises are all that are checked.
func Promises() []string {
	all := slices.Concat(describing, opening, calling, hostPorts, hosts, paths, addresses, ports, waiting, files,
		connections, bytesAndEnds, packets, datagrams, reaching, echoing, closing, options, fields, lacking, commands,
		layering, paired, stressed)
	out := []string{nothingLeft}
	for _, c := range all {
		if !slices.Contains(out, c.promise) {
			out = append(out, c.promise)
		}
	}
	return out
}
