// Package keys compiles circuits, makes their keys and keeps both on disk. A key belongs to one circuit, named by the
// hash of its constraint system; a key of another one is refused. What a circuit proves is no business of this package.
package keys
