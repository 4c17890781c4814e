package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Object is a JSON object whose members keep their order.
type Object []Member

// Member is one member. Value is a string, a number, a bool, nil or []byte:
// bytes are a string where they are UTF-8, else the member is named "hex".
type Member struct {
	Key   string
	Value any
}

// Text is the member of that key in words, "" when the object lacks it.
func (o Object) Text(key string) string {
	for _, m := range o {
		if m.Key == key && m.Value != nil {
			return fmt.Sprint(m.Value)
		}
	}
	return ""
}

// JSON prints objects, one a line.
func JSON(w io.Writer, objects ...Object) error {
	var b bytes.Buffer
	for _, o := range objects {
		b.WriteByte('{')
		for i, m := range o {
			if i > 0 {
				b.WriteByte(',')
			}
			key, value := m.Key, m.Value
			switch v := value.(type) {
			case []byte:
				if value = string(v); !utf8.Valid(v) {
					key, value = "hex", fmt.Sprintf("% x", v)
				}
			case string:
				if !utf8.ValidString(v) {
					value = string(Escape(nil, []byte(v)))
				}
			}
			if err := encode(&b, key); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := encode(&b, value); err != nil {
				return err
			}
		}
		b.WriteString("}\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// encode writes a value without escaping what only HTML minds, and with all
// escaped that a terminal does not show as itself: JSON is printed there too.
func encode(b *bytes.Buffer, v any) error {
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	plain.Truncate(plain.Len() - 1) // its line end
	for _, r := range plain.String() {
		switch {
		case visible(r):
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	return nil
}
