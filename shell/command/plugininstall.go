package command

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sosh-shell/sosh/core/socket"
	"github.com/sosh-shell/sosh/shell/render"
)

var pluginInstall = &Command{
	Name:     "plugin install",
	Group:    Shell,
	Synopsis: "make an executable a plugin",
	Usage:    []string{"plugin install PATH [--yes] [--script]"},
	Help: `PATH is started once and asked what it is; that is shown, and you are asked. It is then copied into the plugin directory, and its digest recorded: a file that is changed there is not run any more.

A plugin is native code: it runs with your rights. Without a terminal nobody can be asked, so --yes is needed.

One of the same name is replaced; what runs of it goes on running until plugin reload.

With --script PATH may be a script, or a folder with one file that begins with #! and is executable; every file of the folder is recorded. The plugin directory is $SOSH_PLUGIN_DIR, else sosh/plugins in $XDG_DATA_HOME (~/.local/share).`,
	Args: []Arg{{Name: "PATH", Kind: File}},
	New: func(f *pflag.FlagSet) Run {
		yes := f.BoolP("yes", "y", false, "do not ask")
		script := f.Bool("script", false, "PATH is a script, or a folder with one")
		return func(ctx context.Context, c *Call) error {
			args, err := c.args(1, 1)
			if err != nil {
				return err
			}
			if err := cmpErr(c.closed(), c.mayAsk(*yes)); err != nil {
				return err
			}
			in, err := c.installer()
			if err != nil {
				return err
			}
			found, err := in.Inspect(ctx, c.fromDir(args[0]), *script)
			if err != nil {
				return err
			}
			if err := c.clash(found); err != nil {
				return err
			}
			if installedAlready(found) {
				c.notice("%s is installed already (%s)", named(found.Description), digest(found.SHA256))
				return nil
			}
			if !*yes || c.Session.Notices {
				if _, err := io.WriteString(c.Stderr, candidate(found)); err != nil {
					return err
				}
			}
			if !*yes {
				if err := c.agree(ctx, "install it?"); err != nil {
					return err
				}
			}
			if err := in.Record(ctx, found); err != nil {
				return err
			}
			c.Session.refresh()
			c.notice("installed %s: help %s tells how it is used", named(found.Description), found.Description.Name)
			if p, err := c.plugin(found.Description.Name); err == nil && p.State == "running" {
				c.notice("the build before it goes on running: plugin reload %s lets this one take over", p.Name)
			}
			return nil
		}
	},
}

// installedAlready reports whether nothing is to be done. What was changed since is
// installed again, as its error says that it is to be.
func installedAlready(found socket.Candidate) bool {
	return found.Replaces != nil && found.Replaces.SHA256 == found.SHA256 && found.Replaces.Doubt == nil
}

// fromDir is a path against the shell's directory.
func (c *Call) fromDir(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(c.Dir, path)
}

// cmpErr is the first error.
func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// candidate tells people all that decides whether they want it.
func candidate(found socket.Candidate) string {
	d := found.Description
	var b strings.Builder
	b.WriteString(named(d) + ": " + render.Line(d.Synopsis) + "\n")
	t := render.Table{Style: render.Plain}
	row := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []string{"  " + name, value})
		}
	}
	row("is", nature(d))
	row("options", list(d.Options, func(o socket.Option) string { return o.Name }))
	row("commands", list(d.Commands, func(x socket.Command) string { return x.Name }))
	keeps := strings.Join(d.Capabilities, ", ")
	if keeps == "" {
		keeps = "none"
	}
	row("capabilities", keeps)
	row("file", found.Path)
	if len(found.Files) > 0 {
		row("script", found.Files[0]+", with "+itoa(len(found.Files)-1)+" more files, run by "+found.Interpreter)
	}
	row("sha256", found.SHA256)
	for _, change := range changes(found) {
		row("changes", change)
	}
	for _, w := range found.Warnings {
		row("careful", w)
	}
	row("rights", "native code: it can do whatever you can")
	t.Write(&b)
	return b.String()
}

// changes tells what is different from what is on record.
func changes(found socket.Candidate) (all []string) {
	if found.Replaces == nil {
		return nil
	}
	was, is := found.Replaces.Description, found.Description
	all = append(all, "replaces "+named(was)+" (sha256 "+digest(found.Replaces.SHA256)+"...)")
	if err := found.Replaces.Doubt; err != nil {
		all = append(all, "that one is not run: "+err.Error())
	}
	for _, name := range is.Capabilities {
		if !slices.Contains(was.Capabilities, name) {
			all = append(all, "wants "+name+", which it did not before")
		}
	}
	if nature(was) != nature(is) {
		all = append(all, "was "+nature(was))
	}
	return all
}

func list[T any](all []T, name func(T) string) string {
	var names []string
	for _, x := range all {
		names = append(names, name(x))
	}
	return strings.Join(names, ", ")
}

// clash refuses commands whose names are taken: by sosh, by the language, or by
// another plugin.
func (c *Call) clash(found socket.Candidate) error {
	refuse := func(name, by string) error {
		return &socket.Error{Op: c.command.Name, Place: found.Description.Name,
			Err: socket.Faultf(socket.Failed, "it adds the command %s, which is %s", name, by), Hint: "its author must choose another name"}
	}
	for _, x := range found.Description.Commands {
		switch _, ours := All().Lookup(x.Name); {
		case ours:
			return refuse(x.Name, "one of sosh")
		case shellWords[x.Name]:
			return refuse(x.Name, "a word of the shell language")
		}
		for _, other := range c.Session.Table.Providers().Descriptions() {
			has := slices.ContainsFunc(other.Commands, func(o socket.Command) bool { return o.Name == x.Name })
			if has && other.Name != found.Description.Name {
				return refuse(x.Name, "one of the "+other.Name+" plugin")
			}
		}
	}
	return nil
}

// shellWords are the words that the language keeps: a plugin's command of that name
// would take them away.
var shellWords = func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(`
		. : [ alias bg break builtin caller cd command compgen complete compopt continue declare dirs disown echo enable eval
		exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd
		read readarray readonly return set shift shopt source suspend test times trap true type typeset ulimit umask
		unalias unset wait if then elif else fi case esac for select while until do done in function time coproc`) {
		words[word] = true
	}
	return words
}()
