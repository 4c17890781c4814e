package lang

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// integer reads a number as C writes it; 'c is a character's.
func (p *printing) integer(s string) int64 {
	if s == "" {
		return 0
	}
	if s[0] == '\'' || s[0] == '"' {
		r, _ := utf8.DecodeRuneInString(s[1:])
		if len(s) == 1 {
			r = 0
		}
		return int64(r)
	}
	t := strings.TrimLeft(s, " \t\n")
	v, n, over := leading(t)
	if n == 0 || n < len(t) {
		p.complain("%s: invalid number", s)
	} else if over {
		p.complain("%s: out of range", s)
	}
	return v
}

func (p *printing) complain(format string, args ...any) {
	if p.bad == nil {
		p.bad = fmt.Errorf(format, args...)
	}
}

// leading is the integer that s begins with, and its length.
func leading(s string) (v int64, n int, over bool) {
	negative := false
	if n < len(s) && (s[n] == '+' || s[n] == '-') {
		negative = s[n] == '-'
		n++
	}
	base, digits := 10, n
	switch {
	case strings.HasPrefix(s[n:], "0x"), strings.HasPrefix(s[n:], "0X"):
		base, digits = 16, n+2
	case strings.HasPrefix(s[n:], "0"):
		base = 8
	}
	end := digits
	for end < len(s) {
		if _, err := strconv.ParseUint(s[end:end+1], base, 8); err != nil {
			break
		}
		end++
	}
	if end == digits {
		return 0, 0, false
	}
	u, err := strconv.ParseUint(s[digits:end], base, 64)
	switch {
	case err != nil && errors.Is(err, strconv.ErrRange):
		if over = true; negative {
			return math.MinInt64, end, over
		}
		return math.MaxInt64, end, over
	case negative:
		return -int64(u), end, false
	}
	return int64(u), end, false
}

func (p *printing) float(s string, given bool) float64 {
	if !given || s == "" {
		return 0
	}
	if s[0] == '\'' || s[0] == '"' {
		return float64(p.integer(s))
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		n, _, _ := leading(s)
		p.complain("%s: invalid number", s)
		return float64(n)
	}
	return v
}
