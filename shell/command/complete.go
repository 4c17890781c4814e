package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
)

// Candidate is a word that could stand at the cursor.
type Candidate struct{ Text, Help string }

// Complete returns the word that is being typed at the end of line, and what
// could stand in its place. It never starts a plugin and never waits.
func Complete(s *Session, line string) (word string, all []Candidate) {
	words := words(lastCommand(line))
	word = words[len(words)-1]
	if len(words) == 1 {
		for _, c := range s.Commands().Commands() {
			all = append(all, Candidate{c.Name, c.Synopsis})
		}
		return word, all
	}
	cmd, ok := s.Commands().Lookup(words[0])
	if !ok {
		return word, files(word)
	}
	typed := words[1 : len(words)-1]
	if len(cmd.Subs) > 0 {
		if len(typed) == 0 {
			return word, cmd.subCandidates()
		}
		if cmd, ok = cmd.Sub(typed[0]); !ok {
			return word, nil
		}
		typed = typed[1:]
	}
	f, _ := cmd.flags()
	if strings.HasPrefix(word, "-") {
		return word, flagCandidates(f)
	}
	if value := awaitsValue(f, typed); value != nil {
		if slices.Contains([]string{"file", "watch", "source"}, value.Name) {
			return word, files(word)
		}
		return word, nil
	}
	var args []string
	for i := 0; i < len(typed); i++ {
		if strings.HasPrefix(typed[i], "-") {
			if awaitsValue(f, typed[:i+1]) != nil {
				i++
			}
			continue
		}
		args = append(args, typed[i])
	}
	all = s.argument(cmd, args, word)
	return word, append(all, s.placed(word, all)...)
}

// argument lists what the next argument, of which word is typed, may be.
func (s *Session) argument(cmd *Command, args []string, word string) (all []Candidate) {
	if len(cmd.Args) == 0 {
		return nil
	}
	arg := cmd.Args[min(len(args), len(cmd.Args)-1)]
	if len(args) >= len(cmd.Args) && !arg.Repeat {
		return nil
	}
	for _, w := range arg.Words {
		all = append(all, Candidate{Text: w})
	}
	switch arg.Kind {
	case Protocol:
		all = append(all, s.protocolCandidates(false)...)
	case Layer:
		all = append(all, s.protocolCandidates(true)...)
	case LayerOption:
		if len(args) > 1 {
			all = append(all, s.optionsOf(args[1], "")...)
		}
	case MessageField, MessageValue:
		all = append(all, s.messageCandidates(args, arg.Kind == MessageValue)...)
	case Socket:
		for _, k := range s.Table.Sockets() {
			f := take(k)
			all = append(all, Candidate{k.Name(), f.desc.Word() + " " + f.facts.State + " " + f.facts.Remote.Text(f.desc.Address)})
		}
	case Field:
		all = append(all, s.fieldCandidates(args)...)
	case Option:
		all = append(all, s.optionCandidates(args)...)
	case Place:
		if len(args) > 0 && args[0] == "remove" {
			all = append(all, s.placeCandidates()...)
		}
	case Topic:
		if len(args) == 0 {
			all = append(all, s.topics()...)
		} else if c, ok := s.Commands().Lookup(args[0]); ok {
			all = append(all, c.subCandidates()...)
		}
	case Plugin, Installed:
		for _, p := range s.Table.Providers().Plugins() {
			if arg.Kind == Plugin || p.SHA256 != "" {
				all = append(all, Candidate{p.Name, p.State})
			}
		}
	case File:
		all = append(all, files(word)...)
	}
	return all
}

func (s *Session) fieldCandidates(args []string) (all []Candidate) {
	if len(args) == 0 || slices.Contains(showWords, args[0]) {
		return nil
	}
	k, err := s.socket("show", args[0])
	if err != nil {
		return nil
	}
	f := take(k)
	for _, d := range fields {
		if !d.port || f.hasPorts() {
			all = append(all, Candidate{d.name, d.help})
		}
	}
	for _, k := range k.KernelFacts() {
		all = append(all, Candidate{k.Name, k.Value})
	}
	return all
}

func (s *Session) protocolCandidates(layers bool) (all []Candidate) {
	for _, d := range s.Table.Providers().Descriptions() {
		if d.Layer == layers {
			all = append(all, Candidate{d.Name, d.Synopsis})
		}
	}
	return all
}

// messageCandidates lists the fields of the messages of the socket that the first
// argument names.
func (s *Session) messageCandidates(args []string, write bool) (all []Candidate) {
	if len(args) == 0 {
		return nil
	}
	k, err := s.socket("send", args[0])
	if err != nil || !k.Messages() {
		return nil
	}
	for _, f := range k.Top().Fields {
		switch {
		case write && f.Decoded:
		case strings.HasSuffix(f.Name, "*"):
			all = append(all, Candidate{strings.TrimSuffix(f.Name, "*"), f.Help})
		case write:
			all = append(all, Candidate{f.Name + "=", f.Help})
		default:
			all = append(all, Candidate{f.Name, f.Help})
		}
	}
	return all
}

// optionCandidates lists the options of the protocol or socket that the first
// argument names.
func (s *Session) optionCandidates(args []string) (all []Candidate) {
	if len(args) == 0 {
		return nil
	}
	name := args[0]
	if k, err := s.socket("option", name); err == nil {
		name = k.Description().Name
		for _, l := range k.Layers() {
			all = append(all, s.optionsOf(l.Description.Name, l.Name+".")...)
		}
	}
	all = append(all, s.optionsOf(name, "")...)
	return append(all, Candidate{"inbox=", inboxOption.Help})
}

// optionsOf lists the options of a protocol or layer.
func (s *Session) optionsOf(proto, prefix string) (all []Candidate) {
	proto, _, _ = socket.CutPlace(proto)
	for _, d := range s.Table.Providers().Descriptions() {
		if d.Name != proto {
			continue
		}
		for _, o := range d.Options {
			all = append(all, Candidate{prefix + o.Name + "=", o.Help})
		}
	}
	return all
}

// subCandidates are the words that choose one of a command's own commands.
func (c *Command) subCandidates() (all []Candidate) {
	for _, sub := range c.Subs {
		all = append(all, Candidate{strings.TrimPrefix(sub.Name, c.Name+" "), sub.Synopsis})
	}
	return all
}

func (s *Session) topics() (all []Candidate) {
	for _, c := range s.Commands().Commands() {
		all = append(all, Candidate{c.Name, c.Synopsis})
	}
	for _, d := range s.Table.Providers().Descriptions() {
		all = append(all, Candidate{d.Name, d.Synopsis})
	}
	for _, n := range notions {
		all = append(all, Candidate{n.name, n.synopsis})
	}
	return all
}

func flagCandidates(f *pflag.FlagSet) (all []Candidate) {
	f.VisitAll(func(g *pflag.Flag) { all = append(all, Candidate{"--" + g.Name, g.Usage}) })
	return all
}

// awaitsValue returns the flag that the last of the typed words leaves without
// its value, if it does.
func awaitsValue(f *pflag.FlagSet, typed []string) *pflag.Flag {
	if len(typed) == 0 {
		return nil
	}
	last := typed[len(typed)-1]
	var g *pflag.Flag
	switch {
	case strings.Contains(last, "="):
		return nil
	case strings.HasPrefix(last, "--"):
		g = f.Lookup(last[2:])
	case len(last) == 2 && last[0] == '-':
		g = f.ShorthandLookup(last[1:])
	}
	if g == nil || g.NoOptDefVal != "" {
		return nil
	}
	return g
}

// maxFiles bounds how many names of a directory are offered.
const maxFiles = 1000

func files(word string) (all []Candidate) {
	dir, _ := filepath.Split(word)
	at := dir
	if at == "" {
		at = "."
	}
	entries, _ := os.ReadDir(at)
	for _, e := range entries[:min(len(entries), maxFiles)] {
		name := dir + e.Name()
		if e.IsDir() {
			name += "/"
		}
		all = append(all, Candidate{Text: name})
	}
	return all
}

// lastCommand is the part of the line after the last operator that begins a command.
func lastCommand(line string) string {
	quote := byte(0)
	start := 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quote != '\'':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '|' || c == '&' || c == ';' || c == '(' || c == '\n' || c == '{':
			start = i + 1
		}
	}
	return line[start:]
}

// words splits at blanks outside quotes; the last word is the one being typed.
func words(line string) []string {
	var out []string
	var word strings.Builder
	quote := byte(0)
	in := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, in = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if in {
				out = append(out, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteByte(c)
			in = true
		}
	}
	return append(out, word.String())
}
