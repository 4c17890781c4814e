package expect

import (
	"regexp"
	"strings"
	"testing"
)

func BenchmarkReply(b *testing.B) {
	for _, c := range []struct{ pattern, in string }{
		{`^OK`, "OK 123456\n"},
		{`PONG`, "+PONG\r\n"},
		{`^HTTP/1\.[01] ([0-9]+)`, "HTTP/1.1 200 OK\r\n"},
		{`([0-9]+)$`, "value: 12345\r\n"},
	} {
		b.Run(c.pattern, func(b *testing.B) {
			m := mustCompile(b, c.pattern).Matcher(-1)
			in := []byte(c.in)
			b.ReportAllocs()
			for b.Loop() {
				m.Reset(-1)
				if !m.Feed(in) {
					b.Fatal("undecided")
				}
				if _, ok := m.Match(); !ok {
					b.Fatal("no match")
				}
			}
		})
	}
}

func BenchmarkNewMatcher(b *testing.B) {
	p := mustCompile(b, `^HTTP/1\.[01] ([0-9]+)`)
	b.ReportAllocs()
	for b.Loop() {
		p.Matcher(-1).Feed([]byte("HTTP/1.1 200 OK\r\n"))
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		mustCompile(b, `^HTTP/1\.[01] ([0-9]+)`)
	}
}

// A pattern that is used once.
func BenchmarkOnce(b *testing.B) {
	for _, c := range []struct{ name, pattern string }{
		{"status", `^HTTP/1\.[01] ([0-9]+)`}, {"large", `HTTP.*(a{1000}|b{1000}|(c|d){1000}|\pL{500})`},
	} {
		p := mustCompile(b, c.pattern)
		in := []byte("HTTP/1.1 200 OK\r\n")
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				newPattern(p.text, p.names, p.prog).Matcher(-1).Feed(in)
			}
		})
		b.Run(c.name+" on the machine", func(b *testing.B) {
			for b.Loop() {
				onMachine(p).Matcher(-1).Feed(in)
			}
		})
	}
}

// A flood without a match, in pieces as they come from a socket. Package
// regexp, which sees it whole, is there to compare.
func BenchmarkFlood(b *testing.B) {
	flood := []byte(strings.Repeat("2024-01-02 12:00:00 host app[123]: GET /index.html took 12 ms\r\n", 1000))
	for _, pattern := range []string{
		`login: `, `^ERROR (\w+)`, `(?i)error: ([0-9]+)`, `\btook [0-9]+ s$`, `[^ ]+@[^ ]+`, `.*zzz`, `(x?){30}x{30}`,
	} {
		b.Run(pattern, func(b *testing.B) {
			m := mustCompile(b, pattern).Matcher(-1)
			b.SetBytes(int64(len(flood)))
			b.ReportAllocs()
			for b.Loop() {
				for rest := flood; len(rest) > 0; {
					n := min(16<<10, len(rest))
					m.Feed(rest[:n])
					rest = rest[n:]
				}
			}
		})
		b.Run("regexp/"+pattern, func(b *testing.B) {
			re := regexp.MustCompile("(?m)" + pattern)
			b.SetBytes(int64(len(flood)))
			for b.Loop() {
				re.FindSubmatchIndex(flood)
			}
		})
	}
}

// 100 MB in pieces of 64 KiB without a match.
func BenchmarkNoMatch100MB(b *testing.B) {
	const size, piece = 100 << 20, 64 << 10
	log := "2024-01-02 12:00:00 host app[123]: GET /index.html took 12 ms\r\n"
	texts := map[string]string{
		"log":      log,
		"xs":       strings.Repeat("x", 29) + strings.Repeat(" x", 7) + strings.Repeat("x", 21) + "y",
		"ab":       "abbabaaabbbabababbaabaabbbaababbababaabbbabaabab",
		"cyrillic": "в начале сотворил бог небо и землю, 日本語 ひらがな\n",
		"base64":   "VGhpcyBpcyBhIGxvbmcgdGV4dCB3aXRob3V0IGEgYnJlYWsgYW5kIHdpdGhvdXQgYW4gZW5k",
	}
	for _, c := range []struct{ name, text, pattern string }{
		{"literal", "log", `login: `},
		{"literal common", "log", `took 13 (ms|s)`},
		{"literal at a line", "log", `^ERROR (\w+)`},
		{"literal byte", "log", `G(ET|OT) /[a-z]+\.php`},
		{"literal fold", "log", `(?i)error: ([0-9]+)`},
		{"class", "log", `[^ ]+@[^ ]+`},
		{"dots", "log", `.*zzz`},
		{"captures", "log", `(\w+) (\w+)\[(\d+)\]: (PUT|POST) (\S+)`},
		{"date", "log", `([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})`},
		{"alternatives", "log", `(?:error|warning|fatal|panic|alert|emerg|crit): (.*)$`},
		{"address", "log", `\b([a-z0-9._-]+)@((?:[a-z0-9-]+\.)+[a-z]{2,})\b`},
		{"never ends", "log", `(?s)2024(.*)zzz`},
		{"x30", "log", `(x?){30}x{30}`},
		{"x30 of x", "xs", `(x?){30}x{30}`},
		{"count", "ab", `[ab]{60}c`},
		{"count to the limit", "ab", `[ab]{97}c`},
		{"count of groups", "base64", `(\w)(\w{10})(\w{20})(\w)@`},
		{"letters", "cyrillic", `\pL+@`},
		{"letters fold", "cyrillic", `(?i)ИСХОД`},
		{"letters count", "cyrillic", `(\pL{9}) (\PL+)x`},
		{"ambiguous", "ab", `[ab]*a[ab]{8}c`},
	} {
		data := []byte(strings.Repeat(texts[c.text], 1<<20/len(texts[c.text])+1))
		b.Run(c.name, func(b *testing.B) {
			p := mustCompile(b, c.pattern)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				m := p.Matcher(-1)
				for left := size; left > 0; {
					for rest := data; len(rest) > 0 && left > 0; {
						n := min(piece, len(rest), left)
						if m.Feed(rest[:n]) {
							b.Fatal("decided")
						}
						rest = rest[n:]
						left -= n
					}
				}
				if m.state == nil {
					b.Fatal("the automaton was left")
				}
			}
			b.ReportMetric(float64(len(p.prog.insts)), "insts")
		})
	}
}
