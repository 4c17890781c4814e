// Package repl is the prompt: one owner of the terminal over chzyer/readline,
// history, completion, what arrives while a line is being typed, Ctrl-C.
//
// It knows no command and no socket beyond what it is handed. Readline is
// touched by one goroutine only, its own loop: all others leave their work in
// a queue and send it a wake rune.
package repl
