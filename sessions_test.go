package main

import (
	"bytes"
	"testing"
)

// TestOwnSessions runs the sessions that are scripts as a user would: beside each
// other, more than there are processors, and several times.
func TestOwnSessions(t *testing.T) {
	out, err := soshCommand(t, "test", "testdata/sessions", "-j", "8", "--repeat", "3", "--tap").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := bytes.Count(out, []byte("\nok ")); n < 60 {
		t.Errorf("%d tests passed; there are at least 20 files, thrice\n%s", n, out)
	}
}
