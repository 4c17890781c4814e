package wire

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	utf "unicode/utf8"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/plugins/internal/wire/pb"
)

// fromDeclared fills in what a description declares beyond its options.
func fromDeclared(m *pb.Description, d socket.Description) {
	for _, k := range d.Kinds {
		m.Kinds = append(m.Kinds, utf8(string(k)))
	}
	for _, f := range d.Facts {
		m.Facts = append(m.Facts, &pb.FactDeclaration{Name: utf8(f.Name), Help: utf8(f.Help)})
	}
	m.Fields = fromFields(d.Fields)
	for _, c := range d.Commands {
		m.Commands = append(m.Commands, fromCommand(c))
	}
	m.Layer, m.Held = d.Layer, d.Held
	m.Capabilities = FromNames(d.Capabilities)
}

func toDeclared(d *socket.Description, m *pb.Description) {
	for _, k := range m.GetKinds() {
		d.Kinds = append(d.Kinds, socket.Kind(k))
	}
	for _, f := range m.GetFacts() {
		d.Facts = append(d.Facts, socket.Fact{Name: f.GetName(), Help: f.GetHelp()})
	}
	d.Fields = toFields(m.GetFields())
	for _, c := range m.GetCommands() {
		d.Commands = append(d.Commands, toCommand(c))
	}
	d.Layer, d.Held = m.GetLayer(), m.GetHeld()
	d.Capabilities = FromNames(m.GetCapabilities())
}

func fromFields(fs []socket.Field) []*pb.FieldDeclaration {
	var ms []*pb.FieldDeclaration
	for _, f := range fs {
		m := &pb.FieldDeclaration{Name: utf8(f.Name), Type: utf8(string(f.Type)), Default: utf8(f.Default), Help: utf8(f.Help), Decoded: f.Decoded}
		for _, n := range f.Names {
			m.Names = append(m.Names, &pb.FieldName{Name: utf8(n.Name), Value: n.Value})
		}
		ms = append(ms, m)
	}
	return ms
}

func toFields(ms []*pb.FieldDeclaration) []socket.Field {
	var fs []socket.Field
	for _, m := range ms {
		f := socket.Field{Name: m.GetName(), Type: socket.FieldType(m.GetType()), Default: m.GetDefault(), Help: m.GetHelp(), Decoded: m.GetDecoded()}
		for _, n := range m.GetNames() {
			f.Names = append(f.Names, socket.FieldName{Name: n.GetName(), Value: n.GetValue()})
		}
		fs = append(fs, f)
	}
	return fs
}

func fromCommand(c socket.Command) *pb.CommandDeclaration {
	m := &pb.CommandDeclaration{Name: utf8(c.Name), Synopsis: utf8(c.Synopsis), Usage: FromNames(c.Usage), Help: utf8(c.Help),
		Args: FromNames(c.Args), Min: int32(c.Min), Max: int32(c.Max), Fields: fromFields(c.Fields)}
	for _, f := range c.Flags {
		m.Flags = append(m.Flags, &pb.FlagDeclaration{Name: utf8(f.Name), Short: utf8(f.Short), Type: utf8(string(f.Type)),
			Default: utf8(f.Default), Help: utf8(f.Help)})
	}
	for _, e := range c.Examples {
		m.Examples = append(m.Examples, &pb.Example{Does: utf8(e.Does), Code: utf8(e.Code)})
	}
	return m
}

func toCommand(m *pb.CommandDeclaration) socket.Command {
	c := socket.Command{Name: m.GetName(), Synopsis: m.GetSynopsis(), Usage: FromNames(m.GetUsage()), Help: m.GetHelp(),
		Args: FromNames(m.GetArgs()), Min: int(m.GetMin()), Max: int(m.GetMax()), Fields: toFields(m.GetFields())}
	for _, f := range m.GetFlags() {
		c.Flags = append(c.Flags, socket.Flag{Name: f.GetName(), Short: f.GetShort(), Type: socket.OptionType(f.GetType()),
			Default: f.GetDefault(), Help: f.GetHelp()})
	}
	for _, e := range m.GetExamples() {
		c.Examples = append(c.Examples, socket.Example{Does: e.GetDoes(), Code: e.GetCode()})
	}
	return c
}

// checkDeclared is [CheckDescription] for what [fromDeclared] carries.
func checkDeclared(d socket.Description) error {
	if err := checkText(d.Name, reflect.ValueOf(d), ""); err != nil {
		return err
	}
	for _, k := range d.Kinds {
		if !slices.Contains(kinds, k) {
			return fmt.Errorf("%s: unknown kind %q", d.Name, k)
		}
	}
	if len(d.Facts) > maxEntries || len(d.Fields) > maxEntries || len(d.Commands) > maxEntries {
		return fmt.Errorf("%s: too many facts, fields or commands", d.Name)
	}
	seen := map[string]bool{}
	for _, f := range d.Facts {
		if len(f.Name) > 64 || !factName.MatchString(f.Name) || seen[f.Name] || !line(f.Help) {
			return fmt.Errorf("%s: fact %q must have a name of its own (lower case letters, digits and hyphens, a letter first; or such words with dots between) and one line of help", d.Name, f.Name)
		}
		seen[f.Name] = true
	}
	if len(d.Fields) > 0 && len(d.Calls) > 0 && !d.Can(socket.CallEncode) && !d.Can(socket.CallDecode) {
		return fmt.Errorf("%s declares fields of messages, and has neither encode nor decode", d.Name)
	}
	if err := checkFields(d.Name, d.Fields); err != nil {
		return err
	}
	for _, c := range d.Commands {
		if err := checkCommand(c); err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return nil
}

var (
	fieldName = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,63}$`)
	factName  = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$`)
)

// checkDefault refuses a default that its option could not be set to. What may be
// switched off altogether may be off by default.
func checkDefault(of socket.OptionType, value string) error {
	if value == "" || value == "off" {
		return nil
	}
	switch of {
	case socket.BoolOption:
		if value != "on" {
			return fmt.Errorf("%q is neither on nor off", value)
		}
	case socket.IntOption:
		if _, err := strconv.ParseInt(value, 0, 64); err != nil {
			return fmt.Errorf("%q is no number", value)
		}
	case socket.SizeOption:
		_, err := socket.ParseSize(value)
		return err
	case socket.DurationOption:
		_, err := socket.ParseDuration(value)
		return err
	}
	return nil
}

func checkFields(of string, fs []socket.Field) error {
	seen := map[string]bool{}
	for _, f := range fs {
		name := strings.TrimSuffix(f.Name, ".*")
		if !fieldName.MatchString(name) || seen[f.Name] || !line(f.Help) {
			return fmt.Errorf("%s: field %q must have a name of its own and one line of help", of, f.Name)
		}
		seen[f.Name] = true
		switch f.Type {
		case socket.IntField, socket.FloatField, socket.BoolField, socket.TextField, socket.BytesField:
		default:
			return fmt.Errorf("%s: field %s has the unknown type %q", of, f.Name, f.Type)
		}
	}
	return nil
}

var flagShort = regexp.MustCompile(`^[A-Za-z0-9]$`)

func checkCommand(c socket.Command) error {
	switch {
	case !protocolName.MatchString(c.Name):
		return fmt.Errorf("%q is no name of a command: lower case letters, digits and hyphens", c.Name)
	case !line(c.Synopsis), len(c.Usage) == 0:
		return fmt.Errorf("the command %s must have a synopsis of one line and a usage", c.Name)
	case c.Min < 0 || c.Max < -1 || c.Max >= 0 && c.Max < c.Min:
		return fmt.Errorf("the command %s takes from %d to %d arguments", c.Name, c.Min, c.Max)
	}
	for _, u := range c.Usage {
		if u != c.Name && !strings.HasPrefix(u, c.Name+" ") {
			return fmt.Errorf("usage %q does not begin with %s", u, c.Name)
		}
	}
	seen := map[string]bool{"json": true, "help": true, "h": true} // every command's own
	for _, f := range c.Flags {
		if f.Short != "" && !flagShort.MatchString(f.Short) {
			return fmt.Errorf("the command %s: flag %s has the short %q: it is one letter or digit", c.Name, f.Name, f.Short)
		}
		if !protocolName.MatchString(f.Name) || seen[f.Name] || f.Short != "" && seen[f.Short] || !line(f.Help) {
			return fmt.Errorf("the command %s: flag %q must have a name of its own, which json and help are not, and one line of help", c.Name, f.Name)
		}
		seen[f.Name], seen[f.Short] = true, true
		if !slices.Contains(optionTypes, f.Type) {
			return fmt.Errorf("the command %s: flag %s has the unknown type %q", c.Name, f.Name, f.Type)
		}
		if err := checkDefault(f.Type, f.Default); err != nil {
			return fmt.Errorf("the command %s: the default of flag %s: %w", c.Name, f.Name, err)
		}
	}
	return checkFields(c.Name, c.Fields)
}

// line reports whether s is one line, and something.
func line(s string) bool { return s != "" && !strings.ContainsAny(s, "\n\r") }

// maxText bounds each text of a description in bytes.
const maxText = 16 << 10

// checkText refuses a description with anything in it that is not text: what a
// terminal would obey, or show as something else. Only help and examples may have
// several lines.
func checkText(of string, v reflect.Value, field string) error {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if err := checkText(of, v.Field(i), v.Type().Field(i).Name); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := checkText(of, v.Index(i), field); err != nil {
				return err
			}
		}
	case reflect.String:
		s := v.String()
		lines := field == "Help" || field == "Code"
		odd := func(r rune) bool { return !unicode.IsPrint(r) && !(lines && (r == '\n' || r == '\t')) }
		switch {
		case len(s) > maxText:
			return fmt.Errorf("%s: a %s of %d bytes", of, strings.ToLower(field), len(s))
		case !utf.ValidString(s), strings.ContainsFunc(s, odd):
			return fmt.Errorf("%s: the %s %.60q is no plain text", of, strings.ToLower(field), s)
		}
	}
	return nil
}
