// Package steps is the machine's steps as constraints: one file a phase or transaction, of the engine's name
// (spec 02-R03). A step reads its registers and opens records of the state; what it leaves in them is the next
// step's. It never branches: what does not happen is computed and not taken.
package steps
