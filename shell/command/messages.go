package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sosh-shell/sosh/core/expect"
	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// message receives one message, or with --all all until the end.
func (r *receiver) message(ctx context.Context, c *Call, s *table.Socket, t *table.Turn) error {
	for {
		m, err := t.Message(ctx, 0)
		if errors.Is(err, socket.Ended) && r.all {
			return r.out.end()
		}
		if err != nil {
			return err
		}
		r.peer = m.Peer
		if r.peer.IsZero() {
			f, _ := s.Facts()
			r.peer = f.Remote
		}
		if err := r.showMessage(ctx, c, s, m); err != nil {
			return err
		}
		t.Drop(1)
		if !r.all {
			return nil
		}
	}
}

// showMessage delivers one message: its fields where they are asked for, or to
// people; else its data.
func (r *receiver) showMessage(ctx context.Context, c *Call, s *table.Socket, m socket.Message) error {
	d := s.Top()
	decodes := d.Can(socket.CallDecode)
	inFields := len(r.fields) > 0 || r.variable == "" && !r.hex && (r.json || c.Terminal && !r.raw)
	if !decodes || !inFields {
		data := m.Data
		if r.bytes > 0 && int64(len(data)) > r.bytes {
			data = data[:r.bytes]
			c.warn("recv %s: the message has %d bytes: %d were cut off", s.Name(), len(m.Data), len(m.Data)-len(data))
		}
		r.out.peer = r.peer
		if err := r.out.write(data); err != nil || r.all && !r.out.whole() {
			return err
		}
		return r.out.end()
	}
	all, err := s.Decode(ctx, []socket.Message{m})
	if err != nil {
		return &socket.Error{Op: "recv", Place: s.Place(), Err: err, Hint: causeHint(err)}
	}
	fields := all[0]
	if r.json && r.variable == "" {
		o := render.Object{{Key: "socket", Value: s.Name()}, {Key: "peer", Value: r.peer.Text(s.Description().Address)}}
		return writeError(render.JSON(c.Stdout, append(o, members(d.Fields, fields, r.fields)...)))
	}
	if len(r.fields) == 0 {
		var b strings.Builder
		for _, f := range fields {
			b.WriteString(fieldWord(f) + "\n")
		}
		return writeError(c.print("%s", b.String()))
	}
	return r.printFields(fields)
}

// FieldWords are a message's fields for people, as words that send would take.
func FieldWords(fields []socket.Setting) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = fieldWord(f)
	}
	return out
}

func fieldWord(f socket.Setting) string {
	plain := f.Value != "" && strings.Trim(f.Value, plainLetters) == ""
	if plain {
		return f.Name + "=" + f.Value
	}
	return f.Name + "=" + render.Quote([]byte(f.Value))
}

// plainLetters need no quotes.
const plainLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@%+-,"

// printFields prints the values that were asked for, a line each; one that the
// message lacks is an empty line.
func (r *receiver) printFields(fields []socket.Setting) error {
	var b bytes.Buffer
	for i, name := range r.fields {
		if i > 0 {
			b.WriteByte('\n')
		}
		value := valueOf(fields, name)
		if r.hex {
			value = hexWords([]byte(value))
		}
		b.WriteString(value)
	}
	if r.variable == "" {
		b.WriteByte('\n')
	}
	r.out.hex = false // it is text by now
	if err := r.out.write(b.Bytes()); err != nil {
		return err
	}
	return r.out.end()
}

func valueOf(fields []socket.Setting, name string) string {
	for _, f := range fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// members are fields as JSON has them, by the types that were declared; those of
// names only, when there are any.
func members(declared []socket.Field, fields []socket.Setting, names []string) render.Object {
	var o render.Object
	add := func(name, value string) {
		f, _ := socket.FieldNamed(declared, name)
		if !utf8.ValidString(value) {
			o = append(o, render.Member{Key: name + ".hex", Value: hexWords([]byte(value))})
			return
		}
		o = append(o, render.Member{Key: name, Value: typed(f.Type, value)})
	}
	if len(names) == 0 {
		for _, f := range fields {
			add(f.Name, f.Value)
		}
	}
	for _, n := range names {
		add(n, valueOf(fields, n))
	}
	return o
}

// typed is a field's value as JSON writes it; words of numbers stay words.
func typed(t socket.FieldType, value string) any {
	switch t {
	case socket.IntField:
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return n
		}
	case socket.FloatField:
		if x, err := strconv.ParseFloat(value, 64); err == nil {
			return x
		}
	case socket.BoolField:
		return value == "on"
	}
	return value
}

// checkFields refuses names that the messages of the socket do not have.
func (c *Call) checkFields(s *table.Socket, names []string) error {
	d := s.Top()
	for _, n := range names {
		if !d.Can(socket.CallDecode) {
			return c.usage("%q is one argument too many: messages of %s have no fields", n, d.Name)
		}
		if _, ok := socket.FieldNamed(d.Fields, n); !ok && n != "error" {
			return c.usage("messages of %s have no field %q: help %s lists them", d.Name, n, d.Name)
		}
	}
	return nil
}

// wanted are the fields that words of the form FIELD=VALUE name, when all are.
func wanted(d socket.Description, words []string) (out []socket.Setting, ok bool) {
	for _, w := range words {
		name, value, cut := strings.Cut(w, "=")
		if _, known := socket.FieldNamed(d.Fields, name); !cut || !known {
			return nil, false
		}
		out = append(out, socket.Setting{Name: name, Value: value})
	}
	return out, len(out) > 0
}

// fieldLike is a word that reads as FIELD=VALUE.
var fieldLike = regexp.MustCompile(`^[a-z][a-z0-9_.-]*=`)

// strange finds the word among FIELD=VALUE words whose field the messages lack.
func strange(d socket.Description, words []string) (string, bool) {
	for _, w := range words {
		if !fieldLike.MatchString(w) {
			return "", false
		}
	}
	for _, w := range words {
		name, _, _ := strings.Cut(w, "=")
		if _, ok := socket.FieldNamed(d.Fields, name); !ok {
			return name, true
		}
	}
	return "", false
}

// sameField compares values as their declaration means them: a number and its word
// are the same.
func sameField(f socket.Field, a, b string) bool {
	if a == b {
		return true
	}
	number := func(s string) (int64, bool) {
		for _, n := range f.Names {
			if n.Name == s {
				return n.Value, true
			}
		}
		n, err := strconv.ParseInt(s, 0, 64)
		return n, err == nil
	}
	x, ok := number(a)
	y, too := number(b)
	return f.Type == socket.IntField && ok && too && x == y
}

// messages waits for a message that matches, by its bytes or by its fields.
func (e *expectation) messages(ctx context.Context, fields []socket.Setting) error {
	d := e.s.Top()
	e.fields = fields
	for i := 0; ; i++ {
		m, err := e.t.Message(ctx, i)
		if err != nil {
			return e.failedMessages(err)
		}
		var found expect.Match
		ok := false
		var decoded []socket.Setting
		if len(fields) > 0 {
			all, err := e.s.Decode(ctx, []socket.Message{m})
			if err != nil {
				return e.failedMessages(err)
			}
			decoded = all[0]
			ok = e.fits(d, i, decoded)
			found.Groups = []expect.Span{{Start: 0, End: int64(len(m.Data))}}
		} else {
			p := e.p.Matcher(-1)
			p.Feed(m.Data)
			p.End()
			found, ok = p.Match()
		}
		if ok {
			return e.matchedMessage(ctx, i, m, found, decoded)
		}
	}
}

// matchedMessage sets the variables, prints when captured, and consumes the message
// and those before it.
func (e *expectation) matchedMessage(ctx context.Context, i int, m socket.Message, found expect.Match, decoded []socket.Setting) error {
	if err := e.found(m.Data, found, e.messageVars(ctx, m, decoded)); err != nil {
		return err
	}
	e.t.Drop(i + 1)
	return nil
}

// messageVars are the variables that a message sets: its sender and its fields, which
// are decoded where they are not yet.
func (e *expectation) messageVars(ctx context.Context, m socket.Message, decoded []socket.Setting) []Assignment {
	if decoded == nil && e.s.Top().Can(socket.CallDecode) {
		if all, err := e.s.Decode(ctx, []socket.Message{m}); err == nil {
			decoded = all[0]
		}
	}
	peer := m.Peer
	if peer.IsZero() {
		f, _ := e.s.Facts()
		peer = f.Remote
	}
	vars := []Assignment{{Name: "peer", Value: peer.Text(e.s.Description().Address)}}
	for _, f := range decoded {
		if name := "match_" + variableName(f.Name); !strings.Contains(f.Value, "\x00") {
			vars = append(vars, Assignment{Name: name, Value: f.Value})
		}
	}
	return vars
}

// variableName is a field's name as a variable can have it.
func variableName(field string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, field)
}

// fits reports whether a message has the fields that are waited for, and remembers
// the one that has most of them.
func (e *expectation) fits(d socket.Description, i int, decoded []socket.Setting) bool {
	var fit, not []string
	for _, want := range e.fields {
		f, _ := socket.FieldNamed(d.Fields, want.Name)
		if has := valueOf(decoded, want.Name); sameField(f, has, want.Value) {
			fit = append(fit, fieldWord(want))
		} else {
			not = append(not, want.Name+" is "+briefOr(has, "not there"))
		}
	}
	if n := len(fit); n > 0 && n >= e.fitted {
		e.fitted = n
		e.near = fmt.Sprintf("message %d: %s fits, but %s", i+1, strings.Join(fit, " "), strings.Join(not, ", "))
	}
	return len(not) == 0
}

func briefOr(value, none string) string {
	if value == "" {
		return none
	}
	return render.Quote([]byte(brief(value)))
}

// expectFault is the error of an expect at that place. A place in err is the socket's,
// which is told already; what has none is a plugin's failure, and names it.
func expectFault(place string, err error) *socket.Error {
	fault := &socket.Error{Op: "expect", Place: place, Err: err}
	var inner *socket.Error
	if errors.As(err, &inner) {
		fault.Hint = inner.Hint
		if inner.Place != "" {
			fault.Err = inner.Err
		}
	}
	return fault
}

// failedMessages tells what had arrived instead.
func (e *expectation) failedMessages(err error) error {
	fault := expectFault(e.place(), err)
	list := e.t.UnreadMessages()
	switch {
	case len(list) > 0:
		fault.Hint = plural(len(list), "message") + " had arrived and " + isAre(len(list)) + " kept; the last: " + preview(list[len(list)-1].Data)
	case fault.Hint == "":
		fault.Hint = nothingCame(e.s)
	}
	var r report
	r.add("wanted", shortened(e.text))
	r.add("waited", e.watch.String())
	r.messages(e.s, "", list, func() {
		switch {
		case e.where != nil:
			r.add("nearest", e.where.nearest())
		case e.p != nil:
			r.add("nearest", nearestMessage(e.p, list))
		case e.near != "":
			r.add("nearest", e.near)
		default:
			r.add("nearest", "none: no message has one of these")
		}
	})
	return r.fail(fault, causeHint(err))
}

// nothingCame says why nothing may have come.
func nothingCame(s *table.Socket) string {
	if r, n := s.Returned(); n > 0 {
		return "nothing had arrived; to " + r.To.Text(s.Description().Address) + ": " + r.Error()
	}
	return "nothing had arrived"
}
