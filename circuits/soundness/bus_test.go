package soundness_test

import (
	"math/big"

	"github.com/consensys/gnark/constraint/solver"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/internal/harness"
)

// answer is a hint that always gives the same.
func answer(values ...int64) solver.Hint {
	return func(field *big.Int, _, outputs []*big.Int) error {
		for i := range outputs {
			outputs[i].Mod(big.NewInt(values[i]), field)
		}
		return nil
	}
}

// shift is a hint whose answers are off by a little.
func shift(hint solver.Hint, by ...int64) solver.Hint {
	return func(field *big.Int, inputs, outputs []*big.Int) error {
		err := hint(field, inputs, outputs)
		for i, change := range by {
			outputs[i].Add(outputs[i], big.NewInt(change)).Mod(outputs[i], field)
		}
		return err
	}
}

func override(hint, with solver.Hint) []harness.Override {
	return []harness.Override{{Hint: hint, With: with}}
}

var pairs = bus.Sum{Name: "pairs", Width: 2}

func busSubjects() []subject {
	return []subject{
		{
			name: "settle", gadgets: []string{"bus.Settle"}, ranges: []int{4}, honest: list(3, 4),
			define: func(b bus.Bus, in []frontend.Variable) { bus.Settle(b.API(), b.API().Add(in[0], in[1])) },
			attacks: []attack{
				{name: "another value", hints: override(bus.CopyHint, answer(8)), off: []string{"bus.Settle"}},
			},
		},
		{
			name:    "range",
			gadgets: []string{"bus.CheckRange", "bus.checkTop", "bus.cutLimbs"}, ranges: []int{8}, honest: list(1023),
			define: func(b bus.Bus, in []frontend.Variable) { bus.CheckRange(b, in[0], 10) },
			attacks: []attack{
				{name: "one too many", inputs: list(1024), off: []string{"bus.CheckRange"}},
				{name: "negative", inputs: list(-1), off: []string{"bus.CheckRange"}},
				{name: "wide top limb", inputs: list(1024), hints: override(bus.LimbHint, answer(0, 4)), off: []string{"bus.checkTop"}},
				{name: "limbs that do not fit", hints: override(bus.LimbHint, answer(0, 2)), off: []string{"bus.CheckRange"}},
			},
		},
		{
			name:    "range table",
			gadgets: []string{"bus.(*Logup).countSmall", "bus.(*rangeTable).balance"}, ranges: []int{4}, honest: list(15, 3),
			define: func(b bus.Bus, in []frontend.Variable) { b.Small(in[0], 4); b.Small(in[1], 4) },
			attacks: []attack{
				{name: "not in the table", inputs: list(16, 3), off: []string{"bus.(*rangeTable).balance"}},
				{name: "wrong counts", hints: override(bus.CountHint, shift(bus.CountHint, 1)), off: []string{"bus.(*rangeTable).balance"}},
				{
					name: "counts moved", hints: override(bus.CountHint, shift(bus.CountHint, 1, 0, 0, -1)),
					off: []string{"bus.(*rangeTable).balance"},
				},
			},
		},
		{
			name: "sum", gadgets: []string{"bus.(*account).balance"}, ranges: []int{4}, honest: list(5, 6, 5, 6, 1),
			define: func(b bus.Bus, in []frontend.Variable) {
				b.Push(pairs, 1, in[0], in[1])
				b.Push(pairs, b.API().Neg(in[4]), in[2], in[3])
			},
			attacks: []attack{
				{name: "another tuple", inputs: list(5, 6, 5, 7, 1), off: []string{"bus.(*account).balance"}},
				{name: "elements swapped", inputs: list(5, 6, 6, 5, 1), off: []string{"bus.(*account).balance"}},
				{name: "taken twice", inputs: list(5, 6, 5, 6, 2), off: []string{"bus.(*account).balance"}},
				{name: "not taken", inputs: list(5, 6, 5, 6, 0), off: []string{"sum:pairs"}},
			},
		},
		{
			name: "changes", gadgets: nil, ranges: []int{4}, honest: list(5, 6, 1, 9, 1, 9),
			define: func(b bus.Bus, in []frontend.Variable) {
				b.PushChange(pairs, in[2], in[3], in[0], in[1])
				b.PushChange(pairs, b.API().Neg(in[4]), b.API().Neg(in[5]), in[0], in[1])
			},
			attacks: []attack{
				{name: "another change", inputs: list(5, 6, 1, 9, 1, 8), off: []string{"sum:pairs"}},
				{name: "change for count", inputs: list(5, 6, 2, 8, 1, 9), off: []string{"sum:pairs"}},
			},
		},
		{
			name: "exchange", gadgets: nil, ranges: []int{4}, honest: list(5, 6, 7, 1),
			define: func(b bus.Bus, in []frontend.Variable) {
				b.Push(pairs, in[3], 5, 6)
				b.Exchange(pairs, in[3], in[0:2], []frontend.Variable{nil, in[2]})
				b.Push(pairs, b.API().Neg(in[3]), 5, 7)
			},
			attacks: []attack{
				{name: "takes what is not there", inputs: list(5, 8, 7, 1), off: []string{"sum:pairs"}},
				{name: "gives another", inputs: list(5, 6, 8, 1), off: []string{"sum:pairs"}},
				{name: "another shared element", inputs: list(4, 6, 7, 1), off: []string{"sum:pairs"}},
			},
		},
	}
}
