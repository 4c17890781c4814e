// Package nearest finds the word that was meant by one that is mistyped. It knows no
// words.
package nearest

// Word is the first of words that differs from s by one edit or by a swap of
// neighbours, "" when there is none. What is shorter than three bytes is like too much.
func Word(s string, words []string) string {
	for _, w := range words {
		if len(s) > 2 && oneEdit(s, w) {
			return w
		}
	}
	return ""
}

func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch len(b) - len(a) {
	case 0:
		swapped := i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
		return i < len(a) && (a[i+1:] == b[i+1:] || swapped)
	case 1:
		return a[i:] == b[i+1:]
	}
	return false
}
