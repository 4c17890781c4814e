package unruly

// Escapes is what no terminal may get from a plugin: a title, a cursor, a clipboard,
// an answer that the terminal types, C1 controls, a false direction, a line drawn
// over, a bell, and bytes that are no text. Forged is what a reader would take for a
// prompt.
const Escapes = "\x1b]0;" + Forged + "\a\x1b[2J\x1b[H\x1b]52;c;cm0gLXJm\a\x1b[6n\x1b[c\u009b31m\u202eABC\u2066\r" + Forged + "\b\b\x7f\x00\x9d\xff\n" + Forged

// Forged must never stand where the user looks for what sosh says.
const Forged = "sosh# forged"
