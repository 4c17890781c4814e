package table

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/sosh-shell/sosh/core/socket"
)

func TestNumbersWithWordsAreShownAsWords(t *testing.T) {
	declared := []socket.Field{
		{Name: "op", Type: socket.IntField, Names: []socket.FieldName{{Name: "set", Value: 1}, {Name: "reply", Value: 16}}},
		{Name: "size", Type: socket.IntField},
		{Name: "text", Type: socket.TextField, Names: []socket.FieldName{{Name: "one", Value: 1}}},
	}
	fields := []socket.Setting{{Name: "op", Value: "1"}, {Name: "op", Value: "0x10"}, {Name: "op", Value: "2"}, {Name: "op", Value: "set"},
		{Name: "size", Value: "1"}, {Name: "text", Value: "1"}, {Name: "other", Value: "1"}}
	inWords(declared, fields)
	var got []string
	for _, f := range fields {
		got = append(got, f.Value)
	}
	if want := []string{"set", "reply", "2", "set", "1", "1", "1"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

// mute is a protocol whose messages cannot be decoded.
type mute struct {
	socket.Complete
	err error
}

func (m mute) Decode(context.Context, socket.Mark, []socket.Message) ([][]socket.Setting, error) {
	return nil, m.err
}

func TestErrorOfDecodingNamesThePlugin(t *testing.T) {
	for err, want := range map[error]string{
		errors.New("no such op"): "the odd plugin: no such op",
		errors.New(""):           "the odd plugin: failed without a reason",
		context.DeadlineExceeded: "timed out",
		&socket.Error{Op: "the odd plugin", Err: socket.Lost}:                     "the odd plugin: the socket is lost",
		socket.Faultf(socket.Unsupported, "%s", "messages of odd have no fields"): "messages of odd have no fields",
	} {
		var s Socket
		s.top.Store(&level{proto: mute{err: err}, desc: socket.Description{Name: "odd"}})
		if _, got := s.Decode(t.Context(), nil); got == nil || got.Error() != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}
