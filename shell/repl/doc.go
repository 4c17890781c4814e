// Package repl is the prompt: the one owner of the terminal, its history,
// completion, what arrives while a line is being typed, Ctrl-C.
//
// It knows no command and no socket beyond what it is handed. The editing is
// chzyer/readline's, in its own loop; the drawing is not: readline gets one
// key at a time, tells the line and the cursor, and prints nothing. So whoever
// has something to print takes the console's lock, prints it above the line and
// draws the line again.
package repl
