package socket

import (
	"errors"
	"testing"
)

func TestErrorWithoutWordsSaysSo(t *testing.T) {
	if got := (&Error{Op: "connect", Place: "s x", Err: errors.New("")}).Error(); got != "connect s x: failed without a reason" {
		t.Error(got)
	}
	if got := (&Error{Op: "connect", Place: "s x"}).Error(); got != "connect s x" {
		t.Error(got)
	}
}
