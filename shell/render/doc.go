// Package render is what every printed thing passes on its way to people and
// programs: the escaping printer, hexdumps, tables, JSON, sizes and durations.
// It knows no terminal: whether there is one, and whether it has colours, its
// callers say.
package render
