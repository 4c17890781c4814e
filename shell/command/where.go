package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/itchyny/gojq"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/core/table"
	"github.com/sosh-shell/sosh/shell/render"
)

// whereTime is what the expression of --where may take for one value: it is a
// program, and need not end. It is asked between the expression's steps; one step
// that makes something huge takes the time and the memory that it takes.
const whereTime = time.Second

// fieldsVariable is a message's fields in the expression of --where.
const fieldsVariable = "$fields"

// outside is what jq has that leads out of the expression: to the environment, to
// other input, to the end of the program.
var outside = map[string]bool{
	"env": true, "$ENV": true, "input": true, "inputs": true, "input_filename": true, "input_line_number": true,
	"halt": true, "halt_error": true, "debug": true, "stderr": true, "get_search_list": true, "modulemeta": true,
}

// where is an expression of jq that a JSON value is to fulfil.
type where struct {
	text   string
	code   *gojq.Code
	fields bool // it looks at the fields

	// For the report.
	tried int    // values
	gave  string // what the expression made of the last
	last  string // the last, and that
	rest  string // what is no value
}

// compileWhere reads an expression. A bad one is [socket.Usage].
func (c *Call) compileWhere(text string) (*where, error) {
	bad := func(format string, args ...any) (*where, error) {
		return nil, &socket.Error{Op: c.command.Name, Place: "--where '" + brief(text) + "'", Err: socket.Faultf(socket.Usage, format, args...)}
	}
	q, err := gojq.Parse(text)
	if parse, ok := errors.AsType[*gojq.ParseError](err); ok {
		return bad("byte %d: %v", max(1, parse.Offset-len(parse.Token)+1), err)
	}
	if err != nil {
		return bad("%v", err)
	}
	names := map[string]bool{}
	functions(reflect.ValueOf(q), names)
	for name := range outside {
		if names[name] {
			return bad("%s is closed here: an expression sees its value and %s", name, fieldsVariable)
		}
	}
	code, err := gojq.Compile(q, gojq.WithVariables([]string{fieldsVariable}))
	if err != nil {
		return bad("%v", err)
	}
	return &where{text: text, code: code, fields: strings.Contains(text, fieldsVariable)}, nil
}

// expectWhere is expect --where.
func (c *Call) expectWhere(ctx context.Context, args []string, text string, limit render.Duration) error {
	if len(args) > 1 {
		return c.usage("%q is one argument too many: --where takes the place of RE", args[1])
	}
	w, err := c.compileWhere(text)
	if err != nil {
		return err
	}
	if err := c.clearMatch(); err != nil {
		return err
	}
	s, err := c.Session.socket("expect", args[0])
	if err != nil {
		return err
	}
	e := expectation{c: c, s: s, where: w, text: text, watch: c.Session.watch(limit)}
	step, cancel := c.Session.step(ctx, limit)
	defer cancel()
	if e.t, err = s.Read(step); err != nil {
		return err
	}
	defer e.t.Done()
	if s.Messages() {
		return e.whereMessages(step)
	}
	return e.whereStream(step)
}

// functions collects the names of functions and variables that a query uses.
func functions(v reflect.Value, names map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		if f, ok := v.Interface().(*gojq.Func); ok {
			names[f.Name] = true
		}
		functions(v.Elem(), names)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				functions(v.Field(i), names)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			functions(v.Index(i), names)
		}
	}
}

// holds evaluates the expression on a value: it holds when a result is neither false
// nor null, which is then given. An expression that fails on the value does not hold.
// The error is ctx's end.
func (w *where) holds(ctx context.Context, value any, fields map[string]any) (result any, ok bool, err error) {
	w.tried++
	w.gave = "gave nothing"
	limited, cancel := context.WithTimeout(ctx, whereTime)
	defer cancel()
	for iter := w.code.RunWithContext(limited, value, fields); ; {
		v, more := iter.Next()
		if !more {
			return nil, false, nil
		}
		if failed, is := v.(error); is {
			switch {
			case ctx.Err() != nil:
				return nil, false, table.Ended(ctx)
			case limited.Err() != nil:
				w.gave = "took longer than " + whereTime.String()
			default:
				w.gave = "failed: " + failed.Error()
			}
			return nil, false, nil
		}
		if v != nil && v != false {
			return v, true, nil
		}
		w.gave = "gave " + jsonText(v)
	}
}

// jsonText is a value of jq's as JSON.
func jsonText(v any) string {
	text, err := gojq.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// resultText is a result as a variable has it: a string as it is, the rest as JSON.
func resultText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return jsonText(v)
}

// unreadBytes reads what is unread of a stream from a place on, waits for more, and
// consumes nothing.
type unreadBytes struct {
	ctx  context.Context
	t    *table.Turn
	from int   // where the value begins
	at   int   // how far it is read
	err  error // why nothing more comes
}

func (r *unreadBytes) Read(p []byte) (int, error) {
	if r.at == len(r.t.Unread()) {
		if wholeWord(r.t.Unread()[r.from:]) {
			p[0] = ' ' // the decoder wants the byte behind it, which need not come
			return 1, nil
		}
		if _, r.err = r.t.Fill(r.ctx); errors.Is(r.err, socket.Ended) {
			return 0, io.EOF // with it a number is whole
		} else if r.err != nil {
			return 0, r.err
		}
	}
	n := copy(p, r.t.Unread()[r.at:])
	r.at += n
	return n, nil
}

// wholeWord reports whether text is a JSON value that no further byte could change,
// and whose end is not to be seen at a bracket: a string, true, false or null. A number
// may go on.
func wholeWord(text []byte) bool {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || !bytes.ContainsRune([]byte(`"tfn`), rune(text[0])) || !bytes.ContainsRune([]byte(`"el`), rune(text[len(text)-1])) {
		return false
	}
	return json.Valid(text)
}

// whereStream waits for a JSON value of the stream that fulfils the expression.
func (e *expectation) whereStream(ctx context.Context) error {
	e.began = len(e.t.Unread())
	for from := 0; ; {
		in := &unreadBytes{ctx: ctx, t: e.t, from: from, at: from}
		d := json.NewDecoder(in)
		d.UseNumber()
		var v any
		err := d.Decode(&v)
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at := from + max(0, int(syntax.Offset)-1)
			return e.failedWhere(socket.Faultf(socket.Malformed, "byte %d: %v", at, syntax), at+1)
		}
		if err != nil {
			if in.err != nil {
				err = in.err
			}
			if have := bytes.TrimLeft(e.t.Unread()[from:], " \t\r\n"); len(have) > 0 {
				e.where.rest = fmt.Sprintf("the value that begins at byte %d is not whole", len(e.t.Unread())-len(have))
			}
			return e.failedWhere(err, len(e.t.Unread()))
		}
		end := from + int(d.InputOffset())
		text := bytes.TrimSpace(e.t.Unread()[from:end])
		result, ok, err := e.where.holds(ctx, v, nil)
		if err != nil {
			return e.failedWhere(err, len(e.t.Unread()))
		}
		if !ok {
			e.where.last = fmt.Sprintf("the last, %s at byte %d, %s", piece(text), end-len(text), e.where.gave)
			from = end
			continue
		}
		if err := e.foundWhere(text, result, nil); err != nil {
			return err
		}
		e.t.Consume(end)
		return nil
	}
}

// whereMessages waits for a message that fulfils the expression: its data where that
// is JSON, else its fields.
func (e *expectation) whereMessages(ctx context.Context) error {
	decodes := e.s.Top().Can(socket.CallDecode)
	for i := 0; ; i++ {
		m, err := e.t.Message(ctx, i)
		if err != nil {
			return e.failedMessages(err)
		}
		text := bytes.TrimSpace(m.Data)
		value, is := parseJSON(text)
		var decoded []socket.Setting
		fields := map[string]any{}
		if decodes && (!is || e.where.fields) {
			all, err := e.s.Decode(ctx, []socket.Message{m})
			if err != nil {
				return e.failedMessages(err)
			}
			decoded = all[0]
			fields = fieldValues(e.s.Top().Fields, decoded)
		}
		if !is && !decodes {
			e.where.rest = fmt.Sprintf("message %d is not JSON", i+1)
			continue
		}
		if !is {
			value, text = fields, []byte(jsonText(fields))
		}
		result, ok, err := e.where.holds(ctx, value, fields)
		if err != nil {
			return e.failedMessages(err)
		}
		if !ok {
			e.where.last = fmt.Sprintf("the last, %s of message %d, %s", piece(text), i+1, e.where.gave)
			continue
		}
		if err := e.foundWhere(text, result, e.messageVars(ctx, m, decoded)); err != nil {
			return err
		}
		e.t.Drop(i + 1)
		return nil
	}
}

func parseJSON(text []byte) (v any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil, false
	}
	_, err := d.Token()
	return v, err == io.EOF
}

// fieldValues are a message's fields as an object; where a name comes several times
// the first counts, as in variables.
func fieldValues(declared []socket.Field, fields []socket.Setting) map[string]any {
	o := map[string]any{}
	for _, f := range fields {
		if _, ok := o[f.Name]; ok {
			continue
		}
		d, _ := socket.FieldNamed(declared, f.Name)
		switch v := typed(d.Type, f.Value).(type) {
		case int64:
			o[f.Name] = json.Number(strconv.FormatInt(v, 10))
		default:
			o[f.Name] = v
		}
	}
	return o
}

// foundWhere sets the variables of a value that fulfils the expression, and prints
// when captured: the result, or the value where the result is only true.
func (e *expectation) foundWhere(text []byte, result any, vars []Assignment) error {
	values := []string{string(text)}
	shown := values[0]
	if result != true {
		shown = resultText(result)
		values = append(values, shown)
	} else if compact := new(bytes.Buffer); json.Compact(compact, text) == nil {
		shown = compact.String()
	}
	if strings.Contains(shown, "\x00") {
		if e.c.Captured {
			return &socket.Error{Op: "expect", Place: e.place(), Err: errNUL, Hint: "tojson gives a string as JSON has it"}
		}
		values[1] = ""
	}
	vars = append(vars, Assignment{Name: "match", Values: values}, Assignment{Name: "match_sock", Value: e.s.Name()}, Assignment{Name: "match_index", Value: "0"})
	if e.c.Captured {
		if err := e.c.print("%s\n", shown); err != nil {
			return err
		}
	}
	return e.c.setMatch(vars)
}

// failedWhere tells what had arrived on a stream instead; the bytes shown are those
// before shown, and a few behind.
func (e *expectation) failedWhere(err error, shown int) error {
	if errors.Is(err, syscall.ENOTCONN) {
		return e.s.NotConnected("expect")
	}
	have := e.t.Unread()
	fault := &socket.Error{Op: "expect", Place: e.place(), Err: err, Hint: "nothing had arrived"}
	var r report
	r.add("wanted", shortened(e.text))
	r.add("waited", e.watch.String())
	r.add("arrived", arrived(len(have), e.began))
	if len(have) > 0 {
		fault.Hint = plural(len(have), "byte") + " had arrived and " + isAre(len(have)) + " kept"
		if near := e.where.nearest(); near != "" {
			r.add("nearest", near)
			fault.Hint += "; " + near
		}
		r.data("text", have[:min(len(have), shown+32)], 0)
	}
	return r.fail(fault, causeHint(err))
}

// nearest tells of the values that did not fulfil the expression.
func (w *where) nearest() string {
	var words []string
	if w.tried > 0 {
		words = append(words, plural(w.tried, "value"), w.last)
	}
	if w.rest != "" {
		words = append(words, w.rest)
	}
	return strings.Join(words, "; ")
}
