package repl

import (
	"io"
	"os"
	"sync"
	"unicode/utf8"

	"github.com/chzyer/readline"
)

// input gives readline the keys, one a Read. It never takes more from the
// terminal than the line needs: what is typed behind it may be for the program
// that the line starts.
type input struct {
	in   *os.File
	keys keys
	next []key // decoded and not handed over; Read's alone

	want  chan int // how many bytes may be read
	got   chan []byte
	going chan struct{} // holds a token while reading may go on
	stop  chan struct{}
	once  sync.Once

	mu     sync.Mutex
	pastes []string // the texts of the paste keys handed over
}

func newInput(in *os.File) *input {
	i := &input{
		in: in, want: make(chan int), got: make(chan []byte),
		going: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	go i.read() // ends with the process: a read of a terminal cannot be cancelled
	return i
}

func (i *input) read() {
	defer close(i.got)
	for n := range i.want {
		b := make([]byte, n)
		n, err := i.in.Read(b)
		if n > 0 {
			i.got <- b[:n]
		}
		if err != nil {
			return
		}
	}
}

// Read is called by readline's terminal loop only, which reads ahead of the
// loop that handles the keys. So after a key that may end the line it waits
// until it is told that this key did not, or that the next line has begun.
func (i *input) Read(p []byte) (int, error) {
	select {
	case <-i.going:
	case <-i.stop:
		return 0, io.EOF
	}
	for len(i.next) == 0 {
		n := 1
		if i.keys.paste {
			n = len(p)
		}
		select {
		case i.want <- n:
		case <-i.stop:
			return 0, io.EOF
		}
		select {
		case b, ok := <-i.got:
			if !ok {
				i.end()
				return 0, io.EOF
			}
			i.next = i.keys.next(b)
		case <-i.stop:
			return 0, io.EOF
		}
	}
	k := i.next[0]
	i.next = i.next[1:]
	switch k.r {
	case pasteKey:
		i.mu.Lock()
		i.pastes = append(i.pastes, k.text)
		i.mu.Unlock()
		i.goOn()
	case readline.CharEnter, readline.CharCtrlJ, readline.CharInterrupt, readline.CharDelete:
	default:
		i.goOn()
	}
	return utf8.EncodeRune(p, k.r), nil
}

// goOn lets reading go on.
func (i *input) goOn() {
	select {
	case i.going <- struct{}{}:
	default:
	}
}

// pasted is the text of the paste key that is being handled.
func (i *input) pasted() []rune {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.pastes) == 0 {
		return nil
	}
	text := i.pastes[0]
	i.pastes = i.pastes[1:]
	return []rune(text)
}

// end ends all reading, as at the end of input.
func (i *input) end() { i.once.Do(func() { close(i.stop) }) }

func (i *input) ended() bool {
	select {
	case <-i.stop:
		return true
	default:
		return false
	}
}

// Close is for readline, which closes its input; ours stays the process's.
func (i *input) Close() error { return nil }
