package socket

import "context"

// An Installer changes which plugins there are, and which build of one runs. It
// stands beside [Providers]: what hands out protocols and can be changed implements
// both. Safe for concurrent use, also by several programs on one plugin directory.
//
// What is not on record is not run. Its errors are [Usage] for a name or path that
// cannot be meant, why ctx ended, else [Failed], and say what to do.
type Installer interface {
	// Inspect looks at an executable that may become a plugin: it is started once,
	// asked what it is, and ended. Nothing is kept. path is absolute. With scripts it
	// is a script, or a folder with one, which is recorded with all its files;
	// without, a script is refused.
	Inspect(ctx context.Context, path string, scripts bool) (Candidate, error)

	// Record makes a candidate a plugin: it is copied into the plugin directory, and
	// its digest recorded. One that is no longer what was inspected, or would replace
	// another than Replaces, is refused. An earlier build of that name goes on running
	// until Reload or its end. To record what is on record mends its files.
	Record(ctx context.Context, c Candidate) error

	// Remove takes a plugin from the record and ends its processes: what lives in
	// them is [Lost] ([Plugin].Holds counts it), sockets held by descriptor live on.
	// It cannot remove what is bundled.
	Remove(ctx context.Context, name string) error

	// Reload starts the build on record and lets it take over: new calls go to it,
	// and what runs now ends when nothing of it is in use any more: calls under way,
	// layers, sockets that live in it. A build that does not start, calls itself
	// otherwise, or is of another nature ([Description].Layer and Held) leaves the old
	// one serving.
	Reload(ctx context.Context, name string) error
}

// Candidate is an executable that may become a plugin, as [Installer.Inspect] found it.
type Candidate struct {
	Path   string // absolute
	SHA256 string // in hex: of the file, or of the list of a script's files
	// Files are those of a script, relative to its folder, the one that is run first;
	// nil for a program. Interpreter runs it.
	Files       []string
	Interpreter string
	Description Description
	Warnings    []string // one line each: what a careful user would want to know
	// Replaces is what is on record under that name; nil for nothing.
	Replaces *Recorded
}

// Recorded is a plugin as it stands in the record.
type Recorded struct {
	SHA256      string
	Description Description
	Doubt       error // why what is installed is not run, as it was changed; nil where it is
}
