//go:build !unix

package repl

import "os"

func notifyResize(chan os.Signal) {}
