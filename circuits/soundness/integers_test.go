package soundness_test

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/bus"
	"miletus/circuits/integers"
	"miletus/circuits/layout"
)

// over makes a circuit of the arithmetic alone.
func over(define func(a *integers.Arithmetic, in []frontend.Variable)) func(bus.Bus, []frontend.Variable) {
	return func(b bus.Bus, in []frontend.Variable) { define(integers.New(b), in) }
}

func integerSubjects() []subject {
	modulus := fr.Modulus()
	wrapped := func(v int64) *big.Int { return new(big.Int).Add(modulus, big.NewInt(v)) }
	split := func(v *big.Int, bits uint) (high, low *big.Int) {
		return new(big.Int).Rsh(v, bits), new(big.Int).Mod(v, new(big.Int).Lsh(big.NewInt(1), bits))
	}
	wrappedHigh, wrappedLow := split(wrapped(5), 128)
	return []subject{
		{
			name: "unsigned", gadgets: []string{"integers.(*Arithmetic).Unsigned"}, ranges: []int{4}, honest: list(31),
			define:  over(func(a *integers.Arithmetic, in []frontend.Variable) { a.Unsigned(in[0], 5) }),
			attacks: []attack{{name: "too wide", inputs: list(32), off: []string{"integers.(*Arithmetic).Unsigned"}}},
		},
		{
			name: "signed", gadgets: []string{"integers.(*Arithmetic).Signed"}, ranges: []int{4}, honest: list(-16),
			define: over(func(a *integers.Arithmetic, in []frontend.Variable) { a.Signed(in[0], 5) }),
			attacks: []attack{
				{name: "too low", inputs: list(-17), off: []string{"integers.(*Arithmetic).Signed"}},
				{name: "too high", inputs: list(16), off: []string{"integers.(*Arithmetic).Signed"}},
			},
		},
		{
			name: "between", gadgets: []string{"integers.(*Arithmetic).Between"}, ranges: []int{4}, honest: list(-2),
			define: over(func(a *integers.Arithmetic, in []frontend.Variable) { a.Between(in[0], big.NewInt(-2), big.NewInt(10)) }),
			attacks: []attack{
				{name: "too low", inputs: list(-3), off: []string{"integers.(*Arithmetic).Between"}},
				{name: "too high", inputs: list(11), off: []string{"integers.(*Arithmetic).Between"}},
			},
		},
		{
			name: "bit", gadgets: []string{"integers.(*Arithmetic).Bit"}, ranges: []int{4}, honest: list(1),
			define:  over(func(a *integers.Arithmetic, in []frontend.Variable) { a.Bit(in[0]) }),
			attacks: []attack{{name: "two", inputs: list(2), off: []string{"integers.(*Arithmetic).Bit"}}},
		},
		{
			name: "negative", gadgets: []string{"integers.(*Arithmetic).IsNegative"}, ranges: []int{4}, honest: list(-7, 1),
			define: func(b bus.Bus, in []frontend.Variable) {
				a := integers.New(b)
				b.API().AssertIsEqual(a.IsNegative(a.Signed(in[0], 6)).Value, in[1])
			},
			attacks: []attack{
				{
					name: "negative as positive", inputs: list(-7, 0), hints: override(integers.NegativeHint, answer(0)),
					off: []string{"integers.(*Arithmetic).IsNegative"},
				},
				{
					name: "zero as negative", inputs: list(0, 1), hints: override(integers.NegativeHint, answer(1)),
					off: []string{"integers.(*Arithmetic).IsNegative"},
				},
				{
					name: "neither", inputs: list(-32, 2), hints: override(integers.NegativeHint, answer(2)),
					off: []string{"integers.(*Arithmetic).IsNegative"},
				},
			},
		},
		{
			name: "less", gadgets: []string{"integers.(*Arithmetic).AssertLess"}, ranges: []int{4}, honest: list(3, 4),
			define: over(func(a *integers.Arithmetic, in []frontend.Variable) {
				a.AssertLess(a.Unsigned(in[0], 4), a.Unsigned(in[1], 4))
			}),
			attacks: []attack{
				{name: "equal", inputs: list(4, 4), off: []string{"integers.(*Arithmetic).AssertLess"}},
				{name: "greater", inputs: list(5, 4), off: []string{"integers.(*Arithmetic).AssertLess"}},
			},
		},
		{
			name: "divide", gadgets: []string{"integers.(*Arithmetic).Divide"}, ranges: []int{4}, honest: list(-17, 5, -4, 3),
			define: func(b bus.Bus, in []frontend.Variable) {
				a := integers.New(b)
				divisor := a.Between(in[1], big.NewInt(1), big.NewInt(15))
				quotient, rest := a.Divide(a.Signed(in[0], 8), divisor)
				b.API().AssertIsEqual(quotient.Value, in[2])
				b.API().AssertIsEqual(rest.Value, in[3])
			},
			attacks: []attack{
				{
					name: "towards zero", inputs: list(-17, 5, -3, -2), hints: override(integers.DivideHint, answer(-3, -2)),
					off: []string{"integers.(*Arithmetic).Between"},
				},
				{
					name: "one too few", inputs: list(-17, 5, -5, 8), hints: override(integers.DivideHint, answer(-5, 8)),
					off: []string{"integers.(*Arithmetic).AssertLess"},
				},
				{
					name: "minting a unit", inputs: list(-17, 5, -3, 3), hints: override(integers.DivideHint, answer(-3, 3)),
					off: []string{"assert:integers.(*Arithmetic).Divide"},
				},
			},
		},
		{
			name: "split below", gadgets: []string{"integers.(*Arithmetic).SplitBelow"}, ranges: []int{8},
			honest: list(5, 0, 5),
			define: func(b bus.Bus, in []frontend.Variable) {
				high, low := integers.New(b).SplitBelow(in[0], 128, modulus)
				b.API().AssertIsEqual(high.Value, in[1])
				b.API().AssertIsEqual(low.Value, in[2])
			},
			attacks: []attack{{
				name: "the element as a number above r", inputs: list(5, wrappedHigh, wrappedLow),
				hints: override(bus.LimbHint, cutOf(5, wrapped(5))), off: []string{"assert:integers.(*Arithmetic).SplitBelow"},
			}},
		},
		{
			name: "split", gadgets: []string{"integers.(*Arithmetic).Split"}, ranges: []int{4}, honest: list(77, 9, 5),
			define: func(b bus.Bus, in []frontend.Variable) {
				a := integers.New(b)
				high, low := a.Split(a.Unsigned(in[0], 8), 3)
				b.API().AssertIsEqual(high.Value, in[1])
				b.API().AssertIsEqual(low.Value, in[2])
			},
			attacks: []attack{{
				name: "low part too wide", inputs: list(77, 8, 13), hints: override(bus.LimbHint, cutWide),
				off: []string{"integers.(*Arithmetic).Split"},
			}},
		},
	}
}

// cutOf cuts another number in the place of one.
func cutOf(v int64, other *big.Int) func(*big.Int, []*big.Int, []*big.Int) error {
	return func(field *big.Int, inputs, outputs []*big.Int) error {
		last := len(inputs) - 1
		if inputs[last].Cmp(big.NewInt(v)) == 0 && len(outputs) == 2 && inputs[0].Cmp(big.NewInt(128)) == 0 {
			inputs = append(append([]*big.Int(nil), inputs[:last]...), other)
		}
		return bus.LimbHint(field, inputs, outputs)
	}
}

// cutWide leaves one too many in the low part of a cut of 3 bits.
func cutWide(field *big.Int, inputs, outputs []*big.Int) error {
	err := bus.LimbHint(field, inputs, outputs)
	if inputs[0].Cmp(big.NewInt(3)) == 0 && len(outputs) == 2 {
		outputs[1].Sub(outputs[1], big.NewInt(1))
	}
	return err
}

func layoutSubjects() []subject {
	slots := []layout.Slot{{Field: 0, Bits: 6, Signed: true}, {Field: 1, Bits: 5}}
	return []subject{{
		name: "unpack", gadgets: []string{"layout.Unpack"}, ranges: []int{4}, honest: list(-20+64*3, -20, 3),
		define: func(b bus.Bus, in []frontend.Variable) {
			fields := layout.Unpack(integers.New(b), b.API(), slots, in[0])
			b.API().AssertIsEqual(fields[0].Value, in[1])
			b.API().AssertIsEqual(fields[1].Value, in[2])
		},
		attacks: []attack{
			{
				name: "another field", inputs: list(-20+64*3, -19, 3), hints: override(layout.UnpackHint, answer(-19, 3)),
				off: []string{"assert:layout.Unpack"},
			},
			{
				name: "moved between fields", inputs: list(-20+64*3, 44, 2), hints: override(layout.UnpackHint, answer(44, 2)),
				off: []string{"bus.CheckRange"},
			},
			{
				name: "negative for unsigned", inputs: list(-20, 44, -1), hints: override(layout.UnpackHint, answer(44, -1)),
				off: []string{"layout.Unpack"},
			},
		},
	}}
}
