package soundness_test

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/internal/harness"
	"miletus/circuits/poseidon"
	"miletus/circuits/signatures"
	hashing "miletus/native/poseidon"
	native "miletus/native/signature"
)

func nativeNode(children [8]fr.Element) fr.Element { return hashing.HashNode(&children) }

func nativePage(cells [16]frontend.Variable) fr.Element {
	var state [16]fr.Element
	for i := range state {
		state[i].SetInterface(cells[i])
	}
	return hashing.HashPage(&state)
}

// signed is one row and its lookup.
type signed struct {
	Row, Used      signatures.Row
	Enabled, Valid frontend.Variable
}

// where applies a change to a hint's answer only where the hint is asked what `asked` says.
func where(hint solver.Hint, asked func(inputs, outputs []*big.Int) bool, change func(outputs []*big.Int)) solver.Hint {
	return func(field *big.Int, inputs, outputs []*big.Int) error {
		err := hint(field, inputs, outputs)
		if asked(inputs, outputs) {
			change(outputs)
			for i := range outputs {
				outputs[i].Mod(outputs[i], field)
			}
		}
		return err
	}
}

func always([]*big.Int, []*big.Int) bool { return true }

// signatureSubjects has a valid signature; most attacks make it invalid, so that its owner's order is dropped, or
// make one valid that is not.
func signatureSubjects(t testing.TB) []subject {
	seed := [32]byte{9}
	key, err := native.DeriveKey(&seed)
	if err != nil {
		t.Fatal(err)
	}
	message := fr.NewElement(77)
	signature := key.Sign(&message)
	witness := func(change func(s *signed)) []frontend.Variable {
		row := harness.SignatureRow(message, key.Public(), signature)
		s := &signed{Row: row, Used: row, Enabled: 1, Valid: 1}
		s.Used.Count = 0
		change(s)
		return harness.Flatten(s)
	}
	invalid := witness(func(s *signed) { s.Valid = 0 })
	forged := witness(func(s *signed) { s.Row.Message, s.Used.Message = 78, 78 })
	asDigits := func(inputs, _ []*big.Int) bool { return len(inputs) > 40 }
	inFives := func(inputs, outputs []*big.Int) bool { return asDigits(inputs, nil) && inputs[0].Int64() == 5 }
	neutral := func(outputs []*big.Int) { outputs[0].SetUint64(0); outputs[1].SetUint64(1) }
	set := func(values ...int64) func([]*big.Int) {
		return func(outputs []*big.Int) {
			for i, v := range values {
				outputs[i].SetInt64(v)
			}
		}
	}
	result, base := []string{"sum:signatures"}, []string{"sum:multiples of the base point"}
	combinations := []string{"sum:combinations of two points"}
	return []subject{{
		name: "signatures",
		gadgets: []string{
			"signatures.Define", "signatures.Lookup", "signatures.(*table).readR", "signatures.(*table).multiplyBase",
			"signatures.(*table).cutDigits", "signatures.(*table).defineBase", "signatures.(*table).halve",
			"signatures.(*table).multiply",
		},
		ranges: []int{8}, honest: witness(func(*signed) {}),
		define: func(b bus.Bus, in []frontend.Variable) {
			s := &signed{}
			harness.Fill(in, s)
			signatures.Define(b, poseidon.New(b.API()), []signatures.Row{s.Row})
			signatures.Lookup(b, s.Enabled, &s.Used, s.Valid)
		},
		attacks: []attack{
			{name: "valid called invalid", inputs: invalid, off: result},
			{name: "message swapped", inputs: witness(func(s *signed) { s.Used.Message = 78 }), off: result},
			{name: "forged", inputs: forged, off: result},
			{name: "key swapped", inputs: witness(func(s *signed) { s.Used.KeyX = 1 }), off: result},
			{name: "last bytes swapped", inputs: witness(func(s *signed) {
				s.Used.RByte, s.Used.SByte = s.Used.SByte, s.Used.RByte
			}), off: result},
			{name: "no row", inputs: witness(func(s *signed) { s.Row.Count = 0 }), off: result},
			{name: "enabled not a bit", inputs: witness(func(s *signed) { s.Enabled, s.Row.Count = 2, 2 }), off: []string{"assert:integers.(*Arithmetic).Bit"}},
			{
				name: "R called no point", inputs: invalid,
				hints: override(signatures.RootHint, where(signatures.RootHint, always, func(o []*big.Int) { o[1].SetUint64(0) })),
				off:   []string{"assert:signatures.(*table).readR"},
			},
			{
				name: "the greater root", inputs: invalid,
				hints: override(signatures.RootHint, where(signatures.RootHint, always, func(o []*big.Int) { o[0].Neg(o[0]) })),
				off:   []string{"integers.(*Arithmetic).SplitBelow"},
			},
			{
				name: "another multiple of the base point", inputs: invalid,
				hints: override(signatures.BaseHint, where(signatures.BaseHint, func(in, _ []*big.Int) bool { return in[0].Int64() == 7 }, neutral)),
				off:   base,
			},
			{
				name: "digit too great", inputs: invalid,
				hints: override(bus.LimbHint, where(bus.LimbHint, inFives, func(o []*big.Int) { o[1].Add(o[1], big.NewInt(32)); o[2].Sub(o[2], big.NewInt(1)) })),
				off:   base,
			},
			{
				name:  "counts of multiples",
				hints: override(bus.CountHint, where(bus.CountHint, func(_, o []*big.Int) bool { return len(o) == 32 }, func(o []*big.Int) { o[3].Add(o[3], big.NewInt(1)) })),
				off:   base,
			},
			{
				name: "halves both zero", inputs: forged,
				hints: override(signatures.HalveHint, where(signatures.HalveHint, always, set(0, 0, 0, 0))),
				off:   []string{"assert:signatures.(*table).halve"},
			},
			{
				name: "halves of another challenge", inputs: invalid,
				hints: override(signatures.HalveHint, where(signatures.HalveHint, always, set(5, 1, 0, 0))),
				off:   []string{"signatures.(*table).halve"},
			},
			{
				name: "sign of a half", inputs: invalid,
				hints: override(signatures.HalveHint, where(signatures.HalveHint, always, func(o []*big.Int) { o[2].Sub(big.NewInt(1), o[2]) })),
				off:   []string{"signatures.(*table).halve"},
			},
			{
				name: "another combination", inputs: forged,
				hints: override(signatures.PointHint, where(signatures.PointHint, always, neutral)),
				off:   combinations,
			},
		},
	}}
}
