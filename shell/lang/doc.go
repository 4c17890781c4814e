// Package lang is the shell language: mvdan.cc/sh with the commands of sosh
// in it. It parses, finds the command that a word names, gives it its world and
// turns errors into exit statuses and messages with a place.
//
// It knows no command by itself and no terminal: both come from outside.
//
// # What is rewritten
//
// The interpreter runs "COMMAND &" in the context of its line and keeps the job
// to itself, its printf and echo hear of no write that fails, and its arithmetic
// divides by zero with status 0. The tree is changed before it runs
// (rewrite.go), so that these become calls of ours: "COMMAND &" becomes the
// declaration of a function with COMMAND as its body and a call of "sosh:job",
// which evaluates "(sosh:run N &)" in a context of the job's own. In the copy of
// the interpreter that comes of it, sosh:run calls the function and keeps the
// status. No part of the interpreter is bypassed: the job has its copy of the
// variables, functions and options as every subshell has.
//
// What eval and source take in is rewritten too, as text.
//
// # What is refused
//
// What the interpreter lacks is an error before anything runs (gaps.go), never
// silence. docs/language.md lists it.
package lang
