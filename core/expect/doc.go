// Package expect matches a pattern against bytes that arrive in pieces, and
// says that a match is final at the first byte at which it is. It opens,
// reads, waits for and prints nothing, knows no clock, and keeps no input: a
// match is a pair of offsets from the place where it began to look.
//
// # The language
//
// A pattern is RE2 (the syntax of package regexp/syntax with its Perl flags,
// multi-line), searched from the first byte fed, the cursor; leftmost-first,
// as in package regexp. It differs from package regexp where streams need it:
//
//   - \A is the cursor. ^ is at the stream's start and after \n, $ before \n,
//     before \r\n and at the stream's end, \z at the end only.
//   - . matches any character but \r and \n, unless (?s).
//   - sosh's escapes \r \n \t \0 \a \e \\ \xHH \uHHHH work in it, in classes
//     too. \xHH from 80 up is that one byte, wherever it stands.
//   - Anything else is a character. An invalid byte is one character, U+FFFD
//     to a class. What follows a byte written as \xHH is read anew from there.
//   - A match begins at a character, or with a byte written as \xHH. In a class
//     \xHH is one more thing to match, after the characters; [^...] matches one
//     character at a place where [...] would not match.
//
// # Finality
//
// The matcher is a Pike machine over bytes: a list of threads in order of
// priority, one step a byte. A match is final when no live thread stands above
// it, so a word is final at its last byte and ([0-9]+) at the byte after the
// number. Where the pattern looks ahead ($, \b, \z, whether a byte begins a
// valid character) the machine does not wait: the thread goes on under a
// condition on the bytes to come, and dies when they break it. Only a thread
// that has a condition delays anything.
//
// # Speed
//
// The steps of the machine are kept in a table, as an automaton that is made as
// it is needed; of each byte it looks up the next state, and moves the offsets
// that threads remember. The table is bounded; a pattern that fills it again
// and again on some input goes on with the machine, slower and to the same end.
// A literal that every match begins with is searched for without either.
//
// # Several at once
//
// A [Race] says which of several matches, in one source or in many, was final
// first, whether all were found, whether one that is forbidden came, and what
// quiet decides.
package expect
