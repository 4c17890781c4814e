//go:build !unix

package sdk

import "os"

// takeStdio takes stdin and stdout for the connection; what this program prints by
// os.Stdout goes to stderr.
func takeStdio() (in, out *os.File, err error) {
	in, out = os.Stdin, os.Stdout
	os.Stdout = os.Stderr
	return in, out, nil
}
