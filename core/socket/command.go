package socket

import "context"

// Command declares a command that a plugin adds to the shell: ping, traceroute.
// The shell parses its flags, completes and documents them; [Runner] runs it.
type Command struct {
	Name     string   // [a-z][a-z0-9-]*; one that the shell has itself is refused
	Synopsis string   // one line, begins in lower case, no full stop
	Usage    []string // the forms, each beginning with the name
	Help     string   // paragraphs; may be empty
	Flags    []Flag
	Args     []string  // the names of the arguments, for help; they MUST fit Max, as what Usage shows
	Min, Max int       // how many arguments there may be: 0 and 0 is none, Max -1 any number
	Fields   []Field   // of the rows: their types in JSON
	Examples []Example // may be empty
}

// Flag declares a flag of a command.
type Flag struct {
	Name    string // after the two dashes
	Short   string // one letter, or empty
	Type    OptionType
	Default string
	Help    string // one line
}

// Example is a piece of script that shows a use.
type Example struct{ Does, Code string }

// A Runner runs the commands that the description declares.
type Runner interface {
	// Run runs one until it is done. Each row goes to out, in order; out waits
	// while nobody takes rows, and its error MUST end the run. When Interrupt is
	// closed the run SHOULD end soon, in order, with its summary: ctx is cancelled
	// 250 ms later. The error's fault decides the exit status.
	Run(ctx context.Context, req RunRequest, out func(Row) error) error
}

// RunRequest is one call of a command.
type RunRequest struct {
	Command string
	Args    []string
	// Flags are those that were given, by their long names, checked against their types.
	Flags []Setting
	// Width is the terminal's in columns; 0 where rows go elsewhere.
	Width int
	// Interrupt is closed when the user presses Ctrl-C.
	Interrupt <-chan struct{}
}

// Row is one line of a command's output: as text for people, and the same facts
// as fields. A row without text is for JSON only, one without fields for people only.
type Row struct {
	Text   string
	Fields []Setting
	// Notice says that the text is no data: it goes to standard error.
	Notice bool
}
