package nearest

import "testing"

func TestWordIsOneSlipAway(t *testing.T) {
	words := []string{"open", "accept", "show"}
	for in, want := range map[string]string{"opne": "open", "acept": "accept", "shows": "show", "shiw": "show", "xyz": "", "op": "", "open": ""} {
		if got := Word(in, words); got != want {
			t.Errorf("%s: %q, not %q", in, got, want)
		}
	}
}
