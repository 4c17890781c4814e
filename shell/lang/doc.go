// Package lang is the shell language: mvdan.cc/sh with the commands of sosh
// in it. It parses, finds the command that a word names, gives it its world and
// turns errors into exit statuses and messages with a place.
//
// It knows no command by itself and no terminal: both come from outside.
package lang
