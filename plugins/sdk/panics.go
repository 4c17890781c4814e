package sdk

import (
	"log"
	"runtime/debug"
)

// caught calls f, and makes a panic of it an error that is [Failed], with its stack in
// the log: what one connection did must not end the others.
func caught(doing string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicked(doing, r)
		}
	}()
	return f()
}

// panicked is the error of a panic whose value is r. It logs the stack.
func panicked(doing string, r any) error {
	log.Printf("panic in %s: %v\n%s", doing, r, debug.Stack())
	return Faultf(Failed, "panic: %v", r)
}
