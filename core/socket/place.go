package socket

import (
	"context"
	"regexp"
	"strings"
)

// Places are where plugins can run besides here: what a command leads to, such as
// "ssh lab" or "ip netns exec lab". A [Providers] may have them. Its Protocol then
// knows PROTOCOL@PLACE, whose sockets are there: addresses are resolved there, and
// paths mean files there. Safe for concurrent use.
type Places interface {
	// AddPlace keeps a place under a name, for later sessions too. One that is
	// known by that name is replaced, unless it has live sockets.
	AddPlace(name string, command []string) error
	// RemovePlace forgets one that has no live sockets.
	RemovePlace(name string) error
	// Places lists them by name. An error tells why those that are kept cannot be read.
	Places() ([]Place, error)
	// PlaceOf is the name of the place that the command leads to. One without a name
	// gets one for this session.
	PlaceOf(command []string) (string, error)
	// Reach starts the plugin of PROTOCOL@PLACE unless it runs, and carries it there
	// when it is missing, which it tells: a line. It takes what time it needs while it
	// gets on; ctx ends it.
	Reach(ctx context.Context, protocol string, tell func(line string)) error
}

// Place is one place.
type Place struct {
	Name    string
	Command []string // what leads there, at least one word; what to run there follows it
	Kept    bool     // beyond this session
}

// Bounds of a place's command.
const (
	MaxPlaceName  = 64
	maxPlaceWords = 256
	maxPlaceBytes = 4096
)

var placeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// CheckPlace reports whether a place may be called that and reached by that:
// [Usage] otherwise.
func CheckPlace(name string, command []string) error {
	if !placeName.MatchString(name) || len(name) > MaxPlaceName {
		return Faultf(Usage, "%q is no name for a place: a letter, then letters, digits, . _ and -", name)
	}
	return CheckCommand(command)
}

// CheckCommand reports whether the command may lead to a place: [Usage] otherwise.
func CheckCommand(command []string) error {
	size := 0
	for _, w := range command {
		size += len(w) + 1
		if strings.ContainsAny(w, "\x00\n\r") {
			return Faultf(Usage, "a word of the command has a line end or a NUL in it")
		}
	}
	switch {
	case len(command) == 0 || command[0] == "":
		return Faultf(Usage, "there is no command that leads to the place")
	case len(command) > maxPlaceWords || size > maxPlaceBytes:
		return Faultf(Usage, "the command is longer than %d words or %d bytes", maxPlaceWords, maxPlaceBytes)
	}
	return nil
}

// CutPlace splits PROTOCOL@PLACE; elsewhere is false for a protocol here.
func CutPlace(name string) (protocol, place string, elsewhere bool) { return strings.Cut(name, "@") }

// SplitCommand splits a command into words at blanks as a shell does: '...', "..."
// and \ quote, nothing is expanded. An open quote is [Usage].
func SplitCommand(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	begun := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t':
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		case '\'', '"':
			begun = true
			for i++; i < len(line) && line[i] != c; i++ {
				if c == '"' && line[i] == '\\' && i+1 < len(line) && strings.IndexByte(`"\`, line[i+1]) >= 0 {
					i++
				}
				word.WriteByte(line[i])
			}
			if i == len(line) {
				return nil, Faultf(Usage, "the quote %c is not closed: %s", c, line)
			}
		case '\\':
			if i++; i == len(line) {
				return nil, Faultf(Usage, `nothing follows the last \: %s`, line)
			}
			begun = true
			word.WriteByte(line[i])
		default:
			begun = true
			word.WriteByte(c)
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// JoinCommand writes words so that [SplitCommand] and shells read them back.
func JoinCommand(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		if w != "" && strings.Trim(w, plainBytes) == "" {
			b.WriteString(w)
			continue
		}
		b.WriteString("'" + strings.ReplaceAll(w, "'", `'\''`) + "'")
	}
	return b.String()
}

// plainBytes mean nothing to a shell.
const plainBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%"
