package hashes_test

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/hashes"
	"miletus/circuits/internal/harness"
	"miletus/circuits/poseidon"
	native "miletus/native/poseidon"
	"miletus/native/segments"
)

// rule: 10-R03
// rule: 10-R07
func TestLookupsAreTheNativeHashes(t *testing.T) {
	const rows = 4
	define := func(b bus.Bus, in []frontend.Variable) {
		hasher := poseidon.New(b.API())
		table := make([]hashes.Row, rows)
		harness.Fill(in, &table)
		for i := range table {
			hashes.Define(b, hasher, &table[i])
		}
		x, out := in[7*rows:7*rows+5], in[7*rows+5:]
		hashes.LookupReceipt(b, 1, out[0], x[0], x[1], x[2], x[3], x[4])
		hashes.LookupOutbox(b, 1, out[1], x[0], x[1], x[2])
		hashes.LookupSheet(b, 1, out[2], x[0], x[1], x[2], x[3])
		hashes.LookupMessage(b, 1, out[3], x[0], x[1], x[2], x[3])
		hashes.LookupMessage(b, 0, 5, 1, 2, 3, 4) // off: it holds nothing
	}
	system, err := harness.Compile(define, 7*rows+5+rows, []int{4})
	if err != nil {
		t.Fatal(err)
	}
	var x [5]fr.Element
	for i := range x {
		x[i].SetUint64(uint64(100 + i))
	}
	x[0].MustSetRandom()
	receipt, err := segments.AbsorbReceipts(x[0], []int64{101, 102, 103, 104})
	if err != nil {
		t.Fatal(err)
	}
	outs := []fr.Element{
		receipt, native.Hash7(native.TagOutbox, x[:3]...), native.Hash7(native.TagSheet, x[:4]...),
		native.Hash7(native.TagMessage, x[:4]...),
	}
	var inputs []frontend.Variable
	for i, tag := range []uint64{native.TagReceipt, native.TagOutbox, native.TagSheet, native.TagMessage} {
		row := hashes.Row{Tag: tag, Count: 1}
		for j := range row.Elements {
			row.Elements[j] = 0
			if j < []int{5, 3, 4, 4}[i] {
				row.Elements[j] = x[j]
			}
		}
		inputs = append(inputs, harness.Flatten(&row)...)
	}
	for _, v := range append(x[:], outs...) {
		inputs = append(inputs, v)
	}
	if err := harness.Solve(system, inputs); err != nil {
		t.Fatal(err)
	}
	for i := len(inputs) - rows; i < len(inputs); i++ {
		changed := append([]frontend.Variable(nil), inputs...)
		changed[i] = 1
		if harness.Solve(system, changed) == nil {
			t.Errorf("hash %d may be another", i)
		}
	}
}
