package soundness_test

import (
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/hashes"
	"miletus/circuits/poseidon"
	native "miletus/native/poseidon"
)

func elements(values ...uint64) (result []fr.Element) {
	for _, v := range values {
		result = append(result, fr.NewElement(v))
	}
	return result
}

// hashSubjects has one row, a receipt, looked up once. Inputs: tag, 5 elements, count; then enabled, tag, out and
// the elements of the lookup.
func hashSubjects() []subject {
	out := native.Hash7(native.TagReceipt, elements(1, 2, 3, 4, 5)...)
	outbox := native.Hash7(native.TagOutbox, elements(1, 2, 3, 4, 5)...)
	honest := list(native.TagReceipt, 1, 2, 3, 4, 5, 1, 1, native.TagReceipt, out, 1, 2, 3, 4, 5)
	sum := []string{"sum:hashes"}
	return []subject{{
		name: "hashes", gadgets: []string{"hashes.Define", "hashes.Lookup"}, ranges: []int{4}, honest: honest,
		define: func(b bus.Bus, in []frontend.Variable) {
			row := hashes.Row{Tag: in[0], Elements: [hashes.Inputs]frontend.Variable(in[1:6]), Count: in[6]}
			hashes.Define(b, poseidon.New(b.API()), &row)
			hashes.Lookup(b, in[7], in[8], in[9], in[10:15]...)
		},
		attacks: []attack{
			{name: "another hash", inputs: replace(honest, 9, 6), off: sum},
			{name: "another receipt", inputs: replace(honest, 11, 7), off: sum},
			{name: "hash of another tag", inputs: replace(honest, 9, outbox), off: sum},
			{name: "tag exchanged", inputs: replace(honest, 8, native.TagOutbox), off: sum},
			{name: "looked up and not there", inputs: replace(honest, 6, 0), off: sum},
			{
				name: "enabled not a bit", inputs: replace(replace(honest, 6, 2), 7, 2),
				off: []string{"assert:integers.(*Arithmetic).Bit"},
			},
		},
	}}
}
