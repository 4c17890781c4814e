// Package node is a plugin in Node.js as data: what "plugin new --lang node" begins
// with. It runs nothing.
package node

import "embed"

// Name is what the plugin calls itself, in every file, and in the name of the one that
// is executed.
const Name = "nodeshout"

// Files are the plugin's folder.
//
//go:embed .gitignore .npmrc *.js *.json *.proto README.md sosh-plugin-nodeshout
var Files embed.FS
