package table

import (
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
