package soundness_test

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/internal/harness"
	"miletus/circuits/poseidon"
	"miletus/circuits/words"
	"miletus/native/segments"
)

// bound is a segment with its binding; the words after the first two are zero.
func bound(count int, ws ...uint64) (binding words.Binding) {
	raw := make([]byte, segments.Size*count)
	for i, w := range ws {
		new(big.Int).SetUint64(w).FillBytes(raw[segments.Size*i : segments.Size*(i+1)])
	}
	_, h, z, y, err := segments.BindData(raw)
	if err != nil {
		panic(err)
	}
	return words.Binding{Count: count, Hash: h, Point: z, Value: y}
}

// wordSubjects has a segment of two words in a table of 16, and a lookup of the second.
func wordSubjects(t testing.TB) []subject {
	type inputs struct {
		Segment              words.Segment
		Binding              words.Binding
		Enabled, Index, Word frontend.Variable
	}
	make16 := func() *inputs { return &inputs{Segment: words.NewSegment(16)} }
	witness := func(change func(w *inputs)) []frontend.Variable {
		w := make16()
		for i := range w.Segment.Words {
			w.Segment.Words[i], w.Segment.Steps[i], w.Segment.Counts[i] = 0, 0, 0
		}
		w.Segment.Words[0], w.Segment.Words[1] = 100, 200
		w.Segment.Steps[0], w.Segment.Steps[1] = 1, 1
		w.Segment.Counts[1] = 1
		w.Binding = bound(2, 100, 200)
		w.Enabled, w.Index, w.Word = 1, 1, 200
		change(w)
		return harness.Flatten(w)
	}
	define := func(b bus.Bus, in []frontend.Variable) {
		w := make16()
		harness.Fill(in, w)
		words.Define(b, poseidon.New(b.API()), &w.Segment, &w.Binding)
		words.Lookup(b, w.Enabled, w.Index, w.Word)
	}
	bindings, sum := []string{"assert:words.Define"}, []string{"sum:words"}
	// the value of three words at the point of two, so that only their number differs
	padded := bound(2, 100, 200)
	shorter := bound(1, 100)
	var value fr.Element
	value.SetInterface(padded.Value)
	point := padded.Point.(fr.Element)
	value.Mul(&value, &point)
	var wide big.Int
	wide.Lsh(big.NewInt(1), 248)
	return []subject{
		{
			name:    "words",
			gadgets: []string{"words.Define", "words.Lookup"}, ranges: []int{4}, define: define,
			honest: witness(func(*inputs) {}),
			attacks: []attack{
				{name: "word changed", inputs: witness(func(w *inputs) {
					w.Segment.Words[0] = 101
				}), off: bindings},
				{name: "word left out", inputs: witness(func(w *inputs) {
					w.Segment.Steps[1], w.Word = 0, 0
				}), off: bindings},
				{name: "zero word added", inputs: witness(func(w *inputs) {
					w.Segment.Steps[2] = 1
				}), off: bindings},
				{name: "zero word added, with its value", inputs: witness(func(w *inputs) {
					w.Segment.Steps[2], w.Binding.Value = 1, value
				}), off: bindings},
				{name: "words swapped", inputs: witness(func(w *inputs) {
					w.Segment.Words[0], w.Segment.Words[1], w.Word = 200, 100, 100
				}), off: bindings},
				{name: "another number", inputs: witness(func(w *inputs) { w.Binding.Count = 3 }), off: bindings},
				{name: "another hash", inputs: witness(func(w *inputs) { w.Binding.Hash = shorter.Hash }), off: bindings},
				{name: "another point", inputs: witness(func(w *inputs) { w.Binding.Point = shorter.Point }), off: bindings},
				{name: "another value", inputs: witness(func(w *inputs) { w.Binding.Value = shorter.Value }), off: bindings},
				{name: "read differently than posted", inputs: witness(func(w *inputs) { w.Word = 201 }), off: sum},
				{name: "read at another place", inputs: witness(func(w *inputs) { w.Index = 0 }), off: sum},
				{name: "read past the table", inputs: witness(func(w *inputs) { w.Index, w.Word = 16, 0 }), off: sum},
				{name: "half a word", inputs: witness(func(w *inputs) {
					// twice half of the first word: a step that is not a bit scales it
					w.Segment.Steps[0], w.Segment.Words[0], w.Segment.Words[1] = 2, 50, 100
				}), off: []string{"assert:integers.(*Arithmetic).Bit", "assert:words.Define"}},
				{name: "enabled not a bit", inputs: witness(func(w *inputs) {
					w.Enabled, w.Segment.Counts[1] = 2, 2
				}), off: []string{"assert:integers.(*Arithmetic).Bit"}},
			},
		},
		{
			name: "cut", gadgets: []string{"words.Cut"}, ranges: []int{8}, honest: list(256+7, 1, 7),
			define: func(b bus.Bus, in []frontend.Variable) {
				cut := words.Cut(b, in[0])
				b.API().AssertIsEqual(cut[29].Value, in[1])
				b.API().AssertIsEqual(cut[30].Value, in[2])
			},
			attacks: []attack{
				{
					name: "byte of 256", inputs: list(256+7, 0, 256+7), hints: override(words.ByteHint, answer(make([]int64, 30)...)),
					off: []string{"words.Cut"},
				},
				{name: "wide word", inputs: list(&wide, 0, &wide), off: []string{"words.Cut"}},
			},
		},
		{
			name: "decoded element", gadgets: nil, ranges: []int{8}, honest: list(1, 5, 1),
			define: func(b bus.Bus, in []frontend.Variable) {
				a := integers.New(b)
				high, low := a.Unsigned(in[0], 8), a.Unsigned(in[1], 248)
				b.API().AssertIsEqual(a.IsBelowModulus(high, low, 248).Value, in[2])
			},
			attacks: []attack{
				{
					name: "canonical called not", inputs: list(1, 5, 0), hints: override(integers.NegativeHint, answer(0)),
					off: []string{"integers.(*Arithmetic).IsNegative"},
				},
				{
					name: "r + 1 called canonical", inputs: aboveModulus(), hints: override(integers.NegativeHint, oneIsNegative),
					off: []string{"integers.(*Arithmetic).IsNegative"},
				},
			},
		},
	}
}

// aboveModulus is r + 1 by its top byte and the rest, said to be below r.
func aboveModulus() []frontend.Variable {
	v := fr.Modulus()
	v.Add(v, big.NewInt(1))
	low := new(big.Int).Mod(v, new(big.Int).Lsh(big.NewInt(1), 248))
	return list(new(big.Int).Rsh(v, 248), low, 1)
}

// oneIsNegative calls 1 negative, and nothing else.
func oneIsNegative(_ *big.Int, inputs, outputs []*big.Int) error {
	outputs[0].SetUint64(0)
	if inputs[0].Cmp(big.NewInt(1)) == 0 {
		outputs[0].SetUint64(1)
	}
	return nil
}
