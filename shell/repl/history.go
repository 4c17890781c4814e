package repl

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

const (
	// maxHistory is how many inputs are kept in memory.
	maxHistory = 10000
	// maxHistoryFile is how much of the file is read, its end, in bytes.
	maxHistoryFile = 4 << 20
	// maxHistoryLine bounds one input in the file, in bytes.
	maxHistoryLine = 64 << 10
)

// history keeps what was typed: in a file of mode 0600, one input a line,
// appended with one write each, so that two sessions do not tear each other's.
// An input that begins with a space is not kept. An input of several lines is
// written as a Go string.
type history struct {
	path string

	mu    sync.Mutex
	lines []string
}

// openHistory reads the file at path. A file that cannot be read or written is
// told by the error; the history then lives in memory only.
func openHistory(path string) (*history, error) {
	h := &history{path: path}
	if path == "" {
		return h, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.path = ""
		return h, fmt.Errorf("history is not kept: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		h.path = ""
		return h, fmt.Errorf("history is not kept: %w", err)
	}
	defer f.Close()
	f.Chmod(0o600) // it may hold secrets, whoever made it
	if st, err := f.Stat(); err == nil && st.Size() > maxHistoryFile {
		f.Seek(-maxHistoryFile, 2)
	}
	h.lines = readHistory(bufio.NewReader(f))
	return h, nil
}

func readHistory(r *bufio.Reader) []string {
	var lines []string
	for {
		line, err := r.ReadString('\n')
		if line = decodeInput(strings.TrimSuffix(line, "\n")); line != "" && err == nil {
			lines = append(lines, line)
		}
		if err != nil {
			break
		}
	}
	if n := len(lines) - maxHistory; n > 0 {
		lines = lines[n:]
	}
	return lines
}

// add keeps an input, unless it begins with a space or repeats the last one.
func (h *history) add(input string) bool {
	if strings.TrimSpace(input) == "" || input[0] == ' ' || len(input) > maxHistoryLine {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.lines); n > 0 && h.lines[n-1] == input {
		return false
	}
	h.lines = append(h.lines, input)
	if len(h.lines) > maxHistory {
		h.lines = h.lines[1:]
	}
	if h.path == "" {
		return true
	}
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return true // told at the start
	}
	defer f.Close()
	f.Write(append(encodeInput(input), '\n'))
	return true
}

func (h *history) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.lines...)
}

// encodeInput writes an input as one line.
func encodeInput(s string) []byte {
	if strings.ContainsAny(s, "\n\r\x00") || strings.HasPrefix(s, `"`) {
		return []byte(strconv.Quote(s))
	}
	return []byte(s)
}

// decodeInput is its inverse; a line that no encodeInput wrote is taken as it is.
func decodeInput(line string) string {
	if strings.HasPrefix(line, `"`) {
		if s, err := strconv.Unquote(line); err == nil {
			return s
		}
	}
	return string(bytes.ToValidUTF8([]byte(line), nil))
}
