package poseidon_test

import (
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/internal/harness"
	"miletus/circuits/poseidon"
	native "miletus/native/poseidon"
)

// rule: 10-R01
// rule: 10-R02
func TestHashesAreTheNativeOnes(t *testing.T) {
	define := func(b bus.Bus, in []frontend.Variable) {
		h := poseidon.New(b.API())
		for i, got := range []frontend.Variable{
			h.Hash7(in[0], in[1:8]...), h.Hash7(native.TagReceipt, in[1:3]...),
			h.Hash15(native.TagData, in[1:16]...), h.Hash15(in[0], in[1:2]...),
			h.HashPage(in[:16]), h.HashNode(in[:8]),
		} {
			b.API().AssertIsEqual(got, in[16+i])
		}
	}
	system, err := harness.Compile(define, 22, []int{4})
	if err != nil {
		t.Fatal(err)
	}
	for round := range 5 {
		var e [16]fr.Element
		for i := range e {
			if round > 1 {
				e[i].MustSetRandom()
			} else if round == 1 {
				e[i].SetInt64(-1)
			}
		}
		e[0].SetUint64(uint64(round))
		outs := []fr.Element{
			native.Hash7(uint64(round), e[1:8]...), native.Hash7(native.TagReceipt, e[1:3]...),
			native.Hash15(native.TagData, e[1:16]...), native.Hash15(uint64(round), e[1:2]...),
			native.HashPage(&e), native.HashNode((*[8]fr.Element)(e[:8])),
		}
		inputs := append(variables(e[:]), variables(outs)...)
		if err := harness.Solve(system, inputs); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for i := 16; i < 22; i++ {
			changed := append([]frontend.Variable(nil), inputs...)
			changed[i] = 1
			if harness.Solve(system, changed) == nil {
				t.Fatalf("hash %d may be another", i-16)
			}
		}
	}
}

func variables(values []fr.Element) (inputs []frontend.Variable) {
	for _, v := range values {
		inputs = append(inputs, v)
	}
	return inputs
}
