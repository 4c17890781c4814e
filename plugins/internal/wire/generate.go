package wire

//go:generate go run ./gen

// The example in Node.js is a folder that needs nothing else of ours.
//go:generate cp sosh.proto ../../examples/node/sosh.proto
