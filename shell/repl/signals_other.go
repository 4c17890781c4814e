//go:build !unix

package repl

import "os"

func notifyScreen(chan os.Signal) {}
