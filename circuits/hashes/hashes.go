// Package hashes is the table of the narrow hashes that steps ask for: the accumulators of receipts, outbox and
// sheets and the messages that are signed (spec 10-R03, 10-R07). A step looks a hash up and pays for the lookup,
// not for the permutation.
package hashes

import (
	"fmt"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/poseidon"
	native "miletus/native/poseidon"
)

// Inputs is the most elements that a row hashes.
const Inputs = 5

var sum = bus.Sum{Name: "hashes", Width: Inputs + 2}

// Row is one hash: `Count` is how often it is looked up, 0 for a row that nobody needs.
type Row struct {
	Tag      frontend.Variable
	Elements [Inputs]frontend.Variable
	Count    frontend.Variable
}

// Define adds a row to the table.
func Define(b bus.Bus, hasher *poseidon.Hasher, row *Row) {
	out := bus.Settle(b.API(), hasher.Hash7(row.Tag, row.Elements[:]...))
	b.Push(sum, b.API().Neg(row.Count), join(row.Tag, row.Elements[:], out)...)
}

// Lookup holds that `out` is Hash7 of the elements under the tag. Nothing is held where enabled, which is asserted
// to be a bit, is 0.
func Lookup(b bus.Bus, enabled, tag, out frontend.Variable, elements ...frontend.Variable) {
	integers.New(b).Bit(enabled)
	b.Push(sum, enabled, join(tag, elements, out)...)
}

// LookupReceipt holds that `out` is the events accumulator after a receipt.
func LookupReceipt(b bus.Bus, enabled, out, accumulator, reason, filled, notional, detail frontend.Variable) {
	Lookup(b, enabled, native.TagReceipt, out, accumulator, reason, filled, notional, detail)
}

// LookupOutbox holds that `out` is the outbox accumulator after a withdrawal.
func LookupOutbox(b bus.Bus, enabled, out, accumulator, owner, amount frontend.Variable) {
	Lookup(b, enabled, native.TagOutbox, out, accumulator, owner, amount)
}

// LookupSheet holds that `out` is the running hash of a sheet after an entry's three words.
func LookupSheet(b bus.Bus, enabled, out, accumulator, word1, word2, word3 frontend.Variable) {
	Lookup(b, enabled, native.TagSheet, out, accumulator, word1, word2, word3)
}

// LookupMessage holds that `out` is what is signed for a word.
func LookupMessage(b bus.Bus, enabled, out, domain, payload, x, y frontend.Variable) {
	Lookup(b, enabled, native.TagMessage, out, domain, payload, x, y)
}

// join makes the tuple: elements first, zeros for those that are missing.
func join(tag frontend.Variable, elements []frontend.Variable, out frontend.Variable) []frontend.Variable {
	if len(elements) > Inputs {
		panic(fmt.Sprintf("hashes: %d elements, at most %d", len(elements), Inputs))
	}
	tuple := make([]frontend.Variable, Inputs, Inputs+2)
	for i := range tuple {
		tuple[i] = 0
	}
	copy(tuple, elements)
	return append(tuple, tag, out)
}
