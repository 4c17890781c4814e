package sdk

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sosh-shell/sosh/core/socket"
)

// FieldValues are the fields that a message is to have, checked against their
// declarations: what an [Encoder] works with.
type FieldValues struct {
	declared []Field
	given    []Setting
}

// CheckFields checks the fields that an [Encoder] was given. A name that is not declared,
// or only read, one that stands twice, and a value that is not of its field's type are
// [Usage].
func CheckFields(declared []Field, given []Setting) (FieldValues, error) {
	for i, s := range given {
		f, ok := socket.FieldNamed(declared, s.Name)
		switch {
		case !ok:
			return FieldValues{}, Faultf(Usage, "no field is named %q: there is %s", s.Name, written(declared))
		case f.Decoded:
			return FieldValues{}, Faultf(Usage, "%s is only read, never written", s.Name)
		case slices.ContainsFunc(given[:i], func(o Setting) bool { return o.Name == s.Name }):
			return FieldValues{}, Faultf(Usage, "%s is given twice", s.Name)
		}
		if err := checkField(f, s); err != nil {
			return FieldValues{}, err
		}
	}
	return FieldValues{declared, given}, nil
}

func checkField(f Field, s Setting) error {
	switch f.Type {
	case IntField:
		if _, ok := fieldInt(f, s.Value); !ok {
			return Faultf(Usage, "%s is %s, not %q", s.Name, numbers(f), s.Value)
		}
	case FloatField:
		if _, err := strconv.ParseFloat(s.Value, 64); err != nil {
			return Faultf(Usage, "%s is a number, not %q", s.Name, s.Value)
		}
	case BoolField:
		if s.Value != "on" && s.Value != "off" {
			return Faultf(Usage, "%s is on or off, not %q", s.Name, s.Value)
		}
	}
	return nil
}

// fieldInt reads a number, or a word that the field has for one.
func fieldInt(f Field, text string) (int64, bool) {
	for _, n := range f.Names {
		if n.Name == text {
			return n.Value, true
		}
	}
	n, err := strconv.ParseInt(text, 0, 64)
	return n, err == nil
}

// numbers says what an int field takes.
func numbers(f Field) string {
	var b strings.Builder
	for _, n := range f.Names {
		b.WriteString(n.Name + ", ")
	}
	if b.Len() == 0 {
		return "a number"
	}
	return strings.TrimSuffix(b.String(), ", ") + " or a number"
}

// written names the fields that can be written.
func written(declared []Field) string {
	var names []string
	for _, f := range declared {
		if !f.Decoded {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}

// Has reports whether the field was given.
func (v FieldValues) Has(name string) bool {
	_, ok := v.find(name)
	return ok
}

func (v FieldValues) find(name string) (string, bool) {
	for _, s := range v.given {
		if s.Name == name {
			return s.Value, true
		}
	}
	return "", false
}

// Text is the field's value as it was given, else its default.
func (v FieldValues) Text(name string) string {
	if text, ok := v.find(name); ok {
		return text
	}
	f, _ := socket.FieldNamed(v.declared, name)
	return f.Default
}

// Int is the field's value, of a word the number it stands for; 0 for one that is empty.
func (v FieldValues) Int(name string) int64 {
	f, _ := socket.FieldNamed(v.declared, name)
	n, _ := fieldInt(f, v.Text(name))
	return n
}

// Float is the field's value; 0 for one that is empty.
func (v FieldValues) Float(name string) float64 {
	n, _ := strconv.ParseFloat(v.Text(name), 64)
	return n
}

// Bool is the field's value; false for one that is empty.
func (v FieldValues) Bool(name string) bool { return v.Text(name) == "on" }

// Under gives the fields whose names begin so, "header." say, in the order in which they
// were given: those of a declaration that ends in ".*".
func (v FieldValues) Under(prefix string) (under []Setting) {
	for _, s := range v.given {
		if strings.HasPrefix(s.Name, prefix) {
			under = append(under, s)
		}
	}
	return under
}
